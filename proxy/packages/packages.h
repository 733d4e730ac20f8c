// Packages as the gate knows them: fetching and refreshing packuments, inspecting releases, keeping
// the snapshot of each package that judging reads. Thread-safe.
#pragma once

#include <array>
#include <atomic>
#include <list>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>

#include "base/metrics.h"
#include "judge/active_policy.h"
#include "judge/judge.h"
#include "proxy/net/async.h"
#include "proxy/net/upstream.h"
#include "proxy/packages/comparison_retries.h"
#include "proxy/packages/dependencies.h"
#include "proxy/packages/exact_pins.h"
#include "proxy/packages/failure_memory.h"
#include "proxy/packages/inspector.h"
#include "proxy/runtime/config.h"
#include "store/blob_store.h"
#include "store/state_store.h"

namespace npmgate {

using SnapshotPtr = std::shared_ptr<const PackageSnapshot>;

// What a finished answer has to know of its package to be right still, without the package: shared
// by the package and everything that was made of it, and read on the loops without a lock. Written
// by Packages alone.
struct PackageState {
  // Of the newest snapshot. An answer made of another one is not right any more; 0 makes all wrong.
  std::atomic<std::uint64_t> revision{0};
  std::atomic<Time> fetched{Time{}};         // when the packument was last known to be current
  std::atomic<Time> ask_again{Time::max()};  // when an outside fact is due (PackageSnapshot)
  std::atomic<bool> stale{false};            // the upstream could not be asked the last time
  std::atomic<bool> refreshing{false};       // a refresh behind an answer is on its way
  // Under Packages' lock.
  std::weak_ptr<const PackageSnapshot> newest;
  std::size_t packument_bytes = 0;    // what its packument takes in memory
  std::optional<Time> missing_since;  // as the newest snapshot has it
};
using PackageStatePtr = std::shared_ptr<const PackageState>;

// Asks outside sources about a release that was just inspected (git tags, signatures, ages of new
// dependencies). Never an error: what could not be had is in the observations as unknown.
class ExternalEvidenceCollector {
 public:
  virtual ~ExternalEvidenceCollector() = default;
  virtual Task<ExternalEvidence> observe(SnapshotPtr snapshot, std::string version,
                                         std::string baseline) = 0;
};

class Packages {
 public:
  // How long a client waits for the upstream: headers must leave within 25 s (yarn 1 gives up at
  // 33). The fetch goes on and serves the next request.
  static constexpr Millis kAskLimit{20'000};

  // States are some 200 bytes each. Beyond this many, those go that neither an answer nor a parsed
  // packument needs.
  static constexpr std::size_t kMaxStates = 65'536;

  // The part of storage.memory that parsed packuments may take: they are what answers are made of,
  // not what is sent. One is kept whatever its size.
  static std::size_t document_bytes(const Config& config) { return config.cache_bytes / 4; }

  explicit Packages(Dependencies deps, ExternalEvidenceCollector* collector);

  // The one upstream that answers for a name; null where none is configured for it.
  const UpstreamConfig* route(const PackageName& name) const;

  // The package as of now: within `fresh` from memory or disk; within `stale` the old one while a
  // refresh runs behind it; else asked. `force` asks in any case. kNotFound: the upstream says 404.
  // kUnavailable: nobody to ask and nothing kept (or too old). `limit`: how long the caller waits
  // for the upstream; kTimeout then. Outside facts that are due are asked for again behind the
  // answer.
  Task<Result<SnapshotPtr>> get(PackageName name, bool force = false, Millis limit = kAskLimit);

  // The state that answers about `name` keep beside them.
  PackageStatePtr state(const std::string& name);
  // Whether an answer about `name` that its state says to be right may be sent now: within `fresh`,
  // or within `stale` while a refresh runs behind it. Outside facts that are due are asked for
  // behind it too. The package itself is not needed and not loaded.
  bool usable(const PackageName& name, const PackageStatePtr& state, net::any_io_executor executor);
  // The same where nothing has to be started: nothing is due, and the upstream was reached last
  // time.
  bool usable_at_once(const PackageState& state) const;

  // Fetches, verifies and unpacks one release unless that was done, and the tarballs that its
  // comparison needs; stores the evidence and returns the newer snapshot. Single flight per
  // release. A tarball for the comparison that cannot be had is no error: the release is judged
  // without it (Judge::keep_strictest), and it is asked for again in the background.
  // kTimeout where `limit` passed; the work goes on.
  Task<Result<SnapshotPtr>> inspect(SnapshotPtr snapshot, std::string version, Millis limit);

  // The same for that one tarball alone: neither its baseline's nor outside sources are asked.
  Task<Result<SnapshotPtr>> inspect_alone(SnapshotPtr snapshot, std::string version, Millis limit);
  // Asks `observer` about one release compared with `baseline` ("" = none) and returns the newer
  // snapshot.
  Task<SnapshotPtr> observe(ExternalEvidenceCollector& collector, SnapshotPtr snapshot,
                            std::string version, std::string baseline);

  // Records the release as accepted: pinned from now on. Returns the newer snapshot.
  Task<Result<SnapshotPtr>> pin(SnapshotPtr snapshot, Pin wanted);

  // Fetches the tarball of a pinned release again whose blob is gone; kIntegrityMismatch where
  // other bytes come.
  Task<Result<void>> refetch(SnapshotPtr snapshot, std::string version, std::string sha512);

  // Inspects, one after another and as long as no client waits for an inspection, the recent
  // releases that no resolver picks. Returns at once.
  void inspect_later(SnapshotPtr snapshot, net::any_io_executor executor);

  // Names of an upstream with `inspect: false` are judged by the floor, waivers of exact versions
  // and decisions alone. `options`: what this side does not fill in itself (as_published, compare).
  Judge judge(const SnapshotPtr& snapshot, const PolicySnapshot& rules, JudgeOptions options = {});

  // What is on disk about a name, whatever its age, and nobody is asked; null where nothing is.
  // Blocks on disk.
  Result<SnapshotPtr> stored(const PackageName& name);
  // What is kept of a name, in memory or on disk, however old; null where nothing is. Asks nobody.
  Task<Result<SnapshotPtr>> kept(PackageName name);
  // Asks the outside sources about an inspected release once more. Returns the newer snapshot.
  Task<SnapshotPtr> observe_again(SnapshotPtr snapshot, std::string version, std::string baseline);
  // Brings the review rows of the package's releases up to what the snapshot says now; whether any
  // changed. Blocks on disk.
  Result<bool> rejudge(const SnapshotPtr& snapshot);
  // Called with the name of every package of which a release was inspected. Before the first use.
  void on_inspected(std::function<void(const std::string&)> told) { told_ = std::move(told); }

  // Drops what memory holds of a name; the next request reads disk and upstream again.
  void forget(const std::string& name);
  // The same on disk: the next request asks the upstream. Evidence, pins and tarballs stay.
  Result<void> drop(const PackageName& name);
  Task<Result<SnapshotPtr>> refresh(PackageName name) { return get(std::move(name), true); }

 private:
  struct Entry {
    SnapshotPtr snapshot;
    std::list<std::string>::iterator age;
    std::size_t bytes = 0;
  };
  struct Fetched {  // what a refresh found
    Fetched() {}
    std::string body, etag, last_modified;
    bool gzip = false;  // `body` is compressed, as the upstream sent it
    bool unchanged = false;
  };

  // `old` null and `asleep`: the package is on disk only, and stays there where the upstream says
  // that nothing has changed; the result is null then.
  Task<Result<SnapshotPtr>> refresh_now(PackageName name, SnapshotPtr old, bool asleep = false);
  // What an upstream means that has a package no more (404, 410) which it had: the first time
  // nothing yet (kNotFound; a kept packument stays within `stale`), and from a second look on that
  // all of it is withdrawn: a packument without versions, pins judged as withdrawn, rows and
  // whoever watches told.
  Task<Result<SnapshotPtr>> vanished(PackageName name, const UpstreamConfig& upstream,
                                     SnapshotPtr old, Error missing);
  Task<Result<SnapshotPtr>> refresh_once(PackageName name, SnapshotPtr old, bool asleep,
                                         bool fresh);
  Task<Result<Fetched>> fetch_packument(PackageName name, const UpstreamConfig& upstream,
                                        std::string etag, std::string modified, bool fresh);
  // Notes for who asks next, counts and logs what could not be fetched.
  void note_failure(const std::string& what, const std::string& upstream, const Error& error);
  // From disk, once however many ask.
  Task<Result<SnapshotPtr>> load(PackageName name);
  struct Standing {
    SnapshotPtr newest;  // null: not in memory
    std::uint64_t revision = 0;
    bool stale = false;
    std::optional<Time> missing_since;
  };
  Standing standing_of(const std::string& name);
  Result<SnapshotPtr> load_from_disk(const PackageName& name, const UpstreamConfig& upstream);
  Result<void> read_known(PackageSnapshot& next);
  Result<SnapshotPtr> build(const PackageName& name, const UpstreamConfig& upstream,
                            std::string body, Time fetched, bool look, std::uint64_t retained = 0);
  Task<Result<SnapshotPtr>> inspect_now(SnapshotPtr snapshot, std::string version);
  // The same, once however many want it (as a pick, as somebody's baseline), and not at all where
  // it was done meanwhile.
  Task<Result<SnapshotPtr>> inspect_joined(SnapshotPtr snapshot, std::string version);
  Task<Result<void>> examine(std::shared_ptr<BlobStore::Writer> writer, InspectionInput& input,
                             Evidence& evidence);
  struct Plan {  // what the comparison of a release needs
    Plan() {}
    bool inspected = false, recent = false;
    std::string baseline;
    std::vector<std::string> needed;  // versions whose tarballs it cannot do without
    std::vector<std::string> useful;  // versions whose tarballs might free it
  };
  Task<Result<SnapshotPtr>> inspect_with_baseline(SnapshotPtr snapshot, std::string version);
  Plan plan_comparison(const SnapshotPtr& snapshot, const std::string& version) const;
  // Whether a tarball was fetched is in `fetched`.
  Task<SnapshotPtr> fetch_for_comparison(SnapshotPtr snapshot, std::string version, Plan plan,
                                         bool& fetched);
  // Asks again for what comparisons wait for until nothing waits; one at a time.
  void compare_behind(net::any_io_executor executor);
  Task<void> compare_again();
  // Counts evidence whose outside facts are not there yet.
  Judge judge_half_known(const SnapshotPtr& snapshot, const PolicySnapshot& rules) const;
  Judge judge_with(const SnapshotPtr& snapshot, const PolicySnapshot& rules,
                   JudgeOptions options) const;
  // Asks outside for what may have changed since it was last asked, in the background; one round
  // per package at a time.
  void observe_behind(PackageName name, net::any_io_executor executor);
  Task<void> observe_again(SnapshotPtr snapshot);
  Task<Result<SnapshotPtr>> observe_now(SnapshotPtr snapshot, std::string version,
                                        std::string baseline);
  std::optional<Time> next_observation(const PackageSnapshot& snapshot) const;
  // Blocks on disk.
  Result<SnapshotPtr> record_rows(const SnapshotPtr& snapshot,
                                  const std::vector<std::string>& versions);
  Result<SnapshotPtr> keep_comparisons(const SnapshotPtr& snapshot, Judge& judge,
                                       const std::vector<std::string>& versions);
  Task<Result<std::shared_ptr<BlobStore::Writer>>> download(SnapshotPtr snapshot,
                                                            std::string version, Dist dist,
                                                            bool fresh = false);
  Task<Result<std::shared_ptr<BlobStore::Writer>>> download_once(SnapshotPtr snapshot,
                                                                 std::string version, Dist dist,
                                                                 bool fresh);
  Task<Result<SnapshotPtr>> inspect_once(SnapshotPtr snapshot, std::string version);
  void revalidate_behind(PackageName name, net::any_io_executor executor);
  bool is_as_judged(const PackageSnapshot& snapshot, const Pin& pin) const;
  SnapshotPtr mark_current(const std::string& name, Time now);
  void mark_stale_kept(const std::string& name);
  std::string tarball_url(const PackageName& name, const UpstreamConfig& upstream,
                          const std::string& version, const Dist& dist) const;

  SnapshotPtr mark_stale(const SnapshotPtr& known);
  SnapshotPtr in_memory(const std::string& name) const;
  // What is served of a release that another one pins exactly: JudgeOptions::sibling. What memory
  // does not hold is read from disk.
  std::optional<SiblingState> sibling_state(const Release& parent, const std::string& name,
                                            const std::string& version);
  // The packuments of what a release pins exactly; what is new in them is inspected behind it.
  Task<void> fetch_siblings(SnapshotPtr snapshot, std::string version);
  // Under mutex_.
  std::shared_ptr<PackageState> state_of(const std::string& name);
  SnapshotPtr newest_of(const std::string& name) const;
  // Stores, evicts, and stamps a new revision unless what answers are made of is the same. Under
  // updating_.
  SnapshotPtr keep(std::shared_ptr<PackageSnapshot> next, bool same_content = false);
  // Applies `change` to a copy of the newest snapshot of `name` and keeps it.
  SnapshotPtr update(const SnapshotPtr& base, const std::function<void(PackageSnapshot&)>& change,
                     bool same_content = false);
  std::uint64_t& updates_of(const std::string& name);

  Dependencies deps_;
  ExternalEvidenceCollector* collector_;
  std::function<void(const std::string&)> told_;
  // The waivers of exact versions alone: what an upstream with `inspect: false` is judged by beside
  // the floor. Made once per policy.
  std::shared_ptr<const Policy> exact_waivers(const std::shared_ptr<const Policy>& policy) const;
  mutable std::mutex waivers_mutex_;
  mutable std::shared_ptr<const Policy> waivers_of_, waivers_;
  mutable std::set<std::string, std::less<>> untimed_;  // upstreams told of; under waivers_mutex_
  SingleFlight<Result<SnapshotPtr>> loads_, refreshes_, inspections_, readings_;
  FailureMemory failures_;  // of packuments by name, of tarballs by name@version
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Entry> entries_;
  mutable std::list<std::string> ages_;  // least recently used first
  std::size_t bytes_ = 0;
  std::unordered_map<std::string, std::shared_ptr<PackageState>> states_;
  std::size_t max_states_ = kMaxStates;
  std::set<std::string, std::less<>> observing_;
  ComparisonRetries retries_;
  ExactPins parts_;
  std::atomic<int> waiting_{0};  // inspections that a client waits for
  std::atomic<bool> comparing_{false};
  // Held while a snapshot is replaced by one made of it, always before mutex_. The counters, of
  // names with the same hash together, tell a snapshot that is being read from disk that it was
  // overtaken.
  std::mutex updating_;
  std::array<std::uint64_t, 256> updates_{};
  std::atomic<std::uint64_t> revisions_{0};
  std::atomic<int> background_{0};
};

}  // namespace npmgate
