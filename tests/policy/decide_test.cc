// From findings and rules to a verdict, case by case.
#include "policy/decide.h"

#include "policy_testing.h"

namespace npmgate::testing {
namespace {

using std::chrono::hours;

Verdict judge(const std::string& policy, const Subject& subject,
              const std::vector<Finding>& findings = {},
              const std::vector<Decision>& decisions = {}, Time now = kNow) {
  return decide(*policy_of(policy), subject, findings, decisions, now);
}

std::string one(const std::string& when, const std::string& then, const std::string& more = "") {
  return rules_text("  - { id: r, when: " + when + ", then: " + then + more + " }\n");
}

std::vector<std::string> rules_of(const Verdict& verdict) {
  std::vector<std::string> out;
  for (const Reason& reason : verdict.reasons) {
    out.push_back(reason.rule + (reason.waived_by.empty() ? "" : " (lifted)"));
  }
  return out;
}
using Names = std::vector<std::string>;

TEST(Decide, NothingMatchesIsAllowed) {
  const Verdict verdict =
      judge("version: 1\n", subject_of("a", "1.0.0"), findings_of({"install-script-added"}));
  EXPECT_EQ(verdict.action, Action::kAllow);
  EXPECT_EQ(verdict.would, Action::kAllow);
  EXPECT_TRUE(verdict.served());
  EXPECT_TRUE(verdict.baseline_fit);
  EXPECT_TRUE(verdict.reasons.empty());
  EXPECT_EQ(verdict.ends, std::nullopt);
  EXPECT_EQ(verdict.valid_until, std::nullopt);
}

Finding told(const char* id, Severity severity, boost::json::object proof = {}) {
  Finding out = finding(id, std::move(proof));
  out.severity = severity;
  return out;
}

TEST(Decide, SeverityAndNewNarrowTheFindingBesideThem) {
  struct Row {
    const char* when;
    std::vector<Finding> findings;
    bool matches;
  };
  const auto low = told("fresh-dependency", Severity::kLow);
  const auto high = told("fresh-dependency", Severity::kHigh);
  const auto old_high = told("exotic-dependency", Severity::kHigh, {{"new", false}});
  const auto new_low = told("exotic-dependency", Severity::kLow, {{"new", true}});
  const auto new_high = told("exotic-dependency", Severity::kHigh, {{"new", true}});
  const std::vector<Row> rows = {
      {"{ finding: fresh-dependency }", {low}, true},
      {"{ finding: fresh-dependency, severity: high }", {low}, false},
      {"{ finding: fresh-dependency, severity: high }", {high}, true},
      {"{ severity: medium, finding: fresh-dependency }", {high}, true},
      {"{ finding: fresh-dependency, severity: critical }", {high}, false},
      {"{ finding: fresh-dependency, severity: high }", {old_high}, false},
      {"{ severity: high }", {old_high}, true},
      {"{ severity: high }", {low}, false},
      {"{ finding: exotic-dependency, new: true }", {old_high}, false},
      {"{ finding: exotic-dependency, new: true }", {new_low}, true},
      // A finding that says nothing of it is new.
      {"{ finding: fresh-dependency, new: true }", {low}, true},
      // Both of one finding.
      {"{ finding: exotic-dependency, severity: high, new: true }", {old_high, new_low}, false},
      {"{ finding: exotic-dependency, severity: high, new: true }", {old_high, new_high}, true},
      {"{ all: [{ finding: exotic-dependency, severity: high }, { new: true }] }",
       {old_high, new_low},
       true},
      {"{ severity: high, new: true }", {old_high, low}, false},
      {"{ severity: high, new: true }", {old_high, high}, true},
  };
  for (const Row& row : rows) {
    const Verdict verdict =
        judge(one(row.when, "quarantine"), subject_of("a", "1.0.0"), row.findings);
    EXPECT_EQ(verdict.action, row.matches ? Action::kQuarantine : Action::kAllow) << row.when;
  }
}

TEST(Decide, AReasonNamesWhatSeverityLetIn) {
  const Verdict verdict =
      judge(one("{ severity: high }", "quarantine"), subject_of("a", "1.0.0"),
            {told("size-jump", Severity::kMedium), told("fresh-dependency", Severity::kHigh)});
  ASSERT_EQ(verdict.reasons.size(), 1u);
  EXPECT_EQ(verdict.reasons[0].findings, (Names{"fresh-dependency"}));
  const Verdict waived = judge(
      one("{ severity: high }", "quarantine") +
          "waivers:\n  - { package: \"a@1.0.0\", findings: fresh-dependency, reason: x, expires: "
          "2027-01-01 }\n",
      subject_of("a", "1.0.0"), {told("fresh-dependency", Severity::kHigh)});
  EXPECT_EQ(waived.action, Action::kAllow);
}

struct FloorCase {
  const char* finding;
  Action action;
};

TEST(Decide, TheFloorStandsBeforeAnyPolicy) {
  for (const FloorCase& row :
       std::initializer_list<FloorCase>{{"integrity-mismatch", Action::kBlock},
                                        {"archive-refused", Action::kBlock},
                                        {"package-json-refused", Action::kBlock},
                                        {"archive-over-limit", Action::kBlock},
                                        {"release-republished", Action::kBlock},
                                        {"evidence-unavailable", Action::kQuarantine},
                                        {"known-malware", Action::kAllow},
                                        {"install-script-added", Action::kAllow}}) {
    const Verdict verdict =
        judge("version: 1\n", subject_of("a", "1.0.0"), findings_of({row.finding}));
    EXPECT_EQ(verdict.action, row.action) << row.finding;
    if (row.action == Action::kAllow) continue;
    ASSERT_EQ(verdict.reasons.size(), 1U);
    EXPECT_EQ(verdict.reasons[0].rule, "floor:" + std::string(row.finding));
    EXPECT_EQ(verdict.reasons[0].message, "shows " + std::string(row.finding));
    EXPECT_EQ(verdict.reasons[0].at.file, "");
    EXPECT_FALSE(verdict.baseline_fit);
    EXPECT_EQ(verdict.ends, std::nullopt);
  }
}

TEST(Decide, OnlyAMissingTarballIsOnTheFloor) {
  Finding tags = finding("evidence-unavailable");
  tags.source = "git-tags";
  tags.message = "git-tags were not available";
  EXPECT_EQ(judge("version: 1\n", subject_of("a", "1.0.0"), {tags}).action, Action::kAllow);
  EXPECT_EQ(judge("version: 1\n", subject_of("a", "1.0.0"), {tags, finding("evidence-unavailable")})
                .action,
            Action::kQuarantine);
  // Whatever else is missing, the tarball is why.
  const std::vector<Finding> both{tags, finding("evidence-unavailable")};
  const Verdict held = judge("version: 1\n", subject_of("a", "1.0.0"), both);
  EXPECT_EQ(held.reasons.at(0).message, both[1].message);
  EXPECT_EQ(refusal_sentence(subject_of("a", "1.0.0"), held, both).find("git-tags"),
            std::string::npos);
  EXPECT_EQ(
      judge(one("{ finding: evidence-unavailable }", "block"), subject_of("a", "1.0.0"), {tags})
          .action,
      Action::kBlock)
      << "a rule may ask for any source";
}

TEST(Decide, TheStrictestRuleWinsAndStandsFirst) {
  const Verdict verdict =
      judge(rules_text("  - { id: w, when: { finding: deprecated }, then: warn }\n"
                       "  - { id: b, when: { finding: deprecated }, then: block, message: No. }\n"
                       "  - { id: q, when: { finding: deprecated }, then: quarantine }\n"),
            subject_of("a", "1.0.0"), findings_of({"deprecated"}));
  EXPECT_EQ(verdict.action, Action::kBlock);
  EXPECT_EQ(rules_of(verdict), (Names{"b", "q", "w"}));
  EXPECT_EQ(verdict.reasons[0].message, "No.");
  EXPECT_EQ(verdict.reasons[0].at.str(), "policy.yaml:4:5");
  EXPECT_EQ(verdict.reasons[0].findings, Names{"deprecated"});
  EXPECT_EQ(verdict.reasons[1].message, "shows deprecated")
      << "without a message the finding speaks";
}

struct ConditionCase {
  const char* when;
  bool matches;
};

TEST(Decide, WithoutVerifiedProvenanceNothingOfItHolds) {
  const Subject subject = subject_of("@acme/x", "2.1.0", hours{48});
  for (const char* when : {"{ provenance: { verified: true } }", "{ provenance: { ref: \"*\" } }"})
    EXPECT_EQ(judge(one(when, "block"), subject, {}).action, Action::kAllow) << when;
  // A cooldown that verified releases wait less of: whoever is not proven waits it whole.
  const std::string shorter = "{ younger_than: 3d, not: { provenance: { verified: true } } }";
  EXPECT_EQ(judge(one(shorter, "quarantine"), subject, {}).action, Action::kQuarantine);
  Subject proven = subject;
  proven.provenance = Subject::Proven{};
  EXPECT_EQ(judge(one(shorter, "quarantine"), proven, {}).action, Action::kAllow);
}

TEST(Decide, TheLowestRiskMayWaitLess) {
  const std::string rules = rules_text(
      "  - { id: cooldown, when: { younger_than: 24h, not: { lowest_risk: true } }, "
      "then: quarantine }\n"
      "  - { id: shorter, when: { younger_than: 4h }, then: quarantine }\n");
  Subject subject = subject_of("a", "1.0.0", hours{5});
  EXPECT_EQ(rules_of(judge(rules, subject, {})), Names{"cooldown"});
  subject.lowest_risk = true;
  EXPECT_EQ(judge(rules, subject, {}).action, Action::kAllow);
  EXPECT_EQ(rules_of(judge(rules,
                           [] {
                             Subject young = subject_of("a", "1.0.0", hours{3});
                             young.lowest_risk = true;
                             return young;
                           }(),
                           {})),
            Names{"shorter"});
  EXPECT_NE(explain_text(subject, judge(rules, subject, {}), {}, Time{}).find("of the lowest risk"),
            std::string::npos);
  subject.lowest_risk = false;
  subject.provenance = Subject::Proven{};
  subject.risk_left = "the repository has no tag for it";
  EXPECT_NE(explain_text(subject, judge(rules, subject, {}), {}, Time{})
                .find("not of the lowest risk: the repository has no tag for it"),
            std::string::npos);
}

TEST(Decide, EachConditionAsksWhatItSays) {
  Subject subject = subject_of("@acme/x", "2.1.0", hours{48});
  subject.popular = true;
  subject.has_install_script = true;
  subject.provenance =
      Subject::Proven{"https://issuer.example", "hosted", "https://git.example/acme/x",
                      "release.yml", "refs/heads/main"};
  const auto findings = findings_of({"deprecated", "size-jump"});
  for (const ConditionCase& row : std::initializer_list<ConditionCase>{
           {"{ finding: deprecated }", true},
           {"{ finding: [known-malware, size-jump] }", true},
           {"{ finding: known-malware }", false},
           {"{ package: \"@acme/x\" }", true},
           {"{ package: \"@acme/*\" }", true},
           {"{ package: [\"y\", \"@acme/?\"] }", true},
           {"{ package: \"@acme/y\" }", false},
           {"{ version: \"^2\" }", true},
           {"{ version: 2.1.0 }", true},
           {"{ version: \"<2\" }", false},
           {"{ younger_than: 3d }", true},
           {"{ younger_than: 2d }", false},
           {"{ older_than: 2d }", true},
           {"{ older_than: 3d }", false},
           {"{ has_install_script: true }", true},
           {"{ publisher: [bob, alice] }", true},
           {"{ publisher: bob }", false},
           {"{ license: \"M?T\" }", true},
           {"{ license: \"GPL-*\" }", false},
           {"{ provenance: { verified: true } }", true},
           {"{ provenance: { verified: true, repository: \"https://git.example/acme/*\" } }", true},
           {"{ provenance: { workflow: [other.yml, release.yml], ref: refs/heads/main } }", true},
           {"{ provenance: { repository: \"https://git.example/*\" } }", false},
           {"{ provenance: { builder: other } }", false},
           {"{ provenance: { builder: \"https://issuer.example\" } }", true},
           {"{ provenance: { builder: [self, hosted] } }", true},
           {"{ not: { provenance: { verified: true } } }", false},
           {"{ not: { provenance: { repository: \"https://git.example/other\" } } }", true},
           {"{ upstream: public }", true},
           {"{ upstream: internal }", false},
           {"{ popular: true }", true},
           {"{ popular: false }", false},
           {"{ all: [{ popular: true }, { upstream: public }] }", true},
           {"{ all: [{ popular: true }, { upstream: internal }] }", false},
           {"{ any: [{ popular: false }, { upstream: public }] }", true},
           {"{ any: [{ popular: false }, { upstream: internal }] }", false},
           {"{ not: { package: \"@acme/*\" } }", false},
           {"{ not: { package: \"@other/*\" } }", true},
           {"{ not: { not: { popular: true } } }", true},
           {"{ not: { younger_than: 2d } }", true},
           {"{ not: { any: [{ version: \"^1\" }, { upstream: internal }] } }", true},
           {"{ popular: true, upstream: internal }", false}}) {
    const Verdict verdict = judge(one(row.when, "block"), subject, findings);
    EXPECT_EQ(verdict.action == Action::kBlock, row.matches) << row.when;
  }
}

TEST(Decide, PrereleasesOfARangeAreHeldAndNotExcepted) {
  const Subject beta = subject_of("a", "2.1.0-beta.1");
  EXPECT_EQ(judge(one("{ version: \"^2\" }", "block"), beta).action, Action::kBlock);
  EXPECT_EQ(judge(one("{ popular: false, not: { version: \"^2\" } }", "block"), beta).action,
            Action::kBlock);
  EXPECT_EQ(
      judge(one("{ popular: false, not: { version: \"^2\" } }", "block"), subject_of("a", "2.1.0"))
          .action,
      Action::kAllow);
}

TEST(Decide, AVersionThatCannotBeOrderedIsHeldAndNotExcepted) {
  const Subject odd = subject_of("a", "not-a-version");
  EXPECT_EQ(judge(one("{ version: \"^2\" }", "block"), odd).action, Action::kBlock);
  EXPECT_EQ(judge(one("{ popular: false, not: { version: \"^2\" } }", "block"), odd).action,
            Action::kBlock);
}

TEST(Decide, FindingsThatOnlyInformMakeNothingHold) {
  const std::vector<Finding> prepare = {
      finding("install-script-added", {{"hook", "prepare"}, {"informs_only", true}})};
  const std::string policy = rules_text(
      "  - { id: q, when: { finding: install-script-added }, then: quarantine }\n"
      "  - { id: b, when: { finding: install-script-added }, then: block }\n"
      "  - { id: w, when: { finding: install-script-added }, then: warn }\n");
  EXPECT_EQ(rules_of(judge(policy, subject_of("a", "1.0.0"), prepare)), Names{"w"});
  auto both = prepare;
  both.push_back(finding("install-script-added", {{"hook", "postinstall"}}));
  EXPECT_EQ(judge(policy, subject_of("a", "1.0.0"), both).action, Action::kBlock);
}

TEST(Decide, AnUnknownFindingIsNoReason) {
  EXPECT_EQ(judge(one("{ finding: deprecated }", "block"), subject_of("a", "1.0.0"),
                  {finding("of-a-later-build")})
                .action,
            Action::kAllow);
}

// ---- time

struct BoundaryCase {
  Millis since;  // after the release appeared
  Action action;
};

TEST(Decide, AHoldEndsAtItsInstant) {
  const std::string policy = one("{ younger_than: 24h }", "quarantine");
  Subject subject = subject_of("a", "1.0.0");
  subject.age_start = kNow;
  const Time end = kNow + hours{24};
  for (const BoundaryCase& row :
       std::initializer_list<BoundaryCase>{{hours{-5}, Action::kQuarantine},
                                           {hours{0}, Action::kQuarantine},
                                           {hours{24} - Millis{1}, Action::kQuarantine},
                                           {hours{24}, Action::kAllow},
                                           {hours{24} + Millis{1}, Action::kAllow}}) {
    const Verdict verdict = judge(policy, subject, {}, {}, kNow + row.since);
    EXPECT_EQ(verdict.action, row.action) << row.since.count();
    const auto expected = row.action == Action::kAllow ? std::nullopt : std::optional(end);
    EXPECT_EQ(verdict.ends, expected);
    EXPECT_EQ(verdict.valid_until, expected);
    if (expected) {
      EXPECT_EQ(verdict.reasons[0].ends, expected);
    }
  }
}

TEST(Decide, AHoldWithoutAnAgeWaitsForAnApproval) {
  const Verdict verdict =
      judge(rules_text("  - { id: c, when: { younger_than: 24h }, then: quarantine }\n"
                       "  - { id: f, when: { finding: deprecated }, then: quarantine }\n"),
            subject_of("a", "1.0.0"), findings_of({"deprecated"}));
  EXPECT_EQ(rules_of(verdict), (Names{"f", "c"})) << "the cooldown stands behind";
  EXPECT_EQ(verdict.ends, std::nullopt);
  EXPECT_EQ(verdict.valid_until, kNow + hours{23})
      << "the reasons change when the cooldown runs out";
}

TEST(Decide, TheLongestHoldCounts) {
  const Verdict verdict =
      judge(rules_text("  - { id: a, when: { younger_than: 24h }, then: quarantine }\n"
                       "  - { id: b, when: { younger_than: 3d }, then: quarantine }\n"),
            subject_of("a", "1.0.0"));
  EXPECT_EQ(verdict.ends, kNow + hours{71});
  EXPECT_EQ(verdict.valid_until, kNow + hours{23});
}

TEST(Decide, AHoldThatOnlyBeginsLaterIsForeseen) {
  const std::string policy = rules_text(
      "  - { id: a, when: { younger_than: 24h }, then: quarantine }\n"
      "  - { id: b, when: { older_than: 10h, younger_than: 48h }, then: quarantine }\n");
  const Verdict verdict = judge(policy, subject_of("a", "1.0.0"));
  EXPECT_EQ(rules_of(verdict), Names{"a"});
  EXPECT_EQ(verdict.ends, kNow + hours{47});
  EXPECT_EQ(verdict.valid_until, kNow + hours{9});
  const Verdict never =
      judge(rules_text("  - { id: a, when: { younger_than: 24h }, then: quarantine }\n"
                       "  - { id: b, when: { older_than: 10h }, then: quarantine }\n"),
            subject_of("a", "1.0.0"));
  EXPECT_EQ(never.ends, std::nullopt);
}

// The rule holds all along, but from some instant on for one finding less: what an approval has to
// cover may change with it.
TEST(Decide, AHoldThatChangesItsGroundsIsForeseen) {
  const std::string young = "{ younger_than: 24h, finding: deprecated }";
  const auto findings = findings_of({"deprecated", "size-jump"});
  for (const char* lasting : {"{ finding: size-jump }", "{ popular: false, finding: size-jump }"}) {
    const std::string policy =
        one("{ any: [" + std::string(lasting) + ", " + young + "] }", "quarantine");
    const Verdict verdict = judge(policy, subject_of("a", "1.0.0"), findings);
    EXPECT_EQ(verdict.reasons[0].findings, (Names{"size-jump", "deprecated"}));
    EXPECT_EQ(verdict.valid_until, kNow + hours{23});
    EXPECT_EQ(verdict.ends, std::nullopt);
    const Verdict later = judge(policy, subject_of("a", "1.0.0"), findings, {}, kNow + hours{23});
    EXPECT_EQ(later.reasons[0].findings, Names{"size-jump"});
    EXPECT_EQ(later.valid_until, std::nullopt);
  }
}

TEST(Decide, AnAgeThatCannotMatterMovesNoCacheTime) {
  EXPECT_EQ(
      judge(one("{ younger_than: 24h, finding: deprecated }", "block"), subject_of("a", "1.0.0"))
          .valid_until,
      std::nullopt);
  EXPECT_EQ(judge(one("{ any: [{ younger_than: 24h }, { popular: false }] }", "block"),
                  subject_of("a", "1.0.0"))
                .valid_until,
            std::nullopt);
  EXPECT_EQ(judge(one("{ older_than: 24h }", "block"), subject_of("a", "1.0.0")).valid_until,
            kNow + hours{23});
}

TEST(Decide, TheFreezeHoldsWhatAppearsAfterIt) {
  const std::string policy =
      "version: 1\nfreeze: { date: 2026-11-24T11:00:00Z, except: [\"@acme/*\"] }\n";
  EXPECT_EQ(judge(policy, subject_of("a", "1.0.0", hours{1})).action, Action::kQuarantine)
      << "at the instant";
  EXPECT_EQ(judge(policy, subject_of("a", "1.0.0", hours{1} + Millis{1})).action, Action::kAllow);
  EXPECT_EQ(judge(policy, subject_of("@acme/a", "1.0.0", hours{0})).action, Action::kAllow);
  const Verdict verdict = judge(policy, subject_of("a", "1.0.0", hours{0}));
  EXPECT_EQ(verdict.ends, std::nullopt);
  EXPECT_EQ(verdict.valid_until, std::nullopt);
  EXPECT_TRUE(verdict.baseline_fit) << "a date is no judgement";
  EXPECT_EQ(verdict.reasons[0].message, "Published after the freeze of 2026-11-24 11:00 UTC");
}

// ---- waivers

std::string waived(const std::string& waiver, const std::string& then = "block") {
  return one("{ finding: [deprecated, size-jump] }", then) +
         "waivers:\n  - { reason: ok, expires: 2027-01-01, " + waiver + " }\n";
}

TEST(Decide, AWaiverOfAnExactVersionLiftsRuleOrFinding) {
  const auto findings = findings_of({"deprecated"});
  for (const char* waiver :
       {"package: a@1.0.0, rules: r", "package: a@1.0.0, findings: deprecated"}) {
    const Verdict verdict = judge(waived(waiver), subject_of("a", "1.0.0"), findings);
    EXPECT_EQ(verdict.action, Action::kAllow) << waiver;
    EXPECT_EQ(verdict.would, Action::kAllow);
    EXPECT_TRUE(verdict.baseline_fit);
    EXPECT_EQ(rules_of(verdict), Names{"r (lifted)"});
    EXPECT_EQ(verdict.reasons[0].waived_by, "waiver at policy.yaml:5:5 (ok)");
    EXPECT_EQ(verdict.valid_until, at("2027-01-01"));
    EXPECT_EQ(judge(waived(waiver), subject_of("a", "1.0.1"), findings).action, Action::kBlock)
        << "another version";
    EXPECT_EQ(judge(waived(waiver), subject_of("b", "1.0.0"), findings).action, Action::kBlock)
        << "another package";
  }
}

TEST(Decide, AWaiverOfAnExactVersionMeansThatSpellingOnly) {
  const auto lifted = [](const std::string& waiver, const std::string& version) {
    return judge(waived("package: a@" + waiver + ", rules: r"), subject_of("a", version),
                 findings_of({"deprecated"}))
               .action == Action::kAllow;
  };
  EXPECT_TRUE(lifted("=1.0.0", "1.0.0"));
  EXPECT_TRUE(lifted("1.0.0+b", "1.0.0+b"));
  EXPECT_TRUE(lifted("v1.0.0", "v1.0.0"));
  EXPECT_FALSE(lifted("1.0.0", "1.0.0+b"));
  EXPECT_FALSE(lifted("1.0.0", "v1.0.0"));
  EXPECT_FALSE(lifted("1.0.0+b", "1.0.0"));
}

TEST(Decide, AWaivedFindingLeavesTheOthers) {
  const std::string policy = waived("package: a@1.0.0, findings: deprecated");
  const Verdict verdict =
      judge(policy, subject_of("a", "1.0.0"), findings_of({"deprecated", "size-jump"}));
  EXPECT_EQ(verdict.action, Action::kBlock);
  EXPECT_EQ(verdict.reasons[0].findings, Names{"size-jump"});
}

TEST(Decide, AnOpenWaiverNeedsTheBaselinesPublisherAndHooks) {
  for (const char* package : {"a", "\"a@^1\"", "\"?\"", "\"*@1.0.0\""}) {
    const std::string policy =
        waived(std::string("package: ") + package + ", findings: deprecated");
    Subject subject = subject_of("a", "1.0.0");
    EXPECT_EQ(judge(policy, subject, findings_of({"deprecated"})).action, Action::kBlock)
        << package;
    subject.same_publisher_and_hooks = true;
    EXPECT_EQ(judge(policy, subject, findings_of({"deprecated"})).action, Action::kAllow)
        << package;
    Subject other = subject_of("zz", "2.0.0");
    other.same_publisher_and_hooks = true;
    if (std::string(package) != "\"*@1.0.0\"") {
      EXPECT_EQ(judge(policy, other, findings_of({"deprecated"})).action, Action::kBlock)
          << package;
    }
  }
}

// SPEC, section 4: a hijack's archive is not covered by old trust.
TEST(Decide, OnlyAWaiverOfOneExactVersionLiftsTheFloor) {
  const std::string all =
      ", findings: [archive-refused, package-json-refused, archive-over-limit, "
      "release-republished, evidence-unavailable, deprecated]";
  Subject subject = subject_of("a", "1.0.0");
  subject.same_publisher_and_hooks = true;
  for (const char* id : {"archive-refused", "package-json-refused", "archive-over-limit",
                         "release-republished", "evidence-unavailable"}) {
    for (const char* package : {"a", "\"a@^1\"", "\"?\"", "\"*@1.0.0\""}) {
      const PolicyResult loaded = load(waived(std::string("package: ") + package + all));
      ASSERT_TRUE(loaded.policy) << joined(loaded.problems);
      EXPECT_EQ(loaded.policy->warnings.size(), 5u) << "one for each that does not apply";
      EXPECT_GE(decide(*loaded.policy, subject, findings_of({id}), {}, kNow).action,
                Action::kQuarantine)
          << id << " " << package;
    }
    const auto exact = policy_of(waived("package: a@1.0.0" + all));
    EXPECT_LT(decide(*exact, subject, findings_of({id}), {}, kNow).action, Action::kQuarantine)
        << id;
  }
}

TEST(Decide, ARecentReleaseWaitsForItsComparison) {
  Finding hold = finding("evidence-unavailable", {{"holds_until", "2026-12-01T00:00:00.000Z"}});
  hold.source = "baseline";
  const Subject subject = subject_of("a", "1.0.0");
  const auto asks = policy_of(
      rules_text("  - { id: r, when: { finding: network-endpoint-added }, then: quarantine }\n"));
  const auto asks_not =
      policy_of(rules_text("  - { id: r, when: { finding: deprecated }, then: quarantine }\n"));
  const Verdict held = decide(*asks, subject, std::vector{hold}, {}, kNow);
  EXPECT_EQ(held.action, Action::kQuarantine);
  EXPECT_EQ(held.reasons.front().rule, "floor:not-compared");
  EXPECT_EQ(held.ends, at("2026-12-01T00:00:00Z"));
  EXPECT_FALSE(held.baseline_fit);
  EXPECT_TRUE(decide(*asks, subject, std::vector{hold}, {}, at("2026-12-01T00:00:00Z")).served());
  EXPECT_TRUE(decide(*asks_not, subject, std::vector{hold}, {}, kNow).served());
  const Decision approval = approval_of(subject, {hold});
  EXPECT_TRUE(decide(*asks, subject, std::vector{hold}, std::vector{approval}, kNow).served());
}

TEST(Decide, AnOpenWaiverLiftsNoPrereleaseByRange) {
  Subject beta = subject_of("a", "1.1.0-beta");
  beta.same_publisher_and_hooks = true;
  EXPECT_EQ(
      judge(waived("package: \"a@^1\", findings: deprecated"), beta, findings_of({"deprecated"}))
          .action,
      Action::kBlock);
}

TEST(Decide, AWaiverEndsAtItsInstant) {
  const auto policy = policy_of(waived("package: a@1.0.0, rules: r"));
  const auto findings = findings_of({"deprecated"});
  const Subject subject = subject_of("a", "1.0.0");
  const Time end = at("2027-01-01");
  EXPECT_EQ(decide(*policy, subject, findings, {}, end - Millis{1}).action, Action::kAllow);
  EXPECT_EQ(decide(*policy, subject, findings, {}, end).action, Action::kBlock);
}

TEST(Decide, TheFloorIsWaivableButForTheFirst) {
  const std::string waiver =
      "version: 1\nwaivers:\n  - { reason: ok, expires: 2027-01-01, package: a@1.0.0, findings: "
      "[archive-refused, "
      "package-json-refused, archive-over-limit, release-republished, evidence-unavailable] }\n";
  for (const char* id : {"archive-refused", "package-json-refused", "archive-over-limit",
                         "release-republished", "evidence-unavailable"}) {
    const Verdict verdict = judge(waiver, subject_of("a", "1.0.0"), findings_of({id}));
    EXPECT_EQ(verdict.action, Action::kAllow) << id;
    EXPECT_EQ(verdict.reasons[0].waived_by, "waiver at policy.yaml:3:5 (ok)");
  }
  EXPECT_EQ(judge(waiver, subject_of("a", "1.0.0"),
                  findings_of({"archive-refused", "integrity-mismatch"}))
                .action,
            Action::kBlock);
  // Not by a policy made otherwise either.
  Policy forged = *policy_of(waiver);
  forged.waivers[0].finding_set.set();
  EXPECT_EQ(decide(forged, subject_of("a", "1.0.0"), findings_of({"integrity-mismatch"}), {}, kNow)
                .action,
            Action::kBlock);
}

// ---- rejections

struct RejectionCase {
  const char* range;
  const char* version;
  bool rejected;
};

TEST(Decide, ARejectionBlocksItsRangeAtOnce) {
  for (const RejectionCase& row : std::initializer_list<RejectionCase>{{"1.0.0", "1.0.0", true},
                                                                       {"1.0.0", "1.0.1", false},
                                                                       {"^1", "1.9.0", true},
                                                                       {"^1", "1.9.0-rc.1", true},
                                                                       {"^1", "2.0.0", false},
                                                                       {"*", "0.0.1-x", true},
                                                                       {"odd", "odd", true},
                                                                       {"odd", "1.0.0", false},
                                                                       {"*", "odd", true}}) {
    const Verdict verdict =
        judge("version: 1\n", subject_of("a", row.version), {}, {rejection_of("a", row.range)});
    EXPECT_EQ(verdict.action == Action::kBlock, row.rejected) << row.range << " " << row.version;
    EXPECT_EQ(verdict.baseline_fit, !row.rejected);
    if (row.rejected) {
      EXPECT_EQ(rules_of(verdict), Names{"rejection"});
      EXPECT_EQ(verdict.reasons[0].message, "rejected: steals tokens");
    }
  }
  EXPECT_EQ(judge("version: 1\n", subject_of("b", "1.0.0"), {}, {rejection_of("a", "*")}).action,
            Action::kAllow);
}

TEST(Decide, ARejectionEndsWhenReopenedOrExpired) {
  Decision rejection = rejection_of("a", "*");
  rejection.expires = kNow + hours{1};
  const Verdict verdict = judge("version: 1\n", subject_of("a", "1.0.0"), {}, {rejection});
  EXPECT_EQ(verdict.action, Action::kBlock);
  EXPECT_EQ(verdict.valid_until, kNow + hours{1});
  EXPECT_EQ(
      judge("version: 1\n", subject_of("a", "1.0.0"), {}, {rejection}, kNow + hours{1}).action,
      Action::kAllow);
  rejection.reopened = true;
  EXPECT_EQ(judge("version: 1\n", subject_of("a", "1.0.0"), {}, {rejection}).action,
            Action::kAllow);
}

// ---- monitor and break glass

TEST(Decide, MonitorModeServesAndSaysWhatWouldHaveHappened) {
  const std::string rules =
      "rules:\n  - { id: b, when: { finding: deprecated }, then: block }\n"
      "  - { id: w, when: { finding: deprecated }, then: warn }\n";
  const Verdict verdict = judge("version: 1\nmode: monitor\n" + rules, subject_of("a", "1.0.0"),
                                findings_of({"deprecated"}));
  EXPECT_EQ(verdict.action, Action::kWarn);
  EXPECT_EQ(verdict.would, Action::kBlock);
  EXPECT_FALSE(verdict.baseline_fit) << "would be blocked";
  EXPECT_EQ(rules_of(verdict), (Names{"w", "b (lifted)"}));
  EXPECT_EQ(verdict.reasons[1].waived_by, "monitor mode");
}

TEST(Decide, MonitorModeServesTheFloorButWrongBytesAndRejections) {
  const std::string policy = "version: 1\nmode: monitor\n";
  EXPECT_EQ(judge(policy, subject_of("a", "1.0.0"), findings_of({"archive-refused"})).action,
            Action::kAllow);
  EXPECT_EQ(judge(policy, subject_of("a", "1.0.0"), findings_of({"archive-refused"})).would,
            Action::kBlock);
  EXPECT_EQ(judge(policy, subject_of("a", "1.0.0"), findings_of({"integrity-mismatch"})).action,
            Action::kBlock);
  EXPECT_EQ(judge(policy, subject_of("a", "1.0.0"), {}, {rejection_of("a", "*")}).action,
            Action::kBlock);
}

TEST(Decide, ARuleThatOnlyRecords) {
  const Verdict verdict = judge(one("{ finding: deprecated }", "quarantine", ", mode: monitor"),
                                subject_of("a", "1.0.0"), findings_of({"deprecated"}));
  EXPECT_EQ(verdict.action, Action::kAllow);
  EXPECT_EQ(verdict.would, Action::kQuarantine);
  EXPECT_EQ(verdict.ends, std::nullopt);
  EXPECT_EQ(verdict.reasons[0].waived_by, "monitor: this rule only records");
}

TEST(Decide, BreakGlassServesUntilItEnds) {
  const std::string rules = "rules: [{ id: b, when: { finding: deprecated }, then: block }]\n";
  const std::string glass =
      "break_glass: [{ packages: [a, \"@x/*\"], reason: outage, by: alice, until: "
      "2026-11-24T13:00:00Z }]\n";
  const auto findings = findings_of({"deprecated"});
  const Verdict verdict = judge("version: 1\n" + rules + glass, subject_of("a", "1.0.0"), findings);
  EXPECT_EQ(verdict.action, Action::kAllow);
  EXPECT_EQ(verdict.would, Action::kBlock);
  EXPECT_FALSE(verdict.baseline_fit);
  EXPECT_EQ(verdict.valid_until, at("2026-11-24T13:00:00Z"));
  EXPECT_EQ(verdict.reasons[0].waived_by, "break glass by alice (outage)");
  EXPECT_EQ(judge("version: 1\n" + rules + glass, subject_of("b", "1.0.0"), findings).action,
            Action::kBlock);
  EXPECT_EQ(judge("version: 1\n" + rules + glass, subject_of("@x/b", "1.0.0"), findings).action,
            Action::kAllow);
  EXPECT_EQ(judge("version: 1\n" + rules + glass, subject_of("a", "1.0.0"), findings, {},
                  at("2026-11-24T13:00:00Z"))
                .action,
            Action::kBlock);
  const std::string all =
      "break_glass: [{ reason: outage, by: alice, until: 2026-11-24T13:00:00Z }]\n";
  EXPECT_EQ(judge("version: 1\n" + rules + all, subject_of("b", "1.0.0"), findings).action,
            Action::kAllow);
  EXPECT_EQ(
      judge("version: 1\n" + all, subject_of("b", "1.0.0"), findings_of({"integrity-mismatch"}))
          .action,
      Action::kBlock);
}

TEST(Decide, WarningsReachClientsOnlyWhereThePolicySaysSo) {
  const auto findings = findings_of({"deprecated"});
  const std::string when = "{ finding: deprecated }";
  EXPECT_FALSE(judge(one(when, "warn"), subject_of("a", "1.0.0"), findings).warn_clients);
  EXPECT_TRUE(
      judge(one(when, "warn", ", tell: clients"), subject_of("a", "1.0.0"), findings).warn_clients);
  EXPECT_TRUE(judge("tell: clients\n" + one(when, "warn"), subject_of("a", "1.0.0"), findings)
                  .warn_clients);
  EXPECT_FALSE(judge("tell: clients\n" + one(when, "block"), subject_of("a", "1.0.0"), findings)
                   .warn_clients);
  EXPECT_FALSE(
      judge(one(when, "warn", ", tell: clients, mode: monitor"), subject_of("a", "1.0.0"), findings)
          .warn_clients);
}

// ---- baselines

struct BaselineCase {
  const char* when;
  const char* then;
  bool fit;
};

TEST(Decide, WhoMayBeABaseline) {
  for (const BaselineCase& row : std::initializer_list<BaselineCase>{
           {"{ finding: deprecated }", "warn", true},
           {"{ finding: deprecated }", "quarantine", false},
           {"{ finding: deprecated }", "block", false},
           {"{ finding: deprecated, younger_than: 14d }", "quarantine", false},
           {"{ younger_than: 24h }", "quarantine", true},
           {"{ younger_than: 24h }", "block", true},
           {"{ package: a }", "quarantine", false}}) {
    const Verdict verdict =
        judge(one(row.when, row.then), subject_of("a", "1.0.0"), findings_of({"deprecated"}));
    EXPECT_EQ(verdict.baseline_fit, row.fit) << row.when << " " << row.then;
  }
}

}  // namespace
}  // namespace npmgate::testing
