// The admin listener: health, metrics, and the API behind the review queue (SPEC, section 7).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "proxy/admin/release_diff.h"
#include "proxy/admin/review.h"
#include "proxy/admin/subscriptions.h"
#include "proxy/net/query.h"
#include "proxy/registry/gate.h"
#include "proxy/runtime/access.h"
#include "proxy/runtime/audit_writer.h"
#include "proxy/runtime/feed_reloader.h"

namespace npmgate {

struct AdminDependencies {
  const Config& config;
  const Clock& clock;
  StateStore& store;
  ActivePolicy& active_policy;
  Metrics& metrics;
  Packages& packages;
  Pool& pool;
  BlobStore& blobs;
  Inspector& inspector;
  Access& access;
  Subscriptions& subscriptions;
  ReleaseReport report;
  AuditWriter& audit_writer;
  const FeedWatch* feeds = nullptr;  // null: none can be configured
};

// One request to the API, authenticated.
struct AdminCall {
  AdminCall() {}  // a constructor: it travels into coroutines (see proxy/net/async.h)
  std::shared_ptr<const Request> request;
  StringMap arguments;  // what the path gave for {name}, {version} …
  std::string query;
  Caller actor;
};

struct AdminRoute {
  AdminRoute(std::string m, std::string p, Scope s, std::function<Task<Response>(AdminCall)> h)
      : method(std::move(m)), pattern(std::move(p)), needs(s), handler(std::move(h)) {}
  std::string method, pattern;  // as match_route() reads it
  Scope needs;                  // kNone: open to everybody who reaches the listener
  std::function<Task<Response>(AdminCall)> handler;
};

// Every /api/v1 request needs a bearer token of scope review or admin (npm-gate token create);
// /healthz, /readyz and the API's own description need none, /metrics none from a loopback address.
// The routes are one table (admin_routes.cc) that openapi.json describes; others may add() theirs
// before the listener starts. Thread-safe after that.
class Admin final : public Service {
 public:
  explicit Admin(AdminDependencies deps);
  void add(AdminRoute route) { routes_.push_back(std::move(route)); }
  // Refuses what a browser was led to do: a Host that is neither an address nor `admin.url` or one
  // of `admin.hosts` (421, but for probes), what another site's page sends (403), a body that is
  // not JSON for the API (415).
  Task<Response> handle(std::shared_ptr<Request> request) override;
  // The same for a request whose Host was looked at already: one for a page of the desk that came
  // to the gate's own address.
  Task<Response> answer(std::shared_ptr<Request> request);
  // Whether a page of this very listener (or, if `request` is mounted, of the gate) sent it.
  // Browsers state Origin with every POST (Fetch standard).
  bool is_from_own_page(const Request& request) const;
  BodyRule body_rule(std::string_view method, std::string_view target) const override;

  // A request to the API by somebody who is known already: the desk's way in.
  Task<Response> call_as(Caller actor, std::shared_ptr<Request> request);
  // The caller of an Authorization header, and kUnavailable if the state cannot be read.
  Result<Caller> caller(std::string_view authorization) {
    return deps_.access.caller(authorization);
  }
  // Counts a failed login of `peer`; true if it had too many lately.
  bool too_many_failures(const std::string& peer);

  // For handlers: `work` on the pool, its error as a response.
  Task<Response> on_pool(std::function<Result<Response>()> work);

 private:
  using Reader = Result<Response> (Admin::*)(const AdminCall& call);
  std::function<Task<Response>(AdminCall)> reading(Reader reader);
  // The handler of a call whose method and path fit a route; null with the refusal if none does.
  std::optional<Response> refuse_foreign(const Request& request) const;
  bool is_own_host(std::string_view host) const;
  const AdminRoute* find_route(const Request& request, AdminCall& call, Response& refusal) const;
  Task<Response> authorized(const AdminRoute& route, AdminCall call);

  Task<Response> release(AdminCall call, std::string verb);
  Result<Response> list_releases(const AdminCall& call);
  Result<Response> downloads(const AdminCall& call);
  Result<Response> audit(const AdminCall& call);
  Result<Response> policy(const AdminCall& call);
  Result<Response> index(const AdminCall& call);
  Result<Response> ready(const AdminCall& call);
  Task<Response> metrics(AdminCall call);
  Task<Response> cache_refresh(AdminCall call);
  Task<Response> cache_purge(AdminCall call);
  Result<Response> subscribe(const AdminCall& call);
  Result<Response> list_subscriptions(const AdminCall& call);
  Result<Response> show_subscription(const AdminCall& call);
  Result<Response> unsubscribe(const AdminCall& call);
  Result<Response> purge(const PackageName& name);
  Result<Response> search(const AdminCall& call);
  Task<Response> package(AdminCall call);
  Result<Response> rules(const AdminCall& call);
  Result<Response> state(const AdminCall& call);
  Result<Response> list_requests(const AdminCall& call);
  Task<Response> decline(AdminCall call);
  Result<Response> decline_with(const ReleaseRequest& request, const std::string& reason,
                                const std::string& instead, const std::string& actor);

  AdminDependencies deps_;
  ReleaseDiffs diffs_;
  Review review_;
  std::vector<AdminRoute> routes_;
  std::mutex mutex_;
  struct Failures {
    int count = 0;
    Time last{};
  };
  std::map<std::string, Failures> failures_;
};

// limit= of a listing, 100 without one; kMalformed unless it is a number from 1 to 1000.
Result<int> page_limit(std::string_view query);

}  // namespace npmgate
