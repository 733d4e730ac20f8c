// Packument answers: what a name's document looks like under the policy in force, rendered once and
// kept finished (identity and gzip bytes, ETag).
//
// The life of a request:
//
//   at_once()       on the loop: the finished answer, if it is right and nothing is due     -> hit
//   cached()        the finished answer, if it is right; PackumentFetcher::usable() says whether it
//                   may be sent while a refresh runs behind it                              -> hit
//   snapshot_for()  the package as of now; a refresh that found nothing new leaves the answer right
//                                                                                           -> hit
//   render          single flight per answer and rules revision:                            -> miss
//     prepare()       rounds of: judge, inspect what a resolver would pick. What is not inspected
//                     in time is asked for again (503), for some minutes: what is resolved must not
//                     depend on load. What cannot be fetched is left out, and the answer asked for
//                     again soon
//     render()        list, render, compress, on the pool
//     put()           kept until a revision grows or `valid_until` passes
//     inspect_later() the other recent releases, behind the answer
//   respond()       304, gzip or identity; headers that depend on the moment
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/finished_cache.h"
#include "proxy/net/http.h"
#include "proxy/packages/packages.h"
#include "proxy/registry/late_releases.h"
#include "proxy/registry/memory_files.h"
#include "proxy/runtime/audit_writer.h"
#include "registry/render.h"

namespace npmgate {

// A finished document. Immutable.
struct RenderedPackument {
  Bytes identity, gzip;
  // Instead of them if they are large: files in memory, so that they are sent without being
  // copied.
  std::shared_ptr<const BlobStore::Handle> identity_file, gzip_file;
  std::string etag;           // quoted; the gzip representation's has "-gz" inside the quotes
  Time modified{};            // when these bytes first were the answer
  std::string last_modified;  // the same as IMF-fixdate; different bytes never share one
  std::string notice;         // npm-notice: why recent versions are left out; "" = none
  bool own = false;           // for one client alone: no cache may keep it
  int status = 200;           // 403 if no version is left
  // What decides whether it is still right; the package itself is not needed for that.
  PackageStatePtr state;
  std::uint64_t snapshot_revision = 0, rules_revision = 0;
  std::optional<Time> valid_until;
  // Of 200: the heads that both representations are sent with, but for what depends on the time.
  Bytes identity_head, gzip_head;
};
using RenderedPackumentPtr = std::shared_ptr<const RenderedPackument>;

class PackumentService {
 public:
  PackumentService(Dependencies deps, Packages& packages, AuditWriter& audit_writer)
      : deps_(deps), packages_(packages), audit_writer_(audit_writer) {}

  // The finished answer, if there is one that is right and nothing is due: on the loop, without
  // waiting for anything.
  std::optional<Response> at_once(const PackageName& name, Form form, const Request& request);
  // GET /name. Inspects what a resolver would pick, within inspection.timeout, before it answers.
  Task<Response> packument(PackageName name, Form form, const Request& request);
  // GET /name/version-or-tag.
  Task<Response> manifest(PackageName name, std::string version_or_tag, const Request& request);
  // GET /-/package/name/dist-tags.
  Task<Response> dist_tags(PackageName name, std::string tag, const Request& request);

 private:
  struct Prepared {  // a snapshot with the picks inspected
    Prepared() {}
    SnapshotPtr snapshot;
    std::shared_ptr<const PolicySnapshot> rules;
    std::set<std::string, std::less<>> undecided;
    std::vector<std::string> late;  // of this round: tried, and not decided in time
  };
  // The package, asked for again if the client wants no cache's answer and it was not asked a
  // moment ago: what was published just now must be there for who knows of it.
  bool asks_again(const Request& request, Time fetched) const;
  Task<Result<SnapshotPtr>> snapshot_for(PackageName name, const Request& request);
  // What the key of an answer needs beside name, form and URL: "" unless an approval of the package
  // is for this client alone.
  std::string own_part(const PackageName& name, const Request& request) const;
  Task<Result<Prepared>> prepare(PackageName name, Asked asked);
  Task<void> inspect_all(Prepared& prepared, std::vector<std::string> picks,
                         std::chrono::steady_clock::time_point deadline);
  // The error to answer with while there is patience with these; else they are left out.
  std::optional<Error> wait_for_late(Prepared& prepared, const std::vector<std::string>& late);
  void tell(Judge& judge, const Judge::Listing& listing, const PolicySnapshot& rules);
  Result<RenderedPackumentPtr> render(const Prepared& prepared, Form form,
                                      const std::string& base_url, const Audience& audience);
  // The finished one, if it is still right.
  RenderedPackumentPtr cached(const std::string& key);
  // Keeps it and returns it as it is to be sent: dated after what was there before.
  RenderedPackumentPtr put(const std::string& key, RenderedPackumentPtr answer);
  Response respond(const RenderedPackumentPtr& answer, const Request& request,
                   std::string_view cache) const;

  std::string age_of(const RenderedPackument& answer) const;

  Dependencies deps_;
  Packages& packages_;
  AuditWriter& audit_writer_;
  MemoryFiles files_;
  SingleFlight<Result<RenderedPackumentPtr>> renders_;
  FinishedCache<RenderedPackument> finished_;
  LateReleases late_;
};

// The rendered inputs of a listing; `wanted` restricts to one version.
RenderInput render_input(const PackageSnapshot& snapshot, const Judge::Listing& listing, Form form,
                         const std::string& base_url);

}  // namespace npmgate
