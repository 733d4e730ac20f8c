// Verdicts for the releases of one package: age, baseline, findings and the policy put together.
// Pure; memoised per instance; one instance per (snapshot, policy, decisions, now), used by one
// thread.
#pragma once

#include <functional>
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
#include "store/release_store.h"

namespace npmgate {

struct Judged {
  std::string version;
  std::shared_ptr<const Evidence> evidence;  // null: judged on metadata
  const Release* release =
      nullptr;  // the pinned one if there is a pin; into the snapshot or the evidence
  std::string_view raw_manifest;  // what the doors serve for it; into the snapshot
  Subject subject;
  std::vector<Finding> findings;
  Verdict verdict;
  std::string baseline;  // version, "" = first release
  // The last release before it that was settled when it appeared (SPEC, section 1), "" = none: what
  // was added since counts as added, whatever was served in between.
  std::string settled;
  std::shared_ptr<const Evidence> baseline_evidence;
  bool pinned = false;
  bool upstream_replaced =
      false;            // pinned, and the upstream now states something else under the same version
  bool recent = false;  // younger than inspection.recent
  // False: its manifest cannot be copied into a document (PackumentVersion::servable), so that no
  // policy serves it.
  bool servable = true;
  bool served() const { return servable && verdict.served(); }
  // Versions whose tarballs a comparison needs that were not inspected: what they would show is
  // unknown.
  std::vector<std::string> lacking;
  // Sources that are unknown now (KeptComparison::missing).
  std::vector<std::string> missing;
  bool carried = false;  // findings of the kept comparison stand beside those of now
};

// How asking for a tarball that a comparison needs goes.
struct ComparisonRetry {
  bool due = true;     // false: asked in vain a moment ago
  std::string reason;  // why it failed last; "" = not asked yet
};

// A release that another one pins exactly.
struct SiblingState {
  bool served = true;
  std::optional<Time> ends;  // when its hold ends by itself
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
  // Asked about what a recent release that would be served pins exactly: nullopt if that is unknown
  // or belongs to somebody else (SPEC: of the same publisher or repository). Null: no other package
  // is looked at.
  std::function<std::optional<SiblingState>(const Release& release, const std::string& name,
                                            const std::string& version)>
      sibling;
  // Whether an inspected release of the same owner pins this one exactly. Null: none does.
  std::function<bool(const Release& release)> pinned;
  // Asked about versions with `lacking`; null: always due.
  std::function<ComparisonRetry(std::string_view version)> retry;
  // Approvals for whoever asks, and for nobody else (PolicySnapshot::approvals_for): they count in
  // for_asker() and listing() alone, and nothing is compared with what they let through.
  std::vector<Decision> approvals = {};
};

// What an answer is about: how much of a package has to be inspected before it.
struct Asked {
  Asked() {}
  explicit Asked(std::string version_or_tag) : one(std::move(version_or_tag)) {}
  bool every_tag = false;  // a list of the dist-tags; a packument: `latest` only
  std::string one;         // nothing but this version or dist-tag; "": all
};

// The findings of a stored row as they are under the feed in force: known-malware told again, all
// others as they were stored.
std::vector<Finding> findings_now(const ReleaseRow& row, const Feed* feed);

// Why a release without a baseline has none: "there is no earlier release to compare with".
std::string why_uncompared(std::span<const Finding> findings);

// What is told of a version that cannot be judged since it is not listed: withdrawn, or unknown.
std::string why_absent(const PackageSnapshot& snapshot, std::string_view version);

class Judge {
 public:
  Judge(std::shared_ptr<const PackageSnapshot> snapshot, std::shared_ptr<const Policy> policy,
        std::vector<Decision> decisions, JudgeOptions options, Time now);

  // Null if the version is not in the packument (or is no version) and not pinned.
  const Judged* of(std::string_view version);
  // The same with the verdict for whoever asks (JudgeOptions::approvals).
  const Judged* for_asker(std::string_view version);
  // The version that `version` is compared with; "" if there is none.
  std::string baseline_of(std::string_view version);
  // The earlier release that a held one may be again (`fixes: sooner`) and whose tarball was not
  // inspected yet; "" if there is none.
  std::string may_restore(const Judged& judged);

