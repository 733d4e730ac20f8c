#include "judge/policy_replay.h"

#include <algorithm>
#include <array>
#include <set>
#include <tuple>
#include <unordered_map>

#include "policy/policy_facts.h"

namespace npmgate {
namespace {

// Findings over facts that are asked of others at inspection and are not part of the evidence: what
// was found then is kept if a derivation from the store cannot show it. Not known-malware: what
// the feed says now counts.
constexpr std::array<std::string_view, 3> kAskedElsewhere = {
    "fresh-dependency", "signature-invalid", "evidence-unavailable"};

const Reason* deciding(const Verdict& verdict) {
  if (verdict.reasons.empty() || !verdict.reasons.front().waived_by.empty()) return nullptr;
  return &verdict.reasons.front();
}

class Retry {
 public:
  Retry(ReleaseStore& store, const PolicyReplayInput& input) : store_(store), input_(input) {
    for (const Decision& decision : input.decisions) decisions_[decision.name].push_back(decision);
  }

  Result<PolicyReplay> run() {
    auto walked = store_.for_each_release([this](const ReleaseRow& row) { look(row); });
    if (!walked) return walked.error();
    for (const std::string& name : again_) {
      if (auto done = derive_again(name); !done) return done.error();
    }
    finish();
    return std::move(out_);
  }

 private:
  std::span<const Decision> decisions_of(const std::string& name) const {
    const auto it = decisions_.find(name);
    return it == decisions_.end() ? std::span<const Decision>() : std::span(it->second);
  }

  // Judge::fits_as_baseline, on a row.
  bool fits(const Policy& policy, const ReleaseRow& row, const std::vector<Finding>& findings,
            const Verdict& verdict) const {
    if (!verdict.baseline_fit) return false;
    const bool old = input_.now - row.subject.age_start > input_.options.recent;
    if (old || !verdict.approved_by.empty()) return true;
    return decide(policy, row.subject, findings, decisions_of(row.name),
                  std::min(row.subject.age_start, input_.now))
        .baseline_fit;
  }

  // Whether a feed names the release, or did when its findings were stored. Of few releases: the
  // findings of all others need no copy.
  bool is_listed(const ReleaseRow& row) const {
    const Feed* feed = input_.options.feed.get();
    return (feed != nullptr && feed->names(row.name)) ||
           std::any_of(row.findings.begin(), row.findings.end(),
                       [](const Finding& finding) { return finding.id == "known-malware"; });
  }

  void look(const ReleaseRow& row) {
    const bool wanted = !input_.wanted || input_.wanted(row.name, row.version);
    if (wanted) ++out_.judged;
    const auto decisions = decisions_of(row.name);
    const bool listed = is_listed(row);
    const auto renewed =
        listed ? findings_now(row, input_.options.feed.get()) : std::vector<Finding>();
    const std::vector<Finding>& findings = listed ? renewed : row.findings;
    const Verdict before = decide(*input_.before, row.subject, findings, decisions, input_.now);
    const Verdict after = decide(*input_.after, row.subject, findings, decisions, input_.now);
    // What counts as settled hangs on the longest hold: recent releases are compared with it.
    const bool other_holds = longest_hold(*input_.before) != longest_hold(*input_.after) &&
                             input_.now - row.subject.age_start <= input_.options.recent;
    if (input_.full || other_holds ||
        fits(*input_.before, row, findings, before) != fits(*input_.after, row, findings, after))
      again_.insert(row.name);
    if (wanted) compare(row, before, after);
  }

  void compare(const ReleaseRow& row, const Verdict& before, const Verdict& after) {
    if (before.action == after.action) return;
    PolicyReplayChange change;
    change.name = row.name;
    change.version = row.version;
    change.content_id = row.content_id;
    change.before = before.action;
    change.after = after.action;
    change.served = row.served;
    if (const Reason* reason = deciding(before.action > after.action ? before : after)) {
      change.rule = reason->rule;
      change.at = reason->at.file.empty() ? "" : reason->at.str();
      change.message = reason->message;
    }
    out_.changes.push_back(std::move(change));
  }

  std::vector<Finding> with_kept(const Judged& judged, const ReleaseRow& row) const {
    std::vector<Finding> all = judged.findings;
    for (const Finding& stored : row.findings) {
      const bool elsewhere = std::find(kAskedElsewhere.begin(), kAskedElsewhere.end(), stored.id) !=
                             kAskedElsewhere.end();
      const bool there = std::any_of(all.begin(), all.end(), [&](const Finding& finding) {
        return finding.id == stored.id && finding.source == stored.source;
      });
      if (elsewhere && !there) all.push_back(stored);
    }
    return all;
  }

  Result<void> derive_again(const std::string& name) {
    auto snapshot = input_.snapshot(name);
    if (!snapshot) return snapshot.error();
    if (!*snapshot || !(*snapshot)->packument) return {};
    auto rows = store_.releases_of(name);
    if (!rows) return rows.error();
    const auto mine = decisions_of(name);
    const std::vector<Decision> decisions(mine.begin(), mine.end());
    Judge old_judge(*snapshot, input_.before, decisions, input_.options, input_.now);
    Judge new_judge(*snapshot, input_.after, decisions, input_.options, input_.now);
    for (const ReleaseRow& row : *rows) {
      if (input_.wanted && !input_.wanted(row.name, row.version)) continue;
      const Judged* before = old_judge.of(row.version);
      const Judged* after = new_judge.of(row.version);
      if (before == nullptr || after == nullptr || before->subject.content_id != row.content_id)
        continue;
      ++out_.rederived;
      std::erase_if(out_.changes, [&](const PolicyReplayChange& change) {
        return change.name == name && change.version == row.version &&
               change.content_id == row.content_id;
      });
      compare(
          row,
          decide(*input_.before, before->subject, with_kept(*before, row), decisions, input_.now),
          decide(*input_.after, after->subject, with_kept(*after, row), decisions, input_.now));
    }
    return {};
  }

  void finish() {
    for (const PolicyReplayChange& change : out_.changes) {
      ++out_.counts[{change.before, change.after}];
      if (change.served && change.before <= Action::kWarn && change.after > Action::kWarn)
        ++out_.served_refused;
    }
    const auto key = [](const PolicyReplayChange& change) {
      return std::tuple(change.after < change.before, !change.served, std::string_view(change.name),
                        std::string_view(change.version), std::string_view(change.content_id));
    };
    std::sort(
        out_.changes.begin(), out_.changes.end(),
        [&](const PolicyReplayChange& a, const PolicyReplayChange& b) { return key(a) < key(b); });
  }

  ReleaseStore& store_;
  const PolicyReplayInput& input_;
  std::unordered_map<std::string, std::vector<Decision>> decisions_;
  std::set<std::string> again_;
  PolicyReplay out_;
};

}  // namespace

Result<PolicyReplay> replay_policy(ReleaseStore& store, const PolicyReplayInput& input) {
  return Retry(store, input).run();
}

}  // namespace npmgate
