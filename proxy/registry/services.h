// Registry services that an upstream answers beside packages: search, signing keys, attestations,
// audits. Every name goes to its own upstream and to no other. Thread-safe.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <map>
#include <optional>
#include <string>

#include "proxy/net/async.h"
#include "proxy/net/http.h"
#include "proxy/packages/dependencies.h"
#include "proxy/runtime/audit_writer.h"
#include "proxy/runtime/config.h"
#include "registry/target.h"

namespace npmgate {

class RegistryServices {
 public:
  RegistryServices(Dependencies deps, AuditWriter& audit_writer)
      : deps_(deps), audit_writer_(audit_writer) {}

  // A search is asked at the upstream of the first word that is a name (or scope:…) routed
  // elsewhere than to the fallback, and names of other upstreams are taken out of the answer.
  Task<Response> search(ServiceTarget target);
  // Keys and attestations: the upstream of the name, the fallback without one.
  Task<Response> pass(ServiceTarget target);
  // POST …/advisories/bulk: noted in the ledger as reported, split per upstream, and the answer
  // gains an advisory for every listed release that is refused for a reason other than its age. An
  // upstream that could not be asked is an error (424, 404 if it has no such endpoint), or, beside
  // advisories of the gate's own, one more that says so: never an empty answer. Only an upstream of
  // its own names that has no such endpoint is left out: there is nothing to ask.
  Task<Response> audit_bulk(ServiceTarget target, const Request& request);
  // POST …/audits/quick (pnpm 10): the same without what is not the fallback's.
  Task<Response> audit_quick(ServiceTarget target, const Request& request);

 private:
  // The upstream without scopes and packages; null if there is none.
  const UpstreamConfig* fallback() const;
  const UpstreamConfig* of_text(std::string_view text) const;
  bool goes_to(const std::string& name, const UpstreamConfig* upstream) const;
  Task<Response> forward(const UpstreamConfig& upstream, std::string method,
                         std::string path_and_query, std::string body);
  // What an upstream says to an audit, or why it says nothing.
  struct AuditAnswer {
    AuditAnswer() {}  // a constructor: it travels out of coroutines (see proxy/net/async.h)
    std::optional<boost::json::object> found;
    std::string problem;   // one sentence; "" with `found`
    bool missing = false;  // it has no such endpoint
  };
  Task<AuditAnswer> ask_audit(const UpstreamConfig& upstream, std::string path, std::string body);
  // A bulk request, read: what is asked of whom, and what the gate itself has to say to it. Blocks.
  struct BulkAudit;
  Result<std::shared_ptr<BulkAudit>> read_bulk(const Request& request);
  void report(const std::string& name, std::string_view version, const Request& request);
  void scrub(boost::json::value& tree, const UpstreamConfig* upstream, const Request& request);
  // The gate's own advisories for what was asked, by name.
  Result<boost::json::object> own_advisories(const boost::json::object& asked,
                                             const std::string& base_url) const;

  Dependencies deps_;
  AuditWriter& audit_writer_;
};

}  // namespace npmgate
