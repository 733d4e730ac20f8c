// The admin listener's routes, who may use them, and what is the same for all of them.
#include <sys/statvfs.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "base/text.h"
#include "base/url.h"
#include "proxy/admin/admin.h"
#include "proxy/admin/data.h"

namespace npmgate {
namespace {

constexpr std::size_t kMaxBody = 64 * 1024;
constexpr std::string_view kSubscriptions = "/api/v1/subscriptions";
// Failed logins of one address in a row that are answered in full; further ones only say to wait. A
// valid token always passes: one script with an old token must not lock the reviewers out, and
// 256-bit tokens cannot be guessed.
constexpr int kFailuresAllowed = 5;
constexpr auto kForget = std::chrono::minutes(1);
// Addresses remembered at once; an attacker with more of them than this gains nothing.
constexpr std::size_t kMaxTracked = 10'000;
// Below this the next tarballs would not fit: somebody should act, and traffic go elsewhere.
constexpr std::uint64_t kLowDisk = std::uint64_t{64} << 20;

std::function<Task<Response>(AdminCall)> saying(std::string text, std::string type) {
  return [text = std::move(text), type = std::move(type)](AdminCall) -> Task<Response> {
    co_return text_response(200, text, type);
  };
}

bool is_low_on_disk(const std::string& path) {
  struct statvfs status {};
  if (::statvfs(path.c_str(), &status) != 0) return true;
  return static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize < kLowDisk;
}

// "127.0.0.1", "localhost", "[::1]" of a Host header, with any port.
std::string_view host_of(std::string_view host) {
  if (host.starts_with('[')) return host.substr(0, host.find(']') + 1);
  return host.substr(0, host.find(':'));
}

std::string others(const std::vector<AdminRoute>& routes, const std::string& path) {
  std::string methods;
  for (const AdminRoute& route : routes) {
    if (match_route(route.pattern, path)) methods += (methods.empty() ? "" : ", ") + route.method;
  }
  return methods;
}

}  // namespace

Admin::Admin(AdminDependencies deps)
    : deps_(deps),
      diffs_(deps.blobs, deps.packages.tarballs, deps.pool, deps.inspector, deps.config.limits),
      review_({deps.config, deps.clock, deps.store, deps.active_policy, deps.packages, deps.pool,
               deps.report, diffs_, deps.audit_writer}) {
  const auto releasing = [this](const char* verb) {
    return [this, verb](AdminCall call) { return release(std::move(call), verb); };
  };
  const std::string kRelease = "/api/v1/releases/{name}/{version}";
  const std::string kText = "text/plain; charset=utf-8", kJson = "application/json";
  add({"GET", "/healthz", Scope::kNone, saying("ok\n", kText)});
  add({"GET", "/readyz", Scope::kNone, reading(&Admin::ready)});
  add({"GET", "/metrics", Scope::kNone,
       [this](AdminCall call) { return metrics(std::move(call)); }});
  add({"GET", "/api/v1", Scope::kNone, reading(&Admin::index)});
  add({"GET", "/api/v1/openapi.json", Scope::kNone, saying(std::string(data::openapi()), kJson)});
  add({"GET", "/api/v1/releases", Scope::kReview, reading(&Admin::list_releases)});
  add({"GET", kRelease, Scope::kReview, releasing("")});
  add({"GET", kRelease + "/diff", Scope::kReview, [this](AdminCall call) {
         return review_.diff(call.arguments["name"], call.arguments["version"]);
       }});
  add({"POST", kRelease + "/approve", Scope::kReview, releasing("approve")});
  add({"POST", kRelease + "/reject", Scope::kReview, releasing("reject")});
  add({"POST", kRelease + "/reopen", Scope::kReview, releasing("reopen")});
  add({"POST", "/api/v1/decisions", Scope::kReview,
       [this](AdminCall call) { return review_.decide_all(call.request->body, call.actor.name); }});
  add({"GET", "/api/v1/requests", Scope::kReview, reading(&Admin::list_requests)});
  add({"POST", "/api/v1/requests/{id}/decline", Scope::kReview,
       [this](AdminCall call) { return decline(std::move(call)); }});
  add({"GET", "/api/v1/downloads", Scope::kReview, reading(&Admin::downloads)});
  add({"GET", "/api/v1/audit", Scope::kReview, reading(&Admin::audit)});
  add({"GET", "/api/v1/search", Scope::kReview, reading(&Admin::search)});
  add({"GET", "/api/v1/packages/{name}", Scope::kReview,
       [this](AdminCall call) { return package(std::move(call)); }});
  add({"GET", "/api/v1/rules", Scope::kReview, reading(&Admin::rules)});
  add({"GET", "/api/v1/state", Scope::kReview, reading(&Admin::state)});
  add({"GET", "/api/v1/policy", Scope::kReview, reading(&Admin::policy)});
  add({"POST", "/api/v1/cache/{name}/refresh", Scope::kAdmin,
       [this](AdminCall call) { return cache_refresh(std::move(call)); }});
  add({"POST", "/api/v1/cache/{name}/purge", Scope::kAdmin,
       [this](AdminCall call) { return cache_purge(std::move(call)); }});
  const std::string subscriptions(kSubscriptions);
  add({"POST", subscriptions, Scope::kInstall, reading(&Admin::subscribe)});
  add({"GET", subscriptions, Scope::kReview, reading(&Admin::list_subscriptions)});
  add({"GET", subscriptions + "/{id}", Scope::kReview, reading(&Admin::show_subscription)});
  add({"DELETE", subscriptions + "/{id}", Scope::kInstall, reading(&Admin::unsubscribe)});
}

BodyRule Admin::body_rule(std::string_view method, std::string_view target) const {
  if (method == "POST" && target == kSubscriptions) return {kMaxSubscriptionBody};
  return {method == "POST" ? kMaxBody : 0};
}

std::function<Task<Response>(AdminCall)> Admin::reading(Reader reader) {
  return [this, reader](AdminCall call) -> Task<Response> {
    auto work = [this, reader, &call] { return (this->*reader)(call); };
    co_return co_await on_pool(std::move(work));
  };
}

Task<Response> Admin::on_pool(std::function<Result<Response>()> work) {
  auto response = co_await deps_.pool.offload(std::move(work));
  if (!response) co_return response_for(response.error());
  co_return std::move(*response);
}

const AdminRoute* Admin::find_route(const Request& request, AdminCall& call,
                                    Response& refusal) const {
  const std::size_t question = request.target.find('?');
  std::string path = request.target.substr(0, question);
  if (question != std::string::npos) call.query = request.target.substr(question + 1);
  if (path.size() > 1 && path.ends_with('/')) path.pop_back();
  const std::string method = request.method == "HEAD" ? "GET" : request.method;
  for (const AdminRoute& route : routes_) {
    if (route.method != method) continue;
    auto arguments = match_route(route.pattern, path);
    if (!arguments) continue;
    call.arguments = std::move(*arguments);
    return &route;
  }
  const std::string allowed = others(routes_, path);
  if (allowed.empty()) {
    refusal = error_response(404, "npm-gate: no such endpoint; /api/v1/openapi.json has them all");
  } else {
    refusal = error_response(405, "npm-gate: this endpoint takes " + allowed);
    refusal.set("allow", allowed);
  }
  return nullptr;
}

// Names resolve to where their owner says: one that points at this address must not make a browser
// send what belongs to it (DNS rebinding). Addresses and localhost have no owner.
bool Admin::is_own_host(std::string_view host) const {
  const std::string name = lower_ascii(host_of(host));
  if (name == "localhost" || name.starts_with('[')) return true;
  if (!name.empty() && name.find_first_not_of("0123456789.") == std::string::npos) return true;
  const AdminConfig& own = deps_.config.admin;
  const auto url = parse_url(own.url);
  return (url && url->host == name) ||
         std::find(own.hosts.begin(), own.hosts.end(), name) != own.hosts.end();
}

bool Admin::is_from_own_page(const Request& request) const {
  const std::string_view text = request.headers.get("origin");
  const auto origin = parse_url(std::string(text) + "/");
  if (text.empty() || !origin) return false;
  const auto is = [&origin](const std::string& url) {
    const auto own = parse_url(url);
    return own && own->origin() == origin->origin();
  };
  if (!request.mount.empty()) return is(request.base_url);
  const std::string host(request.headers.get("host"));
  // A proxy in front may speak TLS for us: either scheme.
  return is(deps_.config.admin.url) || is("http://" + host + "/") || is("https://" + host + "/");
}

std::optional<Response> Admin::refuse_foreign(const Request& request) const {
  const std::string path = request.target.substr(0, request.target.find('?'));
  if (path == "/healthz" || path == "/readyz") return std::nullopt;  // probes ask by any name
  if (!is_own_host(request.headers.get("host"))) {
    return error_response(421, "npm-gate: the admin listener does not answer for the host '" +
                                   log::printable(request.headers.get("host"), 80) +
                                   "' (admin.url, admin.hosts in gate.yaml)");
  }
  const bool reads = request.method == "GET" || request.method == "HEAD";
  if (reads) return std::nullopt;
  if (request.headers.has("origin") && !is_from_own_page(request))
    return error_response(403, "npm-gate: this was sent by a page of another site");
  const std::string_view type = request.headers.get("content-type");
  const bool json = lower_ascii(type.substr(0, type.find(';'))) == "application/json";
  if (path.starts_with("/api/") && !request.body.empty() && !json)
    return error_response(415, "npm-gate: send content-type: application/json");
  return std::nullopt;
}

Task<Response> Admin::handle(std::shared_ptr<Request> request) {
  if (auto refused = refuse_foreign(*request)) co_return std::move(*refused);
  co_return co_await answer(request);
}

Task<Response> Admin::answer(std::shared_ptr<Request> request) {
  AdminCall call;
  call.request = request;
  Response response;
  const AdminRoute* const route = find_route(*request, call, response);
  if (route != nullptr) response = co_await authorized(*route, std::move(call));
  response.set("x-content-type-options", "nosniff");
  co_return response;
}

Task<Response> Admin::call_as(Caller actor, std::shared_ptr<Request> request) {
  AdminCall call;
  call.request = request;
  call.actor = std::move(actor);
  Response refusal;
  const AdminRoute* const route = find_route(*request, call, refusal);
  if (route == nullptr) co_return refusal;
  if (call.actor.scope < route->needs)
    co_return error_response(403, "npm-gate: your token's scope does not suffice for this");
  co_return co_await route->handler(std::move(call));
}

Task<Response> Admin::authorized(const AdminRoute& route, AdminCall call) {
  auto caller = deps_.access.caller(call.request->headers.get("authorization"));
  if (!caller) co_return response_for(caller.error());
  call.actor = std::move(*caller);
  if (route.needs == Scope::kNone || call.actor.scope >= route.needs)
    co_return co_await route.handler(std::move(call));
  if (call.actor.scope != Scope::kNone) {
    co_return error_response(403, "npm-gate: the token '" + log::printable(call.actor.name, 80) +
                                      "' has scope " + std::string(to_string(call.actor.scope)) +
                                      "; this needs " + std::string(to_string(route.needs)));
  }
  deps_.metrics.add("npm_gate_logins_failed_total", R"(listener="admin")");
  if (too_many_failures(call.request->peer)) {
    Response later = error_response(429, "npm-gate: too many failed logins; try again in a minute");
    later.set("retry-after", "60");
    co_return later;
  }
  const std::string scope = route.needs == Scope::kAdmin    ? "admin"
                            : route.needs == Scope::kReview ? "review or admin"
                                                            : "install, review or admin";
  Response refused = error_response(
      401, "npm-gate: a bearer token of scope " + scope + " is needed (npm-gate token create)");
  refused.set("www-authenticate", "Bearer realm=\"npm-gate admin\"");
  co_return refused;
}

Result<Response> Admin::subscribe(const AdminCall& call) {
  return deps_.subscriptions.upload(call.request->body, call.actor.name);
}

Result<Response> Admin::list_subscriptions(const AdminCall&) {
  return deps_.subscriptions.list();
}

Result<Response> Admin::show_subscription(const AdminCall& call) {
  return deps_.subscriptions.show(call.arguments.find("id")->second);
}

Result<Response> Admin::unsubscribe(const AdminCall& call) {
  return deps_.subscriptions.remove(call.arguments.find("id")->second);
}

bool Admin::too_many_failures(const std::string& peer) {
  const Time now = deps_.clock.now();
  const std::lock_guard lock(mutex_);
  if (failures_.size() > kMaxTracked) failures_.clear();
  Failures& failures = failures_[peer];
  if (now - failures.last >= kForget) failures.count = 0;
  if (failures.count >= kFailuresAllowed) return true;
  ++failures.count;
  failures.last = now;
  return false;
}

// What stops the gate from doing its work; a load balancer sends requests elsewhere meanwhile.
Result<Response> Admin::ready(const AdminCall&) {
  std::string why;
  if (deps_.active_policy.rules() == nullptr) why += "no policy is loaded\n";
  if (const auto read = deps_.store.setting("ready"); !read)
    why += "the state cannot be read: " + read.error().context + "\n";
  if (is_low_on_disk(deps_.config.storage_path))
    why += "less than 64 MiB are free at " + deps_.config.storage_path + "\n";
  // The feed before it stays in force: degraded, not down.
  const std::string problem = deps_.feeds != nullptr ? deps_.feeds->status().problem : "";
  if (why.empty())
    return text_response(200, problem.empty() ? "ready\n" : "ready; feeds: " + problem + "\n");
  return text_response(503, why);
}

Task<Response> Admin::metrics(AdminCall call) {
  if (!is_loopback(call.request->peer) && call.actor.scope < Scope::kReview) {
    Response refused = error_response(
        401, "npm-gate: metrics need a token of scope review or admin, but from loopback");
    refused.set("www-authenticate", "Bearer realm=\"npm-gate admin\"");
    co_return refused;
  }
  deps_.metrics.set("npm_gate_tarball_bytes", "", static_cast<double>(deps_.blobs.total_bytes()));
  deps_.metrics.set("npm_gate_pool_queued", "", static_cast<double>(deps_.pool.queued()));
  co_return text_response(200, deps_.metrics.render(), "text/plain; version=0.0.4; charset=utf-8");
}

Result<Response> Admin::index(const AdminCall&) {
  boost::json::array rows;
  for (const AdminRoute& route : routes_) {
    if (route.pattern.starts_with("/desk")) continue;  // pages for people
    rows.push_back(boost::json::object{
        {"method", route.method}, {"path", route.pattern}, {"scope", to_string(route.needs)}});
  }
  return json_response(200, boost::json::serialize(boost::json::object{
                                {"version", NPM_GATE_VERSION}, {"routes", std::move(rows)}}));
}

}  // namespace npmgate
