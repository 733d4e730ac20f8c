// Background refresh: re-checks known packages on a schedule and inspects new releases before a
// client requests them (docs/monitoring.md).
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "alert/watch_schedule.h"
#include "proxy/packages/packages.h"

namespace npmgate {

class PackageRefresher {
 public:
  // `wanted`: names that subscriptions hold. Blocks on disk; may be null.
  using Wanted = std::function<Result<std::vector<std::string>>()>;
  // `judged`: told the name of every package whose releases were judged again.
  PackageRefresher(Dependencies deps, Packages& packages, Wanted wanted,
                   std::function<void(const std::string&)> judged, std::function<double()> chance);
  // Works until the loop ends; returns at once if gate.yaml turns the watch off.
  Task<void> run();
  // Follows the changes feed of one upstream until the loop ends.
  Task<void> follow(const UpstreamConfig& upstream);

  // One look at one package: refresh, inspect what is new, ask again what was missing, judge again.
  Task<Result<bool>> look_at(PackageName name);
  // For tests: what is due now is looked at; returns how many looks began.
  Task<Result<int>> step();
  std::size_t watched() const;

 private:
  struct Known {  // what the store, gate.yaml and subscriptions name
    Known() {}
    std::set<std::string, std::less<>> names, listed;
  };
  Task<Result<bool>> learn();
  Result<Known> read_known() const;  // blocks on disk
  Task<void> visit(std::string name);
  Task<Result<SnapshotPtr>> inspect_new(SnapshotPtr snapshot, bool& unfinished);
  Task<Result<SnapshotPtr>> ask_again(SnapshotPtr snapshot);
  void plan(const std::string& name, const SnapshotPtr& snapshot, Time now);
  void note_delays(const SnapshotPtr& before, const SnapshotPtr& after, Time now);
  // `poll`: waits for a change; else answers at once with where the feed is.
  Task<Result<Changes>> ask_changes(const UpstreamConfig& upstream, std::string since, bool poll);
  Task<void> keep_place(const UpstreamConfig& upstream, std::string last_seq);

  Dependencies deps_;
  Packages& packages_;
  Wanted wanted_;
  std::function<void(const std::string&)> judged_;
  std::function<double()> chance_;
  // One loop only.
  WatchQueue queue_;
  WatchBudget budget_;
  std::set<std::string, std::less<>> under_way_, listed_;
  std::optional<Time> learned_;
};

}  // namespace npmgate
