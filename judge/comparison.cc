#include "judge/comparison.h"

#include <algorithm>
#include <iterator>
#include <set>

namespace npmgate {
namespace {

constexpr std::string_view kUnavailable = "evidence-unavailable";
constexpr std::string_view kSource = "source";
constexpr std::string_view kBaseline = "baseline";

std::size_t place_of(const Finding& finding) {
  const auto kinds = finding_kinds();
  const FindingKind* kind = find_kind(finding.id);
  return kind == nullptr ? kinds.size() : static_cast<std::size_t>(kind - kinds.data());
}

bool has_tree(const Evidence* evidence) {
  return evidence != nullptr && !evidence->archive_refusal && !evidence->tree.files.empty();
}

}  // namespace

std::vector<std::string> missing_sources(const FindingInput& input,
                                         const std::vector<Finding>& findings, bool feed_loaded) {
  std::set<std::string> missing;
  if (input.evidence == nullptr) missing.insert("inspection");
  if (!input.release->publisher) missing.insert("publisher");
  if (input.baseline != nullptr && !input.baseline->maintainers) missing.insert("maintainers");
  if (!feed_loaded) missing.insert("feed");
  for (const Finding& finding : findings) {
    if (finding.id == kUnavailable) missing.insert(finding.source);
  }
  return {missing.begin(), missing.end()};
}

bool lacks_baseline(const FindingInput& input) {
  if (input.baseline == nullptr || input.evidence == nullptr) return false;
  // An inspector that looked for less left less to compare with.
  const bool enough = has_tree(input.baseline_evidence) &&
                      input.baseline_evidence->inspector >= input.evidence->inspector;
  return !enough && wants_baseline_tree(*input.evidence);
}

void add_kept(std::vector<Finding>& findings, const std::vector<Finding>& kept, bool feed_loaded) {
  std::set<std::string> known;
  for (const Finding& finding : findings) known.insert(finding.id + finding.digest());
  for (const Finding& finding : kept) {
    if (feed_loaded && finding.id == "known-malware") continue;
    // What the gate's own record of the package says is never unknown, and may be taken back.
    if (finding.id == "release-withdrawn" || finding.id == "deprecated") continue;
    if (known.insert(finding.id + finding.digest()).second) findings.push_back(finding);
  }
  std::stable_sort(findings.begin(), findings.end(),
                   [](const Finding& a, const Finding& b) { return place_of(a) < place_of(b); });
}

void add_since_settled(std::vector<Finding>& findings, std::vector<Finding> since,
                       const std::string& settled) {
  const std::vector<Finding> known = findings;
  for (Finding& finding : since) {
    // What is said of the comparison itself: the one with the baseline stands for both.
    if (finding.id == kUnavailable) continue;
    const bool told = std::any_of(known.begin(), known.end(), [&](const Finding& other) {
      return other.id == finding.id && other.severity >= finding.severity &&
             may_hold(other) >= may_hold(finding);
    });
    if (told) continue;
    finding.proof[kSinceSettled] = true;
    finding.message += settled.empty() ? " (no earlier release is settled)"
                                       : " (since " + settled + ", the last settled release)";
    findings.push_back(std::move(finding));
  }
  std::stable_sort(findings.begin(), findings.end(),
                   [](const Finding& a, const Finding& b) { return place_of(a) < place_of(b); });
}

bool lacks_source_alone(const std::vector<std::string>& before,
                        const std::vector<std::string>& now) {
  std::vector<std::string> news;
  std::set_difference(now.begin(), now.end(), before.begin(), before.end(),
                      std::back_inserter(news));
  return news.size() == 1 && news.front() == kSource;
}

void keep_of_source(std::vector<Finding>& findings) {
  std::erase_if(findings, [](const Finding& finding) { return finding.source != kSource; });
}

void hold_until_compared(std::vector<Finding>& findings, const std::string& baseline,
                         const std::string& reason, Time until) {
  Finding hold;
  hold.id = kUnavailable;
  hold.severity = Severity::kHigh;
  hold.source = kBaseline;
  hold.message = "not compared with " + baseline + " yet: ";
  hold.message += reason.empty() ? "its tarball was not inspected" : reason;
  hold.proof = {
      {"source", kBaseline}, {"compared_with", baseline}, {kHoldsUntil, format_time(until)}};
  const auto told = [](const Finding& finding) {
    return finding.id == kUnavailable && finding.source == kBaseline;
  };
  std::erase_if(findings, told);
  add_kept(findings, {hold}, false);
}

bool is_hold_for_comparison(const Finding& finding) {
  return finding.id == kUnavailable && finding.proof.contains(kHoldsUntil) &&
         !finding.proof.contains(kWaitsFor);
}

Finding wait_for_sibling(const std::string& sibling, Time until) {
  Finding wait;
  wait.id = kUnavailable;
  wait.severity = Severity::kInfo;
  wait.source = "sibling";
  wait.message = "waits for " + sibling + ", which it pins exactly";
  wait.proof = {{"source", "sibling"}, {kWaitsFor, sibling}, {kHoldsUntil, format_time(until)}};
  return wait;
}

bool is_wait_for_sibling(const Finding& finding) {
  return finding.id == kUnavailable && finding.proof.contains(kWaitsFor);
}

bool waits_for_comparison(const Verdict& verdict) {
  const auto holds = [](const Reason& reason) {
    return reason.waived_by.empty() && reason.action >= Action::kQuarantine;
  };
  const auto other = [&](const Reason& reason) {
    return holds(reason) && reason.rule != kNotCompared;
  };
  return !verdict.served() && std::none_of(verdict.reasons.begin(), verdict.reasons.end(), other);
}

}  // namespace npmgate
