// The newest snapshot of each package, in memory and on disk. Thread-safe.
//
// What a name goes through; PackageCache alone moves it:
//
//   unknown   nothing in memory; `revision` is 0 or there is no state.
//   kept      the newest snapshot lies in memory and its state says when it was fetched.
//   asleep    the snapshot was evicted, its state stays; the newest revision lies on disk.
//
//   unknown -> kept    load() from disk, replace() with what was just fetched
//   kept    -> kept    update(), replace(): a new revision, unless what answers are made of is the
//   same
//                      (mark_current, mark_stale and whoever says `same_content`)
//   kept    -> asleep  eviction, the least recently used first, beyond document_bytes()
//   asleep  -> kept    load(): under the revision it had, if nothing changed meanwhile
//   any     -> unknown forget()
//
// Invariants:
//   - Revisions only grow. An answer made of a revision is right exactly as long as the state has
//   it.
//   - `newest` is the snapshot of the state's revision, or has expired.
//   - A change is applied to the newest snapshot, never to an older one that a caller still holds.
//   - Memory follows the disk: what is in a snapshot was written before, or is written right after
//     and forgotten if that fails.
//   - Locks are taken in this order: updating_, then mutex_. Neither is held over disk or a wait.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

#include "base/metrics.h"
#include "judge/snapshot.h"
#include "proxy/net/async.h"
#include "proxy/packages/exact_pins.h"
#include "proxy/runtime/config.h"
#include "registry/name.h"
#include "store/state_store.h"

namespace npmgate {

// What a finished answer has to know of its package to be right still, without the package: shared
// by the package and everything that was made of it, and read on the loops without a lock.
struct PackageState {
  // Of the newest snapshot. An answer made of another one is not right any more; 0 makes all wrong.
  std::atomic<std::uint64_t> revision{0};
  std::atomic<Time> fetched{Time{}};         // when the packument was last known to be current
  std::atomic<Time> ask_again{Time::max()};  // when an outside fact is due (PackageSnapshot)
  std::atomic<bool> stale{false};            // the upstream could not be asked the last time
  // PackumentFetcher's: a refresh behind an answer is on its way.
  mutable std::atomic<bool> refreshing{false};
  // Under the cache's lock.
  std::weak_ptr<const PackageSnapshot> newest;
  std::size_t packument_bytes = 0;    // what its packument takes in memory
  std::optional<Time> missing_since;  // as the newest snapshot has it
};
using PackageStatePtr = std::shared_ptr<const PackageState>;

// Under which a packument lies in the store.
std::string document_key(const UpstreamConfig& upstream, const PackageName& name);

class PackageCache {
 public:
  // States are some 200 bytes each. Beyond this many, those go that neither an answer nor a parsed
  // packument needs.
  static constexpr std::size_t kMaxStates = 65'536;

  // The part of storage.memory that parsed packuments may take: they are what answers are made of,
  // not what is sent. One is kept whatever its size.
  static std::size_t document_bytes(const Config& config) { return config.cache_bytes / 4; }

  // `collects`: outside sources are asked about releases, so that snapshots have an `ask_again`.
  PackageCache(const Config& config, const Clock& clock, StateStore& store, Pool& pool,
               Metrics& metrics, bool collects)
      : config_(config),
        clock_(clock),
        store_(store),
        pool_(pool),
        metrics_(metrics),
        collects_(collects) {}

  // The state that answers about `name` keep beside them.
  PackageStatePtr state(const std::string& name);
  // Whether an answer about it that its state says to be right may be sent and nothing has to be
  // started: nothing is due, and the upstream was reached last time.
  bool usable_at_once(const PackageState& state) const;

  // The newest snapshot if memory holds it, also one that was evicted and that somebody still works
  // with; else null.
  SnapshotPtr in_memory(const std::string& name) const;
  // Loads the package from disk regardless of its age, once however many ask; null if nothing is
  // stored. kTimeout after half a minute. The upstream is not contacted.
  Task<Result<SnapshotPtr>> load(PackageName name);
  // The same, on this thread. Blocks on disk.
  Result<SnapshotPtr> stored(const PackageName& name);
  // From memory, else from disk.
  Task<Result<SnapshotPtr>> kept(PackageName name);

  // Makes a document that was just fetched the package's newest, in memory and on disk: parsed, its
  // sighting recorded. One that cannot be read replaces nothing. Blocks on disk.
  Result<SnapshotPtr> replace(const PackageName& name, const UpstreamConfig& upstream,
                              const StateStore::Document& document);
  // Applies `change` to a copy of the newest snapshot of the same name and keeps it. `base`: what
  // the caller works with, changed if memory holds none. `same_content`: answers made of it stay
  // right. `change` must not block.
  SnapshotPtr update(const SnapshotPtr& base, const std::function<void(PackageSnapshot&)>& change,
                     bool same_content = false);
  // The upstream confirmed the packument at `now`. Returns the snapshot, null if it is asleep.
  SnapshotPtr mark_current(const std::string& name, Time now);
  // The upstream could not be asked.
  SnapshotPtr mark_stale(const SnapshotPtr& known);
  void mark_stale(const std::string& name);
  // What the inspected releases that memory came across pin exactly. Thread-safe.
  ExactPins& parts() { return parts_; }
  // Drops what memory holds of a name; the next request reads the disk again.
  void forget(const std::string& name);

 private:
  struct Entry {
    SnapshotPtr snapshot;
    std::list<std::string>::iterator age;
    std::size_t bytes = 0;
  };
  struct Standing {
    SnapshotPtr newest;  // null: not in memory
    std::uint64_t revision = 0;
    bool stale = false;
    std::optional<Time> missing_since;
  };
  Standing standing_of(const std::string& name);
  Result<SnapshotPtr> load_from_disk(const PackageName& name, const UpstreamConfig& upstream);
  Result<void> read_known(PackageSnapshot& next);
  // `look`: the document was just fetched. `retained`: the revision that it may have again.
  Result<SnapshotPtr> build(const PackageName& name, const UpstreamConfig& upstream,
                            std::string body, Time fetched, bool look, std::uint64_t retained = 0);
  void warn_untimed(const std::string& upstream, const std::string& package);
  std::optional<Time> next_observation(const PackageSnapshot& snapshot) const;
  // Under mutex_.
  std::shared_ptr<PackageState> state_of(const std::string& name);
  SnapshotPtr newest_of(const std::string& name) const;
  // Stores, evicts, and stamps a new revision unless what answers are made of is the same. Under
  // updating_.
  SnapshotPtr keep(std::shared_ptr<PackageSnapshot> next, bool same_content = false);
  std::uint64_t& updates_of(const std::string& name);

  const Config& config_;
  const Clock& clock_;
  StateStore& store_;
  Pool& pool_;
  Metrics& metrics_;
  const bool collects_;
  SingleFlight<Result<SnapshotPtr>> loads_;
  ExactPins parts_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Entry> entries_;
  mutable std::list<std::string> ages_;  // least recently used first
  std::size_t bytes_ = 0;
  std::unordered_map<std::string, std::shared_ptr<PackageState>> states_;
  std::size_t max_states_ = kMaxStates;
  std::set<std::string, std::less<>> untimed_;  // upstreams without publish times that were logged
  // Held while a snapshot is replaced by one made of it. The counters, of names with the same hash
  // together, tell a snapshot that is being read from disk that it was overtaken.
  std::mutex updating_;
  std::array<std::uint64_t, 256> updates_{};
  std::atomic<std::uint64_t> revisions_{0};
};

}  // namespace npmgate
