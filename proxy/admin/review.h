// The reviewer's work as the admin API gives it: what is held, one release with all that speaks for
// and against it, and decisions about it. Thread-safe; blocks on disk if it does not return a
// Task.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <string>

#include "proxy/admin/release_diff.h"
#include "proxy/admin/requests.h"
#include "proxy/net/http.h"
#include "proxy/packages/packages.h"
#include "proxy/runtime/audit_writer.h"

namespace npmgate {

struct ReviewDependencies {
  const Config& config;
  const Clock& clock;
  StateStore& store;
  ActivePolicy& active_policy;
  Packages& packages;
  Pool& pool;
  ReleaseReport report;
  ReleaseDiffs& diffs;
  AuditWriter& audit_writer;
};

class Review {
 public:
  explicit Review(ReviewDependencies deps) : deps_(std::move(deps)) {}

  // GET /api/v1/releases?verdict&package&only&severity&rule&sort&limit&cursor: every release that
  // was judged, with its verdict as of now, in the order of queue_order.h.
  Result<Response> list(const std::string& query) const;

  // GET /api/v1/releases/NAME/VERSION (verb ""), POST …/approve, …/reject, …/reopen. `query` may
  // ask for `page=plain` or `page=colour`: the review page as text. A release that was not
  // inspected yet is, for show and approve. `version` is a range if it is rejected, and then the
  // package need not be known.
  Task<Response> release(std::string name, std::string version, std::string verb, std::string query,
                         std::string body, std::string actor);

  // POST /api/v1/decisions: the same decision about up to 100 releases, each bound to the content
  // and the findings that were shown. 409 with {"changed": [{name, version, why}]} if one is not as
  // it was shown: then nothing is decided.
  Task<Response> decide_all(std::string body, std::string actor);

  // GET /api/v1/releases/NAME/VERSION/diff: what changed in its files (diff_view.h). 404 if the
  // release is unknown or was not inspected, 503 with the reason if its tarball or that of the
  // release before is not available or cannot be compared.
  Task<Response> diff(std::string name, std::string version);

 private:
  struct DecisionRequest {  // a decision as it was sent
    DecisionRequest() {}
    std::string name, version, verb, actor, reason, content, seen;
    std::optional<std::vector<std::string>> shown;
    std::optional<Time> expires;
    ForSome some;  // of an approval, and of a reopen that means this one alone
  };
  Result<DecisionRequest> read_common(const boost::json::object& object, const std::string& verb,
                                      const std::string& actor) const;
  Result<DecisionRequest> read_wish(const PackageName& name, const std::string& version,
                                    const std::string& verb, const std::string& body,
                                    const std::string& actor) const;
  Task<Result<SnapshotPtr>> snapshot_for(PackageName name, std::string version);
  Result<Response> show(const SnapshotPtr& snapshot, const std::string& version,
                        const std::string& query) const;
  Result<void> put_in_force(const std::string& name) const;
  // Whoever asked for what was decided hears of it.
  void answer_askers(const DecisionRequest& request, const char* answer) const;
  void write_verdicts() const;
  Result<void> add_rejection(const DecisionRequest& request, const PolicySnapshot& rules) const;
  Result<void> add_approval(const Judged& judged, const DecisionRequest& request,
                            const PolicySnapshot& rules) const;
  std::vector<Decision> ended_by(const DecisionRequest& request, const PolicySnapshot& rules) const;
  Result<void> end_decisions(const DecisionRequest& request, const PolicySnapshot& rules) const;
  static std::string changed_since(const Judged& judged, const DecisionRequest& request);
  static std::pair<int, std::string> cannot_approve(const Judged* judged,
                                                    const PackageSnapshot& snapshot,
                                                    const DecisionRequest& request);
  Result<std::vector<DecisionRequest>> read_all(const std::string& body,
                                                const std::string& actor) const;
  std::string why_not(const DecisionRequest& request, const SnapshotPtr& snapshot,
                      const PolicySnapshot& rules) const;
  Result<void> write_decision(const DecisionRequest& request, const SnapshotPtr& snapshot,
                              const PolicySnapshot& rules) const;
  Result<Response> decide_these(const std::vector<DecisionRequest>& all,
                                const std::vector<SnapshotPtr>& snapshots) const;
  Result<Response> reject(const DecisionRequest& request) const;
  Result<Response> reopen(const DecisionRequest& request) const;
  Result<Response> approve(const SnapshotPtr& snapshot, const DecisionRequest& request) const;
  AuditEntry audit_of(const DecisionRequest& request, const PolicySnapshot& rules) const;
  boost::json::object standing(const DecisionRequest& request) const;

  ReviewDependencies deps_;
};

boost::json::object decision_json(const Decision& decision);
// "id:digest" of each finding: what an approval covers.
std::vector<std::string> shown_findings(const std::vector<Finding>& findings);
// One word for a content and everything that was shown about it, so that an approval can name it:
// 16 hex digits of SHA-256.
std::string seen_digest(const std::string& content_id, std::vector<std::string> shown);
// Who asked for the release and was refused in the last 30 days, latest first.
Result<boost::json::array> waiting_for(AuditLog& store, const std::string& name,
                                       const std::string& version, Time now);

}  // namespace npmgate
