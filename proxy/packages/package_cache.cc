#include "proxy/packages/package_cache.h"

#include <algorithm>

#include "base/log.h"
#include "proxy/packages/fetching.h"
#include "proxy/runtime/routes.h"
#include "registry/footprint.h"

namespace npmgate {
namespace {

constexpr auto kLoadLimit = std::chrono::seconds(30);  // a packument of 21 MB takes 0.4 s

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

std::string document_key(const UpstreamConfig& upstream, const PackageName& name) {
  return upstream.url + name.str();
}

SnapshotPtr PackageCache::in_memory(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  return newest_of(name);
}

// Also one that was evicted and that somebody still works with: it is the newest all the same.
SnapshotPtr PackageCache::newest_of(const std::string& name) const {
  if (const auto it = entries_.find(name); it != entries_.end()) {
    ages_.splice(ages_.end(), ages_, it->second.age);
    return it->second.snapshot;
  }
  const auto state = states_.find(name);
  return state == states_.end() ? nullptr : state->second->newest.lock();
}

std::shared_ptr<PackageState> PackageCache::state_of(const std::string& name) {
  if (const auto it = states_.find(name); it != states_.end()) return it->second;
  if (states_.size() >= max_states_) {
    std::erase_if(states_, [](const auto& item) {
      return item.second.use_count() == 1 && item.second->newest.expired();
    });
    max_states_ = std::max(kMaxStates, 2 * states_.size());
  }
  return states_[name] = std::make_shared<PackageState>();
}

PackageStatePtr PackageCache::state(const std::string& name) {
  const std::lock_guard lock(mutex_);
  return state_of(name);
}

bool PackageCache::usable_at_once(const PackageState& state) const {
  const Time now = clock_.now();
  const Millis age = now - state.fetched.load();
  return age >= Millis(0) && age < config_.fresh && state.ask_again.load() > now &&
         !state.stale.load();
}

SnapshotPtr PackageCache::keep(std::shared_ptr<PackageSnapshot> next, bool same_content) {
  if (!same_content || next->revision == 0) next->revision = ++revisions_;
  next->ask_again = next_observation(*next);
  const std::string name = next->name;
  const std::size_t beside = memory_beside(*next);
  const std::size_t room = document_bytes(config_);
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
  metrics_.set("npm_gate_memory_bytes", R"(kind="documents")", static_cast<double>(bytes_));
  return next;
}

SnapshotPtr PackageCache::update(const SnapshotPtr& base,
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

std::uint64_t& PackageCache::updates_of(const std::string& name) {
  return updates_[std::hash<std::string>{}(name) % updates_.size()];
}

void PackageCache::forget(const std::string& name) {
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

std::optional<Time> PackageCache::next_observation(const PackageSnapshot& snapshot) const {
  std::optional<Time> next;
  if (!collects_ || !snapshot.packument || snapshot.observations.empty()) return next;
  const Ages ages(snapshot);
  for (const auto& [version, observed] : snapshot.observations) {
    const PackumentVersion* found = snapshot.packument->find(version);
    if (found == nullptr) continue;
    const auto at = ask_again_at(observed, found->release, ages.age_start(*found, clock_.now()),
                                 config_.recent, config_.git_cache);
    next = earliest(next, at);
  }
  return next;
}

// What is known of a package's releases besides its packument.
Result<void> PackageCache::read_known(PackageSnapshot& next) {
  next.observations.clear();
  next.comparisons.clear();
  auto evidence = store_.evidence_of(next.name);
  if (!evidence) return evidence.error();
  next.evidence = std::move(*evidence);
  for (const EvidencePtr& each : next.evidence) parts_.note(each->release);
  auto pins = store_.pins_of(next.name);
  if (!pins) return pins.error();
  next.pins = std::move(*pins);
  auto tags = store_.tags_of(next.name);
  if (!tags) return tags.error();
  auto texts = store_.observations_of(next.name);
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

// Once per upstream.
void PackageCache::warn_untimed(const std::string& upstream, const std::string& package) {
  std::unique_lock lock(mutex_);
  const bool first = untimed_.insert(upstream).second;
  lock.unlock();
  if (first)
    log::warn("times",
              "the upstream states no publish times: ages count from the first sight of a release, "
              "and cooldowns hold what is seen first for that long",
              {{"upstream", upstream}, {"package", package}});
}

Result<SnapshotPtr> PackageCache::build(const PackageName& name, const UpstreamConfig& upstream,
                                        std::string body, Time fetched, bool look,
                                        std::uint64_t retained) {
  metrics_.add("npm_gate_packuments_parsed_total");
  auto packument = Packument::parse(std::move(body), name, kMaxPackument);
  if (!packument) return packument.error();
  auto next = std::make_shared<PackageSnapshot>();
  next->name = name.str();
  next->upstream = upstream.name;
  next->times_real = upstream.times_publish;
  next->packument = *packument;
  next->fetched = fetched;
  if (look && !(*packument)->has_times() && !(*packument)->versions().empty())
    warn_untimed(upstream.name, name.str());
  auto record = look ? store_.record_sighting(look_of(**packument, upstream, fetched))
                     : store_.package(name.str());
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

Result<SnapshotPtr> PackageCache::replace(const PackageName& name, const UpstreamConfig& upstream,
                                          const StateStore::Document& document) {
  auto built = build(name, upstream, document.body, document.fetched, true);
  // Only a document that could be read replaces the one on disk.
  if (!built) return built;
  if (auto done = store_.put_document(document_key(upstream, name), document); !done) {
    forget(name.str());  // what would be read again is not what answers are made of
    return done.error();
  }
  return built;
}

PackageCache::Standing PackageCache::standing_of(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const std::shared_ptr<PackageState> state = state_of(name);
  Standing standing;
  standing.newest = newest_of(name);
  standing.revision = state->revision;
  standing.stale = state->stale;
  standing.missing_since = state->missing_since;
  return standing;
}

Result<SnapshotPtr> PackageCache::load_from_disk(const PackageName& name,
                                                 const UpstreamConfig& upstream) {
  const Standing before = standing_of(name.str());
  if (before.newest) return before.newest;
  auto document = store_.document(document_key(upstream, name));
  if (!document) return document.error();
  if (!*document) return SnapshotPtr();
  return build(name, upstream, std::move((*document)->body), (*document)->fetched, false,
               before.revision);
}

Result<SnapshotPtr> PackageCache::stored(const PackageName& name) {
  const UpstreamConfig* upstream = route(config_, name);
  if (upstream == nullptr) return SnapshotPtr();
  return load_from_disk(name, *upstream);
}

Task<Result<SnapshotPtr>> PackageCache::load(PackageName name) {
  SingleFlight<Result<SnapshotPtr>>::Work work = [this, name]() -> Task<Result<SnapshotPtr>> {
    std::function<Result<SnapshotPtr>()> read = [this, name] { return stored(name); };
    co_return co_await pool_.offload(std::move(read));
  };
  auto loaded = co_await loads_.join(name.str(), std::move(work), kLoadLimit);
  if (!loaded)
    co_return fail(Code::kTimeout, Origin::kDisk, "reading " + name.str() + " took too long", true);
  co_return std::move(*loaded);
}

Task<Result<SnapshotPtr>> PackageCache::kept(PackageName name) {
  if (SnapshotPtr known = in_memory(name.str())) co_return known;
  auto load = [this, name] { return stored(name); };
  co_return co_await pool_.offload(std::move(load));
}

// The revision, and so what was rendered, stays: nothing but the time of the look has changed.
SnapshotPtr PackageCache::mark_current(const std::string& name, Time now) {
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

// Nothing that answers are made of has changed: what was rendered stays.
SnapshotPtr PackageCache::mark_stale(const SnapshotPtr& known) {
  const SnapshotPtr newest = in_memory(known->name);
  if (newest && newest->stale) return newest;
  auto mark = [](PackageSnapshot& next) { next.stale = true; };
  return update(known, mark, true);
}

void PackageCache::mark_stale(const std::string& name) {
  if (const SnapshotPtr newest = in_memory(name)) {
    mark_stale(newest);
    return;
  }
  const std::lock_guard lock(mutex_);
  state_of(name)->stale = true;
}

}  // namespace npmgate
