#include "proxy/runtime/upstream_guard.h"

#include <algorithm>

#include "base/number.h"

namespace npmgate {
namespace {

constexpr std::size_t kMaxPaused = 10'000;

// Scheme, host and port of a request's URL; what cannot be read goes to the client, which says so.
std::string origin_of(const std::string& url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string::npos) return {};
  return url.substr(0, url.find_first_of("/?#", scheme + 3));
}

// Seconds; HTTP dates are read as nothing: the backoff of our own is short anyhow.
std::chrono::seconds retry_after(const FetchReply& reply) {
  const std::string_view text = reply.headers.get("retry-after");
  return std::chrono::seconds(std::min(whole_number<unsigned>(text).value_or(0), 86'400U));
}

bool failed(const Result<FetchReply>& reply) {
  if (reply) return reply->status >= 500 || reply->status == 429;
  return reply.error().origin == Origin::kUpstream &&
         (reply.error().code == Code::kUnavailable || reply.error().code == Code::kTimeout);
}

}  // namespace

std::chrono::milliseconds UpstreamGuard::probe_after(int failures) const {
  const int doublings = std::clamp(failures - limits_.failures, 0, 8);
  const auto wait = std::min(limits_.probe_first * (1 << doublings), limits_.probe_most);
  const double chance = 1.0 - 0.25 * random_();
  return std::chrono::milliseconds(
      static_cast<std::int64_t>(static_cast<double>(wait.count()) * chance));
}

std::optional<Error> UpstreamGuard::short_cut(const std::string& name,
                                              const FetchRequest& request) {
  if (request.of_client) return std::nullopt;
  const SteadyTime now = now_();
  const std::lock_guard lock(mutex_);
  Origin& origin = origins_[name];
  const auto paused = origin.paused.find(request.url);
  const bool url_paused = paused != origin.paused.end() && now < paused->second;
  const bool down = origin.failures >= limits_.failures;
  if (down && now >= origin.next && !url_paused) {
    origin.next = now + probe_after(origin.failures);  // this one is the probe
    return std::nullopt;
  }
  if (!url_paused && now >= origin.next) return std::nullopt;
  metrics_.add("npm_gate_upstream_short_cut_total");
  return fail(Code::kUnavailable, npmgate::Origin::kUpstream,
              name + " is not asked for a moment: " + origin.why, true);
}

Task<bool> UpstreamGuard::enter(std::string name, std::chrono::milliseconds limit) {
  auto executor = co_await net::this_coro::executor;
  std::shared_ptr<Waiter> waiter;
  {
    const std::lock_guard lock(mutex_);
    Places& places = places_[name];
    if (places.taken < limits_.in_flight) {
      ++places.taken;
      co_return true;
    }
    waiter = std::make_shared<Waiter>(executor, std::chrono::steady_clock::now() + limit);
    places.waiting.push_back(waiter);
  }
  co_await waiter->timer.async_wait(kTuple);
  const std::lock_guard lock(mutex_);
  if (!waiter->granted) std::erase(places_[name].waiting, waiter);
  co_return waiter->granted;
}

// The place goes to the one who has waited longest, or is free again.
void UpstreamGuard::leave(const std::string& name) {
  const std::lock_guard lock(mutex_);
  Places& places = places_[name];
  if (places.waiting.empty()) {
    --places.taken;
    return;
  }
  const std::shared_ptr<Waiter> next = places.waiting.front();
  places.waiting.pop_front();
  next->granted = true;
  net::post(next->timer.get_executor(), [next] { next->timer.cancel(); });
}

void UpstreamGuard::fell(const std::string& name, Origin& origin, std::string why) {
  origin.why = std::move(why);
  origin.failures = std::min(origin.failures + 1, limits_.failures + 8);
  if (origin.failures < limits_.failures) return;
  origin.next = std::max(origin.next, now_() + probe_after(origin.failures));
  if (origin.failures > limits_.failures) return;
  metrics_.set("npm_gate_upstream_down", "origin=\"" + name + "\"", 1);
  log::warn("upstream-down", name + " fails: " + origin.why + "; asked once a second at most");
}

void UpstreamGuard::note(const std::string& name, const std::string& url,
                         const Result<FetchReply>& reply) {
  const std::lock_guard lock(mutex_);
  Origin& origin = origins_[name];
  if (!failed(reply)) {
    if (!reply) return;  // it refused, or is too large: says nothing about its health
    origin.paused.erase(url);
    if (origin.failures >= limits_.failures) {
      metrics_.set("npm_gate_upstream_down", "origin=\"" + name + "\"", 0);
      log::info("upstream-up", name + " answers again");
    }
    origin.failures = 0;
    origin.next = {};
    return;
  }
  fell(name, origin, reply ? "status " + std::to_string(reply->status) : reply.error().context);
  const auto pause =
      reply ? std::min(retry_after(*reply), limits_.longest_pause) : std::chrono::seconds(0);
  if (pause.count() == 0) return;
  if (reply->status == 429) origin.next = std::max(origin.next, now_() + pause);
  if (reply->status == 503 && origin.paused.size() < kMaxPaused)
    origin.paused[url] = now_() + pause;
}

Task<Result<FetchReply>> UpstreamGuard::fetch(FetchRequest request) {
  const std::string origin = origin_of(request.url);
  if (auto error = short_cut(origin, request)) co_return std::move(*error);
  const std::string places = origin + (request.sink ? " tarballs" : "");
  if (!co_await enter(places, request.limit)) {
    co_return fail(Code::kUnavailable, npmgate::Origin::kSelf,
                   "overloaded: too many requests to " + origin + " are waiting", true);
  }
  struct Place {
    Place(UpstreamGuard& g, const std::string& p) : guard(g), places(p) {}
    ~Place() { guard.leave(places); }
    UpstreamGuard& guard;
    const std::string& places;
  } place(*this, places);
  const std::string url = request.url;
  auto reply = co_await inner_.fetch(std::move(request));
  note(origin, url, reply);
  co_return reply;
}

}  // namespace npmgate
