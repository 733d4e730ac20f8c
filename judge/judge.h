// Verdicts for the releases of one package: age, baseline, findings and the policy put together.
// Pure; memoised per instance; one instance per (snapshot, policy, decisions, now), used by one
// thread.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "feeds/feed.h"
#include "judge/candidate_index.h"
#include "judge/snapshot.h"
#include "policy/decide.h"

namespace npmgate {

struct Judged {
  std::string version;
  std::shared_ptr<const Evidence> evidence;  // null: judged on metadata
  const Release* release =
      nullptr;  // the pinned one where there is a pin; into the snapshot or the evidence
  std::string_view raw_manifest;  // what the doors serve for it; into the snapshot
  Subject subject;
  std::vector<Finding> findings;
  Verdict verdict;
  std::string baseline;  // version, "" = first release
  std::shared_ptr<const Evidence> baseline_evidence;
  bool pinned = false;
  bool upstream_replaced =
      false;            // pinned, and the upstream now states something else under the same version
  bool recent = false;  // younger than inspection.recent
  // False: its manifest cannot be copied into a document (PackumentVersion::servable), so that no
  // policy serves it.
  bool servable = true;
  bool served() const { return servable && verdict.served(); }
};

struct JudgeOptions {
  Millis recent{std::chrono::hours{24 * 30}};
  std::span<const std::string> popular;
  std::shared_ptr<const Feed> feed;  // null: none is loaded
  // Evidence of a recent release counts once its outside facts (observations) are there as well: a
  // request in between must not be judged on half of what there is to know.
  bool observed_only = false;
  // Not empty: this version is judged as if it had appeared this moment, and every other one as if
  // long ago (older than `recent`).
  std::string as_published;
  // Not empty: the first version is compared with the second, whatever would be chosen.
  std::pair<std::string, std::string> compare;
};

// The findings of a stored row as they are under the feed in force: known-malware told anew, all
// others as they were stored.
std::vector<Finding> findings_now(const ReleaseRow& row, const Feed* feed);

class Judge {
 public:
  Judge(std::shared_ptr<const PackageSnapshot> snapshot, std::shared_ptr<const Policy> policy,
        std::vector<Decision> decisions, JudgeOptions options, Time now);

  // Null where the version is not in the packument (or is no version) and not pinned.
  const Judged* of(std::string_view version);
  // The version that `version` is compared with; "" where there is none.
  std::string baseline_of(std::string_view version);

  // Recent releases without evidence that a resolver would pick (SPEC, section 6: dist-tag targets
  // and the highest stable one of each line, each replaced by the next lower one while it is left
  // out). `undecided` = versions whose inspection was tried in vain this time: left out.
  std::vector<std::string> picks_to_inspect(const std::set<std::string, std::less<>>& undecided);
  // Recent releases that are uninspected or due again, and that no resolver would pick now: the
  // background's work, newest first.
  std::vector<std::string> background_work();

  struct Hidden {
    std::string version;
    std::string sentence;  // why, one line
    Time age_start{};
  };
  // What a packument answer holds: versions that stay and, newest first, those left out.
  struct Listing {
    std::vector<const Judged*> kept;
    std::vector<Hidden> hidden;
    StringMap dist_tags;
    std::optional<Time> valid_until;  // the earliest instant at which time alone changes it
  };
  Listing listing(const std::set<std::string, std::less<>>& undecided);

  const PackageSnapshot& snapshot() const { return *snapshot_; }
  Time now() const { return now_; }

 private:
  Time age_start_of(const PackumentVersion& version) const;
  void read_releases();
  std::size_t position_of(const PackumentVersion& version) const;
  // The highest fit one on `ladder` below `self`; the search ends where `in_reach` says no.
  template <class InReach>
  const PackumentVersion* highest_fit(CandidateIndex& candidates, const PackumentVersion& self,
                                      InReach in_reach);
  void judge_below(std::size_t position);
  bool fits_as_baseline(const PackumentVersion& candidate);
  bool published_before(const PackumentVersion& a, const PackumentVersion& b) const;
  Judged judge(const PackumentVersion& version);
  Judged judge_withdrawn_pin(const Pin& pin);
  void finish(Judged& judged, const PackumentVersion* version);
  void describe(Judged& judged, const PackumentVersion* version, const Release* baseline);
  const PackageHistory& history_for(const Judged& judged);
  std::vector<PackageHistory::Advisory> advisories_of(std::string_view version) const;
  bool left_out(const PackumentVersion& version,
                const std::set<std::string, std::less<>>& undecided);

  std::shared_ptr<const PackageSnapshot> snapshot_;
  std::shared_ptr<const Policy> policy_;
  std::vector<Decision> decisions_;
  JudgeOptions options_;
  Time now_;
  bool listed_;  // the feed names some version of this package
  PackageHistory history_;
  Ages ages_;
  CandidateIndex stable_, prereleases_;
  unsigned depth_ = 0;            // judging a release asks for its baseline's verdict, and so on
  std::size_t judged_below_ = 0;  // all versions below this position are judged
  std::map<std::string, Judged, std::less<>> memo_;
};

}  // namespace npmgate