  // What to keep of the comparison of a release, if it differs from what the snapshot holds:
  // the findings of a complete one, or those kept together with those of now. nullopt: nothing new,
  // or the release was not inspected.
  std::optional<KeptComparison> comparison_of(std::string_view version);
  // Whether a tarball that the comparison of a recent release needs should be asked for now.
  bool comparison_due(const Judged& judged) const;

  // Recent releases that a resolver would pick and that were not inspected, or that are held for
  // nothing but a comparison that is due (SPEC, section 6: the target of `latest`
  // and the highest stable one of each line, each replaced by the next lower one while it is left
  // out), those first that most would pick. Other dist-tags wait for somebody who asks for them,
  // parts for somebody who wants their tarball. `undecided` = versions whose inspection was tried
  // in vain this time: left out.
  std::vector<std::string> picks_to_inspect(const std::set<std::string, std::less<>>& undecided,
                                            const Asked& asked = {});
  // Recent releases that are uninspected, due again or not yet compared, and that no resolver would
  // pick now: the background's work, newest first; no parts.
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

  // The earliest instant at which time alone changes a verdict that was made so far, those that
  // were made on the way (baselines and those that did not fit as one) among them.
  std::optional<Time> valid_until() const;

  const PackageSnapshot& snapshot() const { return *snapshot_; }
  const std::shared_ptr<const PackageSnapshot>& snapshot_ptr() const { return snapshot_; }
  Time now() const { return now_; }

 private:
  Time age_start_of(const PackumentVersion& version);
  void read_releases();
  std::size_t position_of(const PackumentVersion& version) const;
  // The highest fit one on `ladder` below `self`; the search ends where `in_reach` says no.
  template <class InReach>
  const PackumentVersion* highest_fit(CandidateIndex& candidates, const PackumentVersion& self,
                                      InReach in_reach);
  void judge_below(std::size_t position);
  bool fits_as_baseline(const PackumentVersion& candidate);
  std::string settled_before(const PackumentVersion& self, const std::string& baseline);
  void add_settled(Judged& judged, FindingInput input);
  bool is_incomplete_upload(const Judged& judged);
  bool is_served_and_aged(const Judged& judged) const;
  std::string restored(const Judged& judged);
  bool published_before(const PackumentVersion& a, const PackumentVersion& b) const;
  Judged judge(const PackumentVersion& version);
  Judged judge_withdrawn_pin(const Pin& pin);
  void finish(Judged& judged, const PackumentVersion* version);
  void describe(Judged& judged, const PackumentVersion* version, const Release* baseline);
  void keep_strictest(Judged& judged, const FindingInput& input);
  const KeptComparison* kept_comparison(const Judged& judged) const;
  void wait_for_siblings(Judged& judged);
  void note_lacking(Judged& judged, const FindingInput& input, const KeptComparison* kept);
  bool lost_baseline(const KeptComparison& kept, const Judged& judged);
  const PackageHistory& history_for(const Judged& judged);
  std::vector<PackageHistory::Advisory> advisories_of(std::string_view version) const;
  bool is_unwanted_part(const Release& release) const;
  // `judged`: null for a version that cannot be judged.
  static bool left_out(const Judged* judged, const std::set<std::string, std::less<>>& undecided);

  std::shared_ptr<const PackageSnapshot> snapshot_;
  std::shared_ptr<const Policy> policy_;
  std::vector<Decision> decisions_;
  JudgeOptions options_;
  Time now_;
  bool listed_;  // the feed names some version of this package
  PackageHistory history_;
  Ages ages_;
  CandidateIndex stable_, prereleases_;
  const Millis longest_hold_, settles_after_;
  const std::optional<Millis> sooner_after_;
  std::vector<std::optional<Time>> born_;  // by position; filled as asked for
  unsigned depth_ = 0;            // judging a release asks for its baseline's verdict, and so on
  std::size_t judged_below_ = 0;  // all versions below this position are judged
  std::map<std::string, Judged, std::less<>> memo_;
  std::map<std::string, Judged, std::less<>> approved_for_asker_;  // what differs from memo_
};

}  // namespace npmgate
