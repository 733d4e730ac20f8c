// What people and clients are told.
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "policy_testing.h"

namespace npmgate::testing {
namespace {

using std::chrono::hours;

const std::string kPolicy = rules_text(
    "  - { id: takeover, when: { finding: install-script-added, younger_than: 14d }, then: "
    "quarantine, message: \"Ask #security.\" }\n"
    "  - { id: odd, when: { finding: deprecated }, then: quarantine }\n"
    "  - { id: known-malware, when: { finding: known-malware }, then: block }\n");

std::string refusal(const Subject& subject, const std::vector<Finding>& findings,
                    const std::vector<Decision>& decisions = {},
                    const std::string& policy = kPolicy) {
  return refusal_sentence(subject, decide(*policy_of(policy), subject, findings, decisions, kNow),
                          findings);
}

TEST(Refusal, SaysWhatUntilWhenAndWhy) {
  Finding script = finding("install-script-added");
  script.message = "adds postinstall: node setup.js";
  EXPECT_EQ(refusal(subject_of("left-pad", "1.3.1"), {script}),
            "left-pad@1.3.1 is quarantined until 2026-12-08 11:00 UTC: adds postinstall: node "
            "setup.js. Ask #security. (rule takeover)");
}

TEST(Refusal, WithoutAMessageOfTheRuleTheFindingSpeaks) {
  EXPECT_EQ(refusal(subject_of("a", "1.0.0"), findings_of({"deprecated"})),
            "a@1.0.0 is quarantined until approved: shows deprecated (rule odd)");
  EXPECT_EQ(refusal(subject_of("a", "1.0.0"), findings_of({"known-malware"})),
            "a@1.0.0 is blocked: shows known-malware (rule known-malware)");
}

TEST(Refusal, TheFloorRejectionsAndCooldowns) {
  EXPECT_EQ(refusal(subject_of("a", "1.0.0"), findings_of({"integrity-mismatch"})),
            "a@1.0.0 is blocked: shows integrity-mismatch (floor:integrity-mismatch)");
  EXPECT_EQ(refusal(subject_of("a", "1.0.0"), {}, {rejection_of("a", "*")}),
            "a@1.0.0 is blocked: rejected: steals tokens (rejection)");
  EXPECT_EQ(
      refusal(
          subject_of("a", "1.0.0"), {}, {},
          rules_text(
              "  - { id: wait, when: { younger_than: 36h, popular: false }, then: quarantine }\n")),
      "a@1.0.0 is quarantined until 2026-11-25 23:00 UTC: appeared less than 36h ago (rule wait)");
  Subject untimed = subject_of("a", "1.0.0");
  untimed.untimed = true;
  EXPECT_EQ(
      refusal(untimed, {}, {},
              rules_text("  - { id: wait, when: { younger_than: 36h }, then: quarantine }\n")),
      "a@1.0.0 is quarantined until 2026-11-25 23:00 UTC: first seen here less than 36h ago; its "
      "registry states no publish times (rule wait)");
  EXPECT_EQ(refusal(subject_of("a", "1.0.0"), {}, {},
                    rules_text("  - { id: no, when: { popular: false }, then: block }\n")),
            "a@1.0.0 is blocked: matches the rule no (rule no)");
  EXPECT_EQ(refusal(subject_of("a", "1.0.0"), {}), "a@1.0.0 is allowed");
}

TEST(Refusal, IsOneLineOfShortAsciiWhateverIsInIt) {
  Finding nasty = finding("deprecated");
  nasty.message = "line\r\nx-injected: 1\x1b[2J caf\xc3\xa9 \xe2\x80\xae" + std::string(2000, 'y');
  Subject subject = subject_of("@" + std::string(100, 's') + "/" + std::string(112, 'n'),
                               "1.0.0-" + std::string(250, '1'));
  const std::string policy =
      rules_text("  - { id: " + std::string(64, 'r') +
                 ", when: { finding: deprecated }, then: quarantine, message: \"" +
                 std::string(300, 'm') + "\" }\n");
  for (const Subject& each : {subject, subject_of("a", "1.0.0")}) {
    const std::string sentence = refusal(each, {nasty}, {}, policy);
    EXPECT_LE(sentence.size(), 400U);
    EXPECT_TRUE(std::all_of(sentence.begin(), sentence.end(), [](char c) {
      return c >= ' ' && c <= '~';
    })) << sentence;
    EXPECT_NE(sentence.find("line  x-injected: 1 [2J caf? ?yyy"), std::string::npos) << sentence;
    EXPECT_TRUE(sentence.ends_with("... (rule " + std::string(64, 'r') + ")"))
        << "the rule is always named: " << sentence;
  }
}

TEST(Explain, TellsTheStoryFromEvidenceToVerdict) {
  const Subject subject = subject_of("a", "1.0.0", hours{24});
  const std::vector<Finding> findings = {finding("install-script-added", {{"hook", "postinstall"}}),
                                         finding("deprecated")};
  const auto policy = policy_of(
      kPolicy +
      "waivers: [{ package: a@1.0.0, rules: odd, reason: known, expires: 2027-01-01 }]\n");
  const Verdict verdict = decide(*policy, subject, findings, {}, kNow);
  EXPECT_EQ(explain_text(subject, verdict, findings, kNow),
            "a@1.0.0 is quarantined until 2026-12-07 12:00 UTC (in 13 days)\n"
            "age " +
                human_duration(hours{24}) +
                ", counted from 2026-11-23 12:00 UTC\n"
                "reasons:\n"
                "  quarantine  rule takeover (policy.yaml:3:5): Ask #security.\n"
                "      because of install-script-added\n"
                "      ends by itself 2026-12-07 12:00 UTC\n"
                "  quarantine  rule odd (policy.yaml:4:5): shows deprecated\n"
                "      because of deprecated\n"
                "      not applied: waiver at policy.yaml:6:11 (known)\n"
                "findings:\n"
                "  high  install-script-added [packument-field]: shows install-script-added\n"
                "      {\"hook\":\"postinstall\"}\n"
                "  info  deprecated [packument-field]: shows deprecated\n"
                "what would change it:\n"
                "  time: the hold ends by itself 2026-12-07 12:00 UTC\n"
                "  npm-gate quarantine approve a@1.0.0 --reason TEXT: for this content and these "
                "findings\n"
                "  a waiver in the policy lifts takeover (policy.yaml:3:5): { package: a@1.0.0, "
                "rules: [takeover], reason: ..., expires: ... }\n"
                "may change by itself 2026-12-07 12:00 UTC\n");
}

struct WayOutRow {
  const char* name;
  const char* rule;
  const char* finding;
  bool inspected, rejected;
  std::vector<std::string> ways;
};
void PrintTo(const WayOutRow& row, std::ostream* out) {
  *out << row.name;
}

class WaysOut : public ::testing::TestWithParam<WayOutRow> {};

TEST_P(WaysOut, AreNamedNearestFirst) {
  const WayOutRow& row = GetParam();
  Subject subject = subject_of("a", "1.0.0", hours{24});
  subject.inspected = row.inspected;
  const auto findings = findings_of({row.finding});
  std::vector<Decision> decisions;
  if (row.rejected) decisions.push_back(rejection_of("a", "*"));
  const Verdict verdict =
      decide(*policy_of(rules_text(row.rule)), subject, findings, decisions, kNow);
  EXPECT_EQ(remedies(subject, verdict, kNow), row.ways);
}

const std::string kApprove =
    "npm-gate quarantine approve a@1.0.0 --reason TEXT: for this content and these findings";
const std::string kWaiverStart = "a waiver in the policy lifts ";
const std::string kWaiverEnd = ", reason: ..., expires: ... }";

INSTANTIATE_TEST_SUITE_P(
    Rows, WaysOut,
    ::testing::Values(
        WayOutRow{"served",
                  "  - { id: r, when: { popular: true }, then: block }\n",
                  "deprecated",
                  true,
                  false,
                  {}},
        WayOutRow{
            "tag",
            "  - { id: r, when: { finding: missing-git-tag }, then: quarantine }\n",
            "missing-git-tag",
            true,
            false,
            {kApprove, "missing-git-tag goes away when the repository gets the tag of this release",
             kWaiverStart + "r (policy.yaml:3:5): { package: a@1.0.0, rules: [r]" + kWaiverEnd}},
        WayOutRow{
            "not_inspected",
            "  - { id: r, when: { finding: license-changed }, then: quarantine }\n",
            "license-changed",
            false,
            false,
            {"an approval, once its tarball was inspected",
             kWaiverStart + "r (policy.yaml:3:5): { package: a@1.0.0, rules: [r]" + kWaiverEnd}},
        WayOutRow{
            "block",
            "  - { id: r, when: { finding: license-changed }, then: block }\n",
            "license-changed",
            true,
            false,
            {kWaiverStart + "r (policy.yaml:3:5): { package: a@1.0.0, rules: [r]" + kWaiverEnd}},
        WayOutRow{"floor",
                  "  - { id: r, when: { popular: true }, then: warn }\n",
                  "archive-refused",
                  true,
                  false,
                  {kWaiverStart +
                   "floor:archive-refused: { package: a@1.0.0, findings: [archive-refused]" +
                   kWaiverEnd}},
        WayOutRow{"integrity",
                  "  - { id: r, when: { popular: true }, then: warn }\n",
                  "integrity-mismatch",
                  true,
                  false,
                  {"integrity-mismatch goes away when the upstream sends the bytes that its "
                   "packument promises",
                   "no waiver and no approval lifts integrity-mismatch"}},
        WayOutRow{"rejected",
                  "  - { id: r, when: { popular: true }, then: warn }\n",
                  "deprecated",
                  true,
                  true,
                  {"npm-gate quarantine reopen takes the rejection back"}}),
    [](const auto& row) { return row.param.name; });

TEST(Explain, TellsApprovalsMonitorModeAndWhatWasNotInspected) {
  Subject subject = subject_of("a", "1.0.0");
  const auto findings = findings_of({"deprecated"});
  const Decision approval = approval_of(subject, findings);
  const auto policy = policy_of(kPolicy);
  const std::string approved = explain_text(
      subject, decide(*policy, subject, findings, {&approval, 1}, kNow), findings, kNow);
  EXPECT_NE(approved.find("a@1.0.0 is allowed\napproved by bob\n"), std::string::npos) << approved;
  subject.inspected = false;
  const auto monitor = policy_of("mode: monitor\n" + kPolicy);
  const std::string monitored =
      explain_text(subject, decide(*monitor, subject, findings, {}, kNow), findings, kNow);
  EXPECT_NE(monitored.find("would be quarantined without monitor mode and break glass\n"),
            std::string::npos)
      << monitored;
  EXPECT_NE(monitored.find("the tarball was not inspected yet\n"), std::string::npos);
  EXPECT_NE(monitored.find("not applied: monitor mode\n"), std::string::npos);
  const std::string clean = explain_text(subject, decide(*policy, subject, {}, {}, kNow), {}, kNow);
  EXPECT_NE(clean.find("no rule matches\nno findings\n"), std::string::npos) << clean;
}

TEST(Explain, UntrustedTextCannotReachTheTerminal) {
  Finding nasty = finding("deprecated", {{"text", "\x1b[2J\xe2\x80\xae"}});
  nasty.message = "x\x1b[2J\ny";
  const Subject subject = subject_of("a", "1.0.0");
  const std::string text = explain_text(
      subject, decide(*policy_of(kPolicy), subject, {&nasty, 1}, {}, kNow), {&nasty, 1}, kNow);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find("\xe2\x80\xae"), std::string::npos);
}

TEST(ToJson, OfAVerdict) {
  const Subject subject = subject_of("a", "1.0.0");
  const auto findings = findings_of({"install-script-added"});
  const Verdict verdict = decide(*policy_of(kPolicy), subject, findings, {}, kNow);
  EXPECT_EQ(to_json(verdict), boost::json::parse(R"({
    "action": "quarantine", "would": "quarantine", "served": false,
    "reasons": [{"rule": "takeover", "action": "quarantine", "findings": ["install-script-added"], "message": "Ask #security.",
                 "at": "policy.yaml:3:5", "ends": "2026-12-08T11:00:00.000Z", "waived_by": null, "cooldown": false}],
    "ends": "2026-12-08T11:00:00.000Z", "valid_until": "2026-12-08T11:00:00.000Z", "approved_by": null,
    "warn_clients": false, "baseline_fit": false})"));
}

TEST(ToJson, OfAnAllowedRelease) {
  EXPECT_EQ(
      to_json(Verdict{}),
      boost::json::parse(
          R"({"action": "allow", "would": "allow", "served": true, "reasons": [], "ends": null,
    "valid_until": null, "approved_by": null, "warn_clients": false, "baseline_fit": true})"));
}

TEST(ToJson, OfAFinding) {
  const Finding one = finding("size-jump", {{"before", 1}, {"after", 2}});
  const auto json = to_json(one).as_object();
  EXPECT_EQ(json.at("id"), "size-jump");
  EXPECT_EQ(json.at("severity"), "medium");
  EXPECT_EQ(json.at("message"), "shows size-jump");
  EXPECT_EQ(json.at("source"), "packument-field");
  EXPECT_EQ(json.at("proof"), boost::json::value(one.proof));
  EXPECT_EQ(json.at("digest"), one.digest().c_str());
}

}  // namespace
}  // namespace npmgate::testing
