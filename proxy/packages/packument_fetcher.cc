#include "proxy/packages/packument_fetcher.h"

#include <algorithm>

#include "base/gzip.h"
#include "base/log.h"
#include "base/metrics.h"
#include "proxy/packages/fetching.h"
#include "proxy/runtime/routes.h"

namespace npmgate {
namespace {

constexpr auto kPackumentLimit = std::chrono::seconds(60);
// Between two looks that find a package gone, at least; less if packuments are fresh for less.
constexpr Millis kSecondLook{60'000};

}  // namespace

bool PackumentFetcher::usable(const PackageName& name, const PackageStatePtr& state,
                              net::any_io_executor executor) {
  const Time now = deps_.clock.now();
  const Millis age = now - state->fetched.load();
  if (age < Millis(0) || age >= deps_.config.stale) return false;
  if (state->ask_again.load() <= now) evidence_.observe_behind(name, executor);
  if (age >= deps_.config.fresh && !failures_.remembered(name.str()))
    revalidate_behind(name, executor);
  return true;
}

void PackumentFetcher::forget(const std::string& name) {
  failures_.succeeded(name);
  cache_.forget(name);
}

Result<void> PackumentFetcher::drop(const PackageName& name) {
  forget(name.str());
  const UpstreamConfig* upstream = route(deps_.config, name);
  if (upstream == nullptr) return {};
  return deps_.store.remove_document(document_key(*upstream, name));
}

Task<Result<SnapshotPtr>> PackumentFetcher::get(PackageName name, bool force, Millis limit) {
  const UpstreamConfig* upstream = route(deps_.config, name);
  if (upstream == nullptr)
    co_return fail(Code::kNotFound, Origin::kPolicy, "no upstream is configured for " + name.str());
  SnapshotPtr known = cache_.in_memory(name.str());
  if (!known) {
    auto loaded = co_await cache_.load(name);
    if (loaded) known = *loaded;
    if (!loaded)
      log::warn("document", "a kept packument could not be used",
                {{"package", name.str()}, {"error", to_string(loaded.error())}});
  }
  const Time now = deps_.clock.now();
  if (known && known->ask_again && *known->ask_again <= now) {
    auto executor = co_await net::this_coro::executor;
    evidence_.observe_behind(name, executor);
  }
  if (known && !force) {
    const Millis age = now - known->fetched;
    if (age >= Millis(0) && age < deps_.config.fresh) co_return known;
    if (age >= Millis(0) && age < deps_.config.stale) {
      auto executor = co_await net::this_coro::executor;
      if (!failures_.remembered(name.str())) revalidate_behind(name, executor);
      co_return known;
    }
  }
  SingleFlight<Result<SnapshotPtr>>::Work work = [this, name, known] {
    return refresh_now(name, known);
  };
  std::optional<Result<SnapshotPtr>> refreshed;
  if (auto error = failures_.remembered(name.str())) {
    refreshed = Result<SnapshotPtr>(std::move(*error));
  } else {
    refreshed = co_await refreshes_.join(name.str(), std::move(work), limit);
  }
  if (!refreshed)
    co_return fail(Code::kTimeout, Origin::kUpstream,
                   "the upstream did not answer for " + name.str() + " in time", true);
  // Joined a refresh that found nothing new and did not need the package for it.
  if (*refreshed && !**refreshed) {
    if (known) co_return known;
    auto loaded = co_await cache_.load(name);
    if (loaded && !*loaded)
      co_return fail(Code::kUnavailable, Origin::kDisk, name.str() + " could not be read", true);
    co_return std::move(loaded);
  }
  const bool down = !*refreshed && (*refreshed).error().origin == Origin::kUpstream &&
                    (*refreshed).error().code != Code::kNotFound;
  if (down && known && now - known->fetched < deps_.config.stale) {
    co_return cache_.mark_stale(known);
  }
  co_return std::move(*refreshed);
}

void PackumentFetcher::revalidate_behind(PackageName name, net::any_io_executor executor) {
  const PackageStatePtr state = cache_.state(name.str());
  if (state->refreshing.exchange(true)) return;
  auto body = [this, name, state]() -> Task<void> {
    struct Done {
      const PackageState& state;
      explicit Done(const PackageState& s) : state(s) {}
      ~Done() { state.refreshing = false; }
    } ended(*state);
    const SnapshotPtr old = cache_.in_memory(name.str());
    SingleFlight<Result<SnapshotPtr>>::Work work = [this, name, old] {
      return refresh_now(name, old, true);
    };
    auto done = co_await refreshes_.join(name.str(), std::move(work), kPackumentLimit);
    if (done && !*done) {
      log::warn("upstream", "revalidation failed; the kept packument is served",
                {{"package", name.str()}, {"error", to_string(done->error())}});
      cache_.mark_stale(name.str());
    }
  };
  spawn_detached(executor, "revalidate " + name.str(), std::move(body));
}

Task<Result<PackumentFetcher::Fetched>> PackumentFetcher::fetch_packument(
    PackageName name, const UpstreamConfig& upstream, std::string etag, std::string modified,
    bool fresh) {
  FetchRequest request;
  request.fresh = fresh;
  request.stall = kStall;
  request.min_rate = kMinRate;
  request.url = upstream.url + name.url_path();
  request.headers.emplace_back("Accept", "application/json");
  if (!etag.empty()) request.headers.emplace_back("If-None-Match", etag);
  if (!modified.empty()) request.headers.emplace_back("If-Modified-Since", modified);
  request.authorization = upstream.authorization();
  request.ca_file = upstream.ca;
  request.max_body = kMaxPackument;
  request.as_sent = true;
  request.limit = kPackumentLimit;
  deps_.metrics.add("npm_gate_upstream_requests_total", R"(kind="packument")");
  auto reply = co_await deps_.upstream.fetch(std::move(request));
  if (!reply) co_return reply.error();
  if (reply->status < 500) retries_.answered(upstream.name);
  Fetched fetched;
  if (reply->status == 304) {
    fetched.unchanged = true;
    co_return fetched;
  }
  if (reply->status == 404 || reply->status == 410) {
    co_return fail(Code::kNotFound, Origin::kUpstream,
                   name.str() + " is not in the registry " + upstream.name);
  }
  if (is_denial(reply->status))
    co_return denied_by_upstream(upstream.name, reply->status, name.str(), reply->body);
  if (reply->status != 200) {
    co_return fail(Code::kUnavailable, Origin::kUpstream,
                   "the upstream " + upstream.name + " answered " + std::to_string(reply->status) +
                       " for " + name.str(),
                   true);
  }
  fetched.etag = reply->headers.get("etag");
  fetched.last_modified = reply->headers.get("last-modified");
  fetched.body = std::move(reply->body);
  fetched.gzip = reply->headers.get("content-encoding") == "gzip" && !fetched.body.empty();
  co_return fetched;
}

Task<Result<SnapshotPtr>> PackumentFetcher::refresh_now(PackageName name, SnapshotPtr old,
                                                        bool asleep) {
  auto refreshed = co_await refresh_once(name, old, asleep, false);
  // A login page, half a document: asked for again at once, over another connection.
  if (!refreshed && refreshed.error().code == Code::kMalformed)
    refreshed = co_await refresh_once(name, old, asleep, true);
  if (refreshed) {
    failures_.succeeded(name.str());
  } else {
    note_failure(failures_, deps_.metrics, name.str(), route(deps_.config, name)->name,
                 refreshed.error());
  }
  co_return refreshed;
}

Task<Result<SnapshotPtr>> PackumentFetcher::refresh_once(PackageName name, SnapshotPtr old,
                                                         bool asleep, bool fresh) {
  // A fetch that ended after the caller had looked for `old` and before it joined is the one that
  // it asks for.
  SnapshotPtr newer = cache_.in_memory(name.str());
  if (newer && (!old || newer->fetched > old->fetched) && !(asleep && !old)) co_return newer;
  const UpstreamConfig* upstream = route(deps_.config, name);
  const std::string key = document_key(*upstream, name);
  std::string etag, modified;
  if (old || asleep) {
    using Found = std::optional<StateStore::Document>;
    std::function<Result<Found>()> read = [this, key] { return deps_.store.document_head(key); };
    auto document = co_await deps_.pool.offload(std::move(read));
    if (document && *document) {
      etag = (*document)->etag;
      modified = (*document)->last_modified;
    }
  }
  auto fetched = co_await fetch_packument(name, *upstream, etag, modified, fresh);
  if (!fetched) {
    const Error error = fetched.error();
    if (error.code != Code::kNotFound || error.origin != Origin::kUpstream) co_return error;
    if (!old && asleep) {
      auto loaded = co_await cache_.load(name);
      if (loaded) old = *loaded;
    }
    if (!old) co_return error;
    co_return co_await vanished(name, *upstream, old, error);
  }
  const Time now = deps_.clock.now();
  if (fetched->unchanged && (old || asleep)) {
    std::function<Result<bool>()> touch = [this, key, now]() -> Result<bool> {
      if (auto done = deps_.store.touch_document(key, now); !done) return done.error();
      return true;
    };
    auto touched = co_await deps_.pool.offload(std::move(touch));
    if (!touched) co_return touched.error();
    co_return cache_.mark_current(name.str(), now);
  }
  std::function<Result<SnapshotPtr>()> store =
      [this, name, upstream, now, fetched = std::move(*fetched)]() mutable -> Result<SnapshotPtr> {
    StateStore::Document document;
    document.body = std::move(fetched.body);
    if (fetched.gzip) {
      auto plain = gzip_expand(document.body, kMaxPackument);
      if (!plain)
        return fail(Code::kMalformed, Origin::kUpstream,
                    "the packument of " + name.str() + " is not valid gzip", true);
      document.compressed = std::move(document.body);
      document.body = std::move(*plain);
    }
    document.etag = fetched.etag;
    document.last_modified = fetched.last_modified;
    document.fetched = now;
    return cache_.replace(name, *upstream, document);
  };
  auto built = co_await deps_.pool.offload(std::move(store));
  if (!built && built.error().code == Code::kMalformed)
    deps_.metrics.add("npm_gate_upstream_garbage_total");
  co_return built;
}

Task<Result<SnapshotPtr>> PackumentFetcher::vanished(PackageName name,
                                                     const UpstreamConfig& upstream,
                                                     SnapshotPtr old, Error missing) {
  const Time now = deps_.clock.now();
  if (old->packument && old->packument->versions().empty()) {
    auto looked = [now](PackageSnapshot& next) {
      next.fetched = now;
      next.stale = false;
    };
    co_return cache_.update(old, looked, true);
  }
  // One answer may be a mistake of a moment (a mirror that is being filled, a deployment).
  const Millis apart = std::min(deps_.config.fresh, kSecondLook);
  if (!old->missing_since || now - *old->missing_since < apart) {
    if (!old->missing_since) {
      log::warn("vanished", "the upstream has a package no more that it had; asked once more soon",
                {{"package", name.str()}, {"upstream", upstream.name}});
      auto mark = [now](PackageSnapshot& next) { next.missing_since = now; };
      cache_.update(old, mark, true);
    }
    co_return missing;
  }
  log::warn("withdrawn", "the upstream took a package back as a whole",
            {{"package", name.str()}, {"upstream", upstream.name}});
  deps_.metrics.add("npm_gate_packages_withdrawn_total");
  std::function<Result<SnapshotPtr>()> withdraw = [this, name, &upstream,
                                                   now]() -> Result<SnapshotPtr> {
    StateStore::Document document;
    document.body = R"({"name":")" + name.str() + R"(","versions":{}})";
    document.fetched = now;
    auto built = cache_.replace(name, upstream, document);
    if (!built) return built;
    if (auto changed = judging_.rejudge(*built); !changed) return changed.error();
    return built;
  };
  auto withdrawn = co_await deps_.pool.offload(std::move(withdraw));
  if (withdrawn) judging_.tell(name.str());
  co_return withdrawn;
}

}  // namespace npmgate
