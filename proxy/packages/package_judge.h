// Judges packages as this gate's configuration says, and keeps what judging yields: rows for
// review, comparisons, pins. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "judge/active_policy.h"
#include "judge/judge.h"
#include "proxy/packages/comparison_retries.h"
#include "proxy/packages/dependencies.h"
#include "proxy/packages/package_cache.h"

namespace npmgate {

class PackageJudge {
 public:
  // `collects`: outside sources are asked about releases, and a young one is not judged before.
  PackageJudge(Dependencies deps, PackageCache& cache, const ComparisonRetries& retries,
               bool collects)
      : deps_(deps), cache_(cache), retries_(retries), collects_(collects) {}

  // Names of an upstream with `inspect: false` are judged by the floor, waivers of exact versions
  // and decisions alone. `options`: what this side does not fill in itself (as_published, compare).
  // May block on disk while it judges: what a release pins exactly is read if memory lacks it.
  Judge judge(const SnapshotPtr& snapshot, const PolicySnapshot& rules, JudgeOptions options = {});
  // The same for an answer to somebody: with the approvals that are for this audience alone.
  Judge judge_for(const SnapshotPtr& snapshot, const PolicySnapshot& rules,
                  const Audience& audience);
  // The same for choosing what to compare with: counts evidence whose outside facts are not there
  // yet, and looks at no other package.
  Judge judge_half_known(const SnapshotPtr& snapshot, const PolicySnapshot& rules) const;

  // Writes the review rows of these versions, and what their comparisons said. Returns the newer
  // snapshot. Blocks on disk.
  Result<SnapshotPtr> record_rows(const SnapshotPtr& snapshot,
                                  const std::vector<std::string>& versions);
  // Brings the review rows of the package's releases up to what the snapshot says now; whether any
  // changed. Blocks on disk.
  Result<bool> rejudge(const SnapshotPtr& snapshot);
  // Records the release as accepted: pinned from now on. Returns the newer snapshot.
  Task<Result<SnapshotPtr>> pin(SnapshotPtr snapshot, Pin wanted);

  // Called with the name of every package of which a release was inspected, or that was withdrawn.
  // Before the first use.
  void on_judged(std::function<void(const std::string&)> told) { told_ = std::move(told); }
  void tell(const std::string& name) const {
    if (told_) told_(name);
  }

 private:
  Judge judge_with(const SnapshotPtr& snapshot, const PolicySnapshot& rules,
                   JudgeOptions options) const;
  JudgeOptions options_here(const PolicySnapshot& rules, JudgeOptions options = {}) const;
  // What is served of a release that another one pins exactly: JudgeOptions::sibling. What memory
  // does not hold is read from disk.
  std::optional<SiblingState> sibling_state(const Release& parent, const std::string& name,
                                            const std::string& version);
  bool is_as_judged(const PackageSnapshot& snapshot, const Pin& pin) const;
  Result<SnapshotPtr> keep_comparisons(const SnapshotPtr& snapshot, Judge& judge,
                                       const std::vector<std::string>& versions);
  // The waivers of exact versions alone: what an upstream with `inspect: false` is judged by beside
  // the floor. Made once per policy.
  std::shared_ptr<const Policy> exact_waivers(const std::shared_ptr<const Policy>& policy) const;

  Dependencies deps_;
  PackageCache& cache_;
  const ComparisonRetries& retries_;
  const bool collects_;
  std::function<void(const std::string&)> told_;
  mutable std::mutex waivers_mutex_;
  mutable std::shared_ptr<const Policy> waivers_of_, waivers_;
};

}  // namespace npmgate
