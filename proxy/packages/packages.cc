#include "proxy/packages/packages.h"

#include <algorithm>
#include <random>

#include "base/gzip.h"
#include "base/text.h"
#include "proxy/packages/fetching.h"
#include "registry/footprint.h"

namespace npmgate {
namespace {

constexpr std::size_t kMaxPackument =
    std::size_t{256} << 20;  // docs/threats.md, R4; the largest real one seen is 21 MB
constexpr auto kPackumentLimit = std::chrono::seconds(60);
constexpr auto kLoadLimit = std::chrono::seconds(30);  // a packument of 21 MB takes 0.4 s
// Between two looks that find a package gone, at least; less if packuments are fresh for less.
constexpr Millis kSecondLook{60'000};
std::string document_key(const UpstreamConfig& upstream, const PackageName& name) {
  return upstream.url + name.str();
}

std::string first_integrity(const Dist& dist) {
  return dist.integrity.empty() ? dist.shasum : dist.integrity;
}

StateStore::PackumentSighting look_of(const Packument& packument, const UpstreamConfig& upstream,
                                      Time at) {
  StateStore::PackumentSighting look;
  look.name = packument.name().str();
  look.upstream = upstream.name;
  look.at = at;
  look.dist_tags = packument.dist_tags();
  for (const PackumentVersion& version : packument.versions()) {
    look.versions.emplace_back(version.version, first_integrity(version.release.dist));
  }
  return look;
}

}  // namespace

Packages::Packages(Dependencies deps, ExternalEvidenceCollector* collector)
    : deps_(deps),
      collector_(collector),
      failures_(deps.clock,
                [] {
                  thread_local std::minstd_rand random{std::random_device{}()};
                  return std::uniform_real_distribution<double>(0, 1)(random);
                }),
      retries_(deps.metrics) {}

// Letters in either case: a name that is spelled otherwise must not go to another registry.
const UpstreamConfig* Packages::route(const PackageName& name) const {
  const std::string scope_asked = lower_ascii(name.scope()), whole = lower_ascii(name.str());
  for (const UpstreamConfig& upstream : deps_.config.upstreams) {
    if (upstream.scopes.empty() && upstream.packages.empty()) return &upstream;
    for (const std::string& scope : upstream.scopes) {
      if (scope_asked == lower_ascii(scope)) return &upstream;
    }
    for (const std::string& glob : upstream.packages) {
      if (glob_match(lower_ascii(glob), whole)) return &upstream;
    }
  }
  return nullptr;
}

Judge Packages::judge_half_known(const SnapshotPtr& snapshot, const PolicySnapshot& rules) const {
  JudgeOptions options;
  options.recent = deps_.config.recent;
  options.popular = popular_packages();
  options.feed = rules.feed;
  return judge_with(snapshot, rules, options);
}

Judge Packages::judge(const SnapshotPtr& snapshot, const PolicySnapshot& rules,
                      JudgeOptions options) {
  options.sibling = [this](const Release& parent, const std::string& name,
                           const std::string& version) {
    return sibling_state(parent, name, version);
  };
  options.pinned = [this](const Release& release) { return parts_.holds(release); };
  options.observed_only = collector_ != nullptr;
  options.recent = deps_.config.recent;
  options.popular = popular_packages();
  options.feed = rules.feed;
  return judge_with(snapshot, rules, options);
}

Judge Packages::judge_with(const SnapshotPtr& snapshot, const PolicySnapshot& rules,
                           JudgeOptions options) const {
  const auto name = PackageName::parse(snapshot->name);
  const UpstreamConfig* upstream = name ? route(*name) : nullptr;
  const bool trusted = upstream != nullptr && !upstream->inspect;
  options.retry = [this, name = snapshot->name, now = deps_.clock.now()](std::string_view version) {
    return retries_.look(name, version, now);
  };
  return Judge(snapshot, trusted ? exact_waivers(rules.policy) : rules.policy,
               rules.of(snapshot->name), options, deps_.clock.now());
}

std::shared_ptr<const Policy> Packages::exact_waivers(
    const std::shared_ptr<const Policy>& policy) const {
  const std::lock_guard lock(waivers_mutex_);
  if (waivers_of_ != policy) {
    auto waivers = std::make_shared<Policy>();
    for (const Waiver& waiver : policy->waivers) {
      if (waiver.exact) waivers->waivers.push_back(waiver);
    }
    waivers_of_ = policy;
    waivers_ = std::move(waivers);
  }
  return waivers_;
}

SnapshotPtr Packages::in_memory(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  return newest_of(name);
}

// Also one that was evicted and that somebody still works with: it is the newest all the same.
SnapshotPtr Packages::newest_of(const std::string& name) const {
  if (const auto it = entries_.find(name); it != entries_.end()) {
    ages_.splice(ages_.end(), ages_, it->second.age);
    return it->second.snapshot;
  }
  const auto state = states_.find(name);
  return state == states_.end() ? nullptr : state->second->newest.lock();
}

std::shared_ptr<PackageState> Packages::state_of(const std::string& name) {
  if (const auto it = states_.find(name); it != states_.end()) return it->second;
  if (states_.size() >= max_states_) {
    std::erase_if(states_, [](const auto& item) {
      return item.second.use_count() == 1 && item.second->newest.expired();
    });
    max_states_ = std::max(kMaxStates, 2 * states_.size());
  }
  return states_[name] = std::make_shared<PackageState>();
}

PackageStatePtr Packages::state(const std::string& name) {
  const std::lock_guard lock(mutex_);
  return state_of(name);
}

bool Packages::usable_at_once(const PackageState& state) const {
  const Time now = deps_.clock.now();
  const Millis age = now - state.fetched.load();
  return age >= Millis(0) && age < deps_.config.fresh && state.ask_again.load() > now &&
         !state.stale.load();
}

bool Packages::usable(const PackageName& name, const PackageStatePtr& state,
                      net::any_io_executor executor) {
  const Time now = deps_.clock.now();
  const Millis age = now - state->fetched.load();
  if (age < Millis(0) || age >= deps_.config.stale) return false;
  if (state->ask_again.load() <= now) observe_behind(name, executor);
  if (age >= deps_.config.fresh && !failures_.remembered(name.str()))
    revalidate_behind(name, executor);
  return true;
}

SnapshotPtr Packages::keep(std::shared_ptr<PackageSnapshot> next, bool same_content) {
  if (!same_content || next->revision == 0) next->revision = ++revisions_;
  next->ask_again = next_observation(*next);
  const std::string name = next->name;
  const std::size_t beside = memory_beside(*next);
  const std::size_t room = document_bytes(deps_.config);
  const std::lock_guard lock(mutex_);
  const std::shared_ptr<PackageState> state = state_of(name);
  // Of a packument that lies in memory already the count is known.
  const SnapshotPtr before = state->newest.lock();
  if (next->packument && !(before && before->packument == next->packument))
    state->packument_bytes = memory_of(*next->packument);
  const std::size_t bytes = beside + (next->packument ? state->packument_bytes : 0);
  state->newest = next;
  state->fetched = next->fetched;
  state->ask_again = next->ask_again.value_or(Time::max());
  state->stale = next->stale;
  state->missing_since = next->missing_since;
  state->revision = next->revision;
  auto [it, fresh] = entries_.try_emplace(name);
  if (fresh) it->second.age = ages_.insert(ages_.end(), name);
  bytes_ += bytes - it->second.bytes;
  it->second.bytes = bytes;
  it->second.snapshot = next;
  ages_.splice(ages_.end(), ages_, it->second.age);
  while (bytes_ > room && ages_.size() > 1) {
    const auto victim = entries_.find(ages_.front());
    bytes_ -= victim->second.bytes;
    entries_.erase(victim);
    ages_.pop_front();
  }
  deps_.metrics.set("npm_gate_memory_bytes", R"(kind="documents")", static_cast<double>(bytes_));
  return next;
}

SnapshotPtr Packages::update(const SnapshotPtr& base,
                             const std::function<void(PackageSnapshot&)>& change,
                             bool same_content) {
  // Two changes of one package may meet here: the later one starts from what the earlier one kept.
  const std::lock_guard lock(updating_);
  std::unique_lock lock_entries(mutex_);
  const SnapshotPtr newest = newest_of(base->name);
  const std::shared_ptr<PackageState> state = state_of(base->name);
  lock_entries.unlock();
  auto next = std::make_shared<PackageSnapshot>(newest ? *newest : *base);
  change(*next);
  ++updates_of(base->name);
  if (newest || state->revision == base->revision) return keep(std::move(next), same_content);
  // `base` was overtaken, or forgotten, and what is newest lies on disk: the caller gets its
  // change, everybody else reads the disk, where the change is too.
  next->revision = ++revisions_;
  next->ask_again = next_observation(*next);
  state->revision = ++revisions_;
  return next;
}

std::uint64_t& Packages::updates_of(const std::string& name) {
  return updates_[std::hash<std::string>{}(name) % updates_.size()];
}

void Packages::forget(const std::string& name) {
  failures_.succeeded(name);
  const std::lock_guard lock(mutex_);
  if (const auto state = states_.find(name); state != states_.end()) {
    state->second->revision = 0;
    state->second->newest.reset();
  }
  const auto it = entries_.find(name);
  if (it == entries_.end()) return;
  bytes_ -= it->second.bytes;
  ages_.erase(it->second.age);
  entries_.erase(it);
}

Result<void> Packages::drop(const PackageName& name) {
  forget(name.str());
  const UpstreamConfig* upstream = route(name);
  if (upstream == nullptr) return {};
  return deps_.store.remove_document(document_key(*upstream, name));
}

// What is known of a package's releases besides its packument.
Result<void> Packages::read_known(PackageSnapshot& next) {
  next.observations.clear();
  next.comparisons.clear();
  auto evidence = deps_.store.evidence_of(next.name);
  if (!evidence) return evidence.error();
  next.evidence = std::move(*evidence);
  for (const EvidencePtr& each : next.evidence) parts_.note(each->release);
  auto pins = deps_.store.pins_of(next.name);
  if (!pins) return pins.error();
  next.pins = std::move(*pins);
  auto tags = deps_.store.tags_of(next.name);
  if (!tags) return tags.error();
  auto texts = deps_.store.observations_of(next.name);
  if (!texts) return texts.error();
  for (const auto& [version, text] : *texts) {
    if (const std::string_view compared = compared_version(version); !compared.empty()) {
      auto comparison = comparison_from_text(text);
      // One that is lost: the release was never compared.
      if (comparison) next.comparisons[std::string(compared)] = std::move(*comparison);
      continue;
    }
    auto observed = observations_from_text(text);
    // Lost ones are asked for again with the next inspection.
    if (observed) next.observations[version] = std::move(*observed);
  }
  for (auto& [version, tag] : *tags) {
    const auto known = next.observations.find(version);
    if (known != next.observations.end()) known->second.tag = std::move(tag);
  }
  return {};
}

Result<SnapshotPtr> Packages::build(const PackageName& name, const UpstreamConfig& upstream,
                                    std::string body, Time fetched, bool look,
                                    std::uint64_t retained) {
  deps_.metrics.add("npm_gate_packuments_parsed_total");
  auto packument = Packument::parse(std::move(body), name, kMaxPackument);
  if (!packument) return packument.error();
  auto next = std::make_shared<PackageSnapshot>();
  next->name = name.str();
  next->upstream = upstream.name;
  next->times_real = upstream.times_publish;
  next->packument = *packument;
  next->fetched = fetched;
  if (look && !(*packument)->has_times() && !(*packument)->versions().empty()) {
    const std::lock_guard lock(waivers_mutex_);
    if (untimed_.insert(upstream.name).second)
      log::warn("times",
                "the upstream states no publish times: ages count from the first sight of a "
                "release, and cooldowns hold what is seen first for that long",
                {{"upstream", upstream.name}, {"package", name.str()}});
  }
  auto record = look ? deps_.store.record_sighting(look_of(**packument, upstream, fetched))
                     : deps_.store.package(name.str());
  if (!record) return record.error();
  next->record = std::move(*record);
  constexpr int kAttempts = 4;
  for (int attempt = 1;; ++attempt) {
    std::unique_lock lock(updating_);
    const std::uint64_t before = updates_of(next->name);
    lock.unlock();
    if (auto done = read_known(*next); !done) return done.error();
    lock.lock();
    // What an inspection or a pin added meanwhile is on disk, but was perhaps not yet when it was
    // read.
    if (updates_of(next->name) != before && attempt < kAttempts) continue;
    if (look) return keep(std::move(next));
    const Standing standing = standing_of(next->name);
    if (standing.newest) return standing.newest;  // a refresh was faster
    next->stale = standing.stale;
    next->missing_since = standing.missing_since;
    // Evicted and read again, it is what it was: answers made of it stay right.
    const bool same = retained != 0 && standing.revision == retained;
    if (same) next->revision = retained;
    return keep(std::move(next), same);
  }
}

Packages::Standing Packages::standing_of(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const std::shared_ptr<PackageState> state = state_of(name);
  Standing standing;
  standing.newest = newest_of(name);
  standing.revision = state->revision;
  standing.stale = state->stale;
  standing.missing_since = state->missing_since;
  return standing;
}

Result<SnapshotPtr> Packages::load_from_disk(const PackageName& name,
                                             const UpstreamConfig& upstream) {
  const Standing before = standing_of(name.str());
  if (before.newest) return before.newest;
  auto document = deps_.store.document(document_key(upstream, name));
  if (!document) return document.error();
  if (!*document) return SnapshotPtr();
  return build(name, upstream, std::move((*document)->body), (*document)->fetched, false,
               before.revision);
}

Result<SnapshotPtr> Packages::stored(const PackageName& name) {
  const UpstreamConfig* upstream = route(name);
  if (upstream == nullptr) return SnapshotPtr();
  return load_from_disk(name, *upstream);
}

Task<Result<SnapshotPtr>> Packages::get(PackageName name, bool force, Millis limit) {
  const UpstreamConfig* upstream = route(name);
  if (upstream == nullptr)
    co_return fail(Code::kNotFound, Origin::kPolicy, "no upstream is configured for " + name.str());
  SnapshotPtr known = in_memory(name.str());
  if (!known) {
    auto loaded = co_await load(name);
    if (loaded) known = *loaded;
    if (!loaded)
      log::warn("document", "a kept packument could not be used",
                {{"package", name.str()}, {"error", to_string(loaded.error())}});
  }
  const Time now = deps_.clock.now();
  if (known && known->ask_again && *known->ask_again <= now) {
    auto executor = co_await net::this_coro::executor;
    observe_behind(name, executor);
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
    auto loaded = co_await load(name);
    if (loaded && !*loaded)
      co_return fail(Code::kUnavailable, Origin::kDisk, name.str() + " could not be read", true);
    co_return std::move(loaded);
  }
  const bool down = !*refreshed && (*refreshed).error().origin == Origin::kUpstream &&
                    (*refreshed).error().code != Code::kNotFound;
  if (down && known && now - known->fetched < deps_.config.stale) {
    co_return mark_stale(known);
  }
  co_return std::move(*refreshed);
}

// Nothing that answers are made of has changed: what was rendered stays.
SnapshotPtr Packages::mark_stale(const SnapshotPtr& known) {
  const SnapshotPtr newest = in_memory(known->name);
  if (newest && newest->stale) return newest;
  auto mark = [](PackageSnapshot& next) { next.stale = true; };
  return update(known, mark, true);
}

void Packages::note_failure(const std::string& what, const std::string& upstream,
                            const Error& error) {
  if (error.origin != Origin::kUpstream) return;
  const bool absent = error.code == Code::kNotFound;
  failures_.failed(what, error, absent ? FailureMemory::kAbsent : FailureMemory::kTrouble);
  if (absent) return;
  deps_.metrics.add(
      "npm_gate_upstream_failures_total",
      "upstream=\"" + upstream + "\",code=\"" + std::string(to_string(error.code)) + "\"");
  log::warn("fetch-failed", error.context, {{"what", what}, {"upstream", upstream}});
}

Task<Result<SnapshotPtr>> Packages::load(PackageName name) {
  SingleFlight<Result<SnapshotPtr>>::Work work = [this, name]() -> Task<Result<SnapshotPtr>> {
    std::function<Result<SnapshotPtr>()> read = [this, name] { return stored(name); };
    co_return co_await deps_.pool.offload(std::move(read));
  };
  auto loaded = co_await loads_.join(name.str(), std::move(work), kLoadLimit);
  if (!loaded)
    co_return fail(Code::kTimeout, Origin::kDisk, "reading " + name.str() + " took too long", true);
  co_return std::move(*loaded);
}

void Packages::revalidate_behind(PackageName name, net::any_io_executor executor) {
  std::shared_ptr<PackageState> state;
  {
    const std::lock_guard lock(mutex_);
    state = state_of(name.str());
  }
  if (state->refreshing.exchange(true)) return;
  auto body = [this, name, state]() -> Task<void> {
    struct Done {
      PackageState& state;
      explicit Done(PackageState& s) : state(s) {}
      ~Done() { state.refreshing = false; }
    } ended(*state);
    const SnapshotPtr old = in_memory(name.str());
    SingleFlight<Result<SnapshotPtr>>::Work work = [this, name, old] {
      return refresh_now(name, old, true);
    };
    auto done = co_await refreshes_.join(name.str(), std::move(work), kPackumentLimit);
    if (done && !*done) {
      log::warn("upstream", "revalidation failed; the kept packument is served",
                {{"package", name.str()}, {"error", to_string(done->error())}});
      mark_stale_kept(name.str());
    }
  };
  spawn_detached(executor, "revalidate " + name.str(), std::move(body));
}

// The revision, and so what was rendered, stays: nothing but the time of the look has changed.
SnapshotPtr Packages::mark_current(const std::string& name, Time now) {
  const auto look = [now](PackageSnapshot& next) {
    next.fetched = now;
    next.stale = false;
    next.missing_since.reset();
    next.record.last_look = now;
  };
  if (const SnapshotPtr newest = in_memory(name)) return update(newest, look, true);
  const std::lock_guard lock(mutex_);
  const std::shared_ptr<PackageState> state = state_of(name);
  state->fetched = now;
  state->stale = false;
  state->missing_since.reset();
  return nullptr;
}

void Packages::mark_stale_kept(const std::string& name) {
  if (const SnapshotPtr newest = in_memory(name)) {
    mark_stale(newest);
    return;
  }
  const std::lock_guard lock(mutex_);
  state_of(name)->stale = true;
}

Task<Result<Packages::Fetched>> Packages::fetch_packument(PackageName name,
                                                          const UpstreamConfig& upstream,
                                                          std::string etag, std::string modified,
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

Task<Result<SnapshotPtr>> Packages::refresh_now(PackageName name, SnapshotPtr old, bool asleep) {
  auto refreshed = co_await refresh_once(name, old, asleep, false);
  // A login page, half a document: asked for again at once, over another connection.
  if (!refreshed && refreshed.error().code == Code::kMalformed)
    refreshed = co_await refresh_once(name, old, asleep, true);
  if (refreshed) {
    failures_.succeeded(name.str());
  } else {
    note_failure(name.str(), route(name)->name, refreshed.error());
  }
  co_return refreshed;
}

Task<Result<SnapshotPtr>> Packages::refresh_once(PackageName name, SnapshotPtr old, bool asleep,
                                                 bool fresh) {
  // A fetch that ended after the caller had looked for `old` and before it joined is the one that
  // it asks for.
  SnapshotPtr newer = in_memory(name.str());
  if (newer && (!old || newer->fetched > old->fetched) && !(asleep && !old)) co_return newer;
  const UpstreamConfig* upstream = route(name);
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
      auto loaded = co_await load(name);
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
    co_return mark_current(name.str(), now);
  }
  std::function<Result<SnapshotPtr>()> store =
      [this, name, upstream, key, now,
       fetched = std::move(*fetched)]() mutable -> Result<SnapshotPtr> {
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
    auto built = build(name, *upstream, document.body, now, true);
    // Only a document that could be read replaces the one on disk.
    if (built) {
      if (auto done = deps_.store.put_document(key, document); !done) {
        forget(name.str());  // what would be read again is not what answers are made of
        return done.error();
      }
    }
    return built;
  };
  auto built = co_await deps_.pool.offload(std::move(store));
  if (!built && built.error().code == Code::kMalformed)
    deps_.metrics.add("npm_gate_upstream_garbage_total");
  co_return built;
}

Task<Result<SnapshotPtr>> Packages::vanished(PackageName name, const UpstreamConfig& upstream,
                                             SnapshotPtr old, Error missing) {
  const Time now = deps_.clock.now();
  if (old->packument && old->packument->versions().empty()) {
    auto looked = [now](PackageSnapshot& next) {
      next.fetched = now;
      next.stale = false;
    };
    co_return update(old, looked, true);
  }
  // One answer may be a mistake of a moment (a mirror that is being filled, a deployment).
  const Millis apart = std::min(deps_.config.fresh, kSecondLook);
  if (!old->missing_since || now - *old->missing_since < apart) {
    if (!old->missing_since) {
      log::warn("vanished", "the upstream has a package no more that it had; asked once more soon",
                {{"package", name.str()}, {"upstream", upstream.name}});
      auto mark = [now](PackageSnapshot& next) { next.missing_since = now; };
      update(old, mark, true);
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
    auto built = build(name, upstream, document.body, now, true);
    if (!built) return built;
    if (auto done = deps_.store.put_document(document_key(upstream, name), document); !done) {
      forget(name.str());
      return done.error();
    }
    if (auto changed = rejudge(*built); !changed) return changed.error();
    return built;
  };
  auto withdrawn = co_await deps_.pool.offload(std::move(withdraw));
  if (withdrawn && told_) told_(name.str());
  co_return withdrawn;
}

}  // namespace npmgate
