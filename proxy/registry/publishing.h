// Writes to upstreams that say `writable: true`: passed on with the client's own credentials, after
// a look that no filtered view is written back (SPEC, section 6).
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "proxy/packages/packument_fetcher.h"
#include "proxy/runtime/audit_writer.h"
#include "registry/target.h"
#include "registry/write_document.h"

namespace npmgate {

// Thread-safe.
class Publishing {
 public:
  // The largest body that passes: a tarball of some 90 MiB in base64. Below what listeners read and
  // throw away (ServerLimits::max_discarded), so that a client hears the 413.
  static constexpr std::size_t kMaxBody = std::size_t{128} << 20;

  Publishing(Dependencies deps, PackumentFetcher& packuments, AuditWriter& audit_writer)
      : deps_(deps), packuments_(packuments), audit_writer_(audit_writer) {}

  // Whether this write may pass: its name's upstream is writable.
  bool takes(const WriteTarget& target) const;
  bool takes(const PackageName& name) const;

  // The refusal of a request that brings no credentials which the upstream of `name` knows: it is
  // asked (-/whoami), and what it knew is believed for a minute. Before a body is taken.
  Task<std::optional<Response>> identify(PackageName name, const Request& request);
  // The upstream's answer to the write. 401 if the client sent a token of the gate instead of
  // credentials for the upstream, 403 if the document would take away what the client was not
  // shown.
  Task<Response> write(WriteTarget target, const Request& request);
  // GET /name?write=true: the upstream's own document, unfiltered, to be written back.
  Task<Response> document(PackageName name, const Request& request);
  // whoami with credentials that are not the gate's: asked at the one writable upstream. nullopt
  // if there is not exactly one.
  Task<std::optional<Response>> whoami(const Request& request);

 private:
  bool known_lately(const std::string& credentials);
  void remember(const std::string& credentials);
  const UpstreamConfig* writable_route(const PackageName& name) const;
  // With the request's body, or without one.
  enum class With { kBody, kNothing };
  Task<Result<FetchReply>> pass(const UpstreamConfig& upstream, std::string method,
                                std::string path, const Request& request, With with);
  Task<Result<WriteDocument>> read_document(const Request& request);
  Task<Result<Response>> check_document(const UpstreamConfig& upstream, PackageName name,
                                        bool revision, const Request& request);
  void record(const WriteTarget& target, const Request& request, int status);

  Dependencies deps_;
  PackumentFetcher& packuments_;
  AuditWriter& audit_writer_;
  std::mutex mutex_;
  std::map<std::string, Time> known_;  // SHA-256 of upstream and credentials -> until when
};

}  // namespace npmgate
