#include <algorithm>

#include "base/log.h"
#include "policy/decide.h"
#include "policy/policy_facts.h"

namespace npmgate {
namespace {

// Findings that go away when others do their part.
struct Remedy {
  std::string_view finding, what;
};
constexpr Remedy kRemedies[] = {
    {"missing-git-tag", "the repository gets the tag of this release"},
    {"evidence-unavailable", "what was missing at the inspection is available again"},
    {"integrity-mismatch", "the upstream sends the bytes that its packument promises"},
    {"release-withdrawn", "the upstream lists the release again"},
};

std::string lines_of(const Reason& reason) {
  return reason.at.file.empty() ? std::string() : " (" + reason.at.str() + ")";
}

// The waiver that would lift the reason, as it is written; "" if none can.
std::string waiver_for(const Subject& subject, const Reason& reason) {
  if (reason.rule == "rejection" || reason.rule == "not-inspected") return {};
  if (reason.rule == "floor:integrity-mismatch") return {};
  std::string what = "rules: [" + reason.rule + "]";
  if (reason.rule == kNotCompared || reason.rule == kWaitsForSibling) {
    what = "findings: [evidence-unavailable]";
  } else if (reason.rule.starts_with("floor:")) {
    what = "findings: [" + reason.rule.substr(6) + "]";
  }
  return "{ package: " + log::printable(subject.name + "@" + subject.version, 300) + ", " + what +
         ", reason: ..., expires: ... }";
}

void add_reason(const Subject& subject, const Reason& reason, std::vector<std::string>& out) {
  for (const Remedy& remedy : kRemedies) {
    if (std::find(reason.findings.begin(), reason.findings.end(), remedy.finding) !=
        reason.findings.end())
      out.push_back(std::string(remedy.finding) + " goes away when " + std::string(remedy.what));
  }
  if (reason.rule == "rejection") {
    out.push_back("npm-gate quarantine reopen takes the rejection back");
  } else if (reason.rule == "floor:integrity-mismatch") {
    out.push_back("no waiver and no approval lifts integrity-mismatch");
  } else if (const std::string waiver = waiver_for(subject, reason); !waiver.empty()) {
    out.push_back("a waiver in the policy lifts " + reason.rule + lines_of(reason) + ": " + waiver);
  }
}

}  // namespace

std::vector<std::string> remedies(const Subject& subject, const Verdict& verdict, Time now) {
  std::vector<std::string> out;
  if (verdict.served()) return out;
  if (verdict.ends && *verdict.ends > now)
    out.push_back("time: the hold ends by itself " + format_minute(*verdict.ends));
  const bool approvable = verdict.action == Action::kQuarantine && subject.inspected;
  if (approvable) {
    out.push_back("npm-gate quarantine approve " +
                  log::printable(subject.name + "@" + subject.version, 300) +
                  " --reason TEXT: for this content and these findings");
  } else if (verdict.action == Action::kQuarantine) {
    out.push_back("an approval, once its tarball was inspected");
  }
  for (const Reason& reason : verdict.reasons) {
    if (!reason.waived_by.empty() || reason.action < Action::kQuarantine) continue;
    add_reason(subject, reason, out);
  }
  return out;
}

}  // namespace npmgate
