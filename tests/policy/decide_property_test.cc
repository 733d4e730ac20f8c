// Properties that hold for every policy, release and moment: thousands of random ones, each from a
// printed seed.
#include <algorithm>
#include <boost/json/serialize.hpp>
#include <random>

#include "policy_testing.h"

namespace npmgate::testing {
namespace {

using std::chrono::hours;

// Draws policies, releases, findings and decisions that meet each other often.
class Dice {
 public:
  explicit Dice(unsigned seed) : engine_(seed) {}

  std::size_t below(std::size_t n) { return engine_() % n; }
  bool chance(std::size_t percent) { return below(100) < percent; }
  template <class T>
  const T& of(const std::vector<T>& items) {
    return items[below(items.size())];
  }

  std::string finding_id() {
    return std::string(finding_kinds()[below(finding_kinds().size())].id);
  }
  std::string age() { return of<std::string>({"1h", "10h", "24h", "3d", "14d", "30d"}); }
  std::string name() { return of<std::string>({"a", "b", "@s/a"}); }
  std::string pattern() { return of<std::string>({"a", "b", "\"@s/*\"", "\"*\"", "\"?\""}); }
  std::string range() {
    return of<std::string>({"\"^1\"", "1.0.0", "\">=1.2.0\"", "\"<1\"", "\"*\""});
  }

  std::string condition(int depth, bool negated = false) {
    const std::size_t kind = below(depth > 0 ? 11 : 8);
    switch (kind) {
      case 0:
        return negated ? "{ popular: false }"
                       : "{ finding: [" + finding_id() + ", " + finding_id() + "] }";
      case 1:
        return negated ? "{ upstream: public }" : "{ finding: " + finding_id() + " }";
      case 2:
        return "{ younger_than: " + age() + " }";
      case 3:
        return "{ older_than: " + age() + " }";
      case 4:
        return "{ package: " + pattern() + " }";
      case 5:
        return "{ version: " + range() + " }";
      case 6:
        return "{ popular: true }";
      case 7:
        return negated ? "{ popular: true }" : "{ has_install_script: true }";
      case 8:
        return "{ not: " + condition(depth - 1, true) + " }";
      default:
        break;
    }
    std::string list;
    for (std::size_t i = 0; i <= below(3); ++i)
      list += (i ? ", " : "") + condition(depth - 1, negated);
    return std::string(kind == 9 ? "{ all: [" : "{ any: [") + list + "] }";
  }

  std::vector<std::string> rules() {
    std::vector<std::string> out;
    const std::size_t count = below(6);
    for (std::size_t i = 0; i < count; ++i) {
      out.push_back("  - { id: r" + std::to_string(i) + ", when: " + condition(3) +
                    ", then: " + of<std::string>({"warn", "quarantine", "block"}) +
                    (chance(15) ? ", mode: monitor" : "") + (chance(30) ? ", message: Told." : "") +
                    " }\n");
    }
    return out;
  }

  std::string waiver() {
    const std::string when =
        ", reason: ok, expires: " + of<std::string>({"2026-11-25", "2026-12-24", "2027-11-24"}) +
        " }\n";
    if (chance(50))
      return "  - { package: \"" + name() + "@1.0.0\", findings: [" + finding() + ", " + finding() +
             "]" + when;
    return "  - { package: " + pattern() + ", findings: " + finding() + when;
  }

  Subject subject() {
    Subject out = subject_of(name(), of<std::string>({"1.0.0", "1.2.3", "0.9.0", "2.0.0-rc.1"}),
                             hours{static_cast<int>(below(24 * 35))});
    out.popular = chance(50);
    out.has_install_script = chance(50);
    out.same_publisher_and_hooks = chance(50);
    return out;
  }

  std::vector<Finding> findings() {
    std::vector<Finding> out;
    const std::size_t count = below(5);
    for (std::size_t i = 0; i < count; ++i) out.push_back(random_finding());
    return out;
  }
  Finding random_finding() {
    Finding out = npmgate::testing::finding(finding_id(), {{"n", below(3)}});
    if (chance(15)) out.proof["informs_only"] = true;
    if (chance(30)) out.source = "git-tags";
    return out;
  }

  std::vector<Decision> decisions(const Subject& subject, const std::vector<Finding>& findings) {
    std::vector<Decision> out;
    if (chance(30)) out.push_back(approval_of(subject, findings));
    if (chance(10)) out.push_back(rejection_of(subject.name, "^1"));
    for (Decision& decision : out) {
      if (chance(40)) decision.expires = kNow + hours{static_cast<int>(below(24 * 20))};
    }
    return out;
  }

 private:
  std::string finding() {
    const std::string id = finding_id();
    return id == "integrity-mismatch" ? "deprecated" : id;
  }
  std::mt19937 engine_;
};

std::string text_of(const std::vector<std::string>& rules, const std::string& rest = "") {
  std::string text = "version: 1\nrules:\n";
  for (const std::string& rule : rules) text += rule;
  return text + rest;
}

// All of a verdict but where its rules stand in the file.
std::string story(const Verdict& verdict) {
  boost::json::value json = to_json(verdict);
  for (auto& reason : json.as_object()["reasons"].as_array()) {
    reason.as_object().erase("at");
    auto& by = reason.as_object()["waived_by"];
    if (by.is_string() && by.as_string().starts_with("waiver at")) by = "waiver";
  }
  return boost::json::serialize(json);
}

class DecideProperty : public ::testing::TestWithParam<unsigned> {};
constexpr int kRounds = 60;

TEST_P(DecideProperty, IsTotalDeterministicAndIndependentOfEveryOrder) {
  Dice dice(GetParam());
  for (int round = 0; round < kRounds; ++round) {
    auto rules = dice.rules();
    const std::string waivers = "waivers:\n" + dice.waiver() + dice.waiver();
    const auto policy = policy_of(text_of(rules, waivers));
    const Subject subject = dice.subject();
    auto findings = dice.findings();
    auto decisions = dice.decisions(subject, findings);
    const std::string first = story(decide(*policy, subject, findings, decisions, kNow));
    EXPECT_EQ(story(decide(*policy, subject, findings, decisions, kNow)), first);
    std::reverse(rules.begin(), rules.end());
    std::reverse(findings.begin(), findings.end());
    std::reverse(decisions.begin(), decisions.end());
    EXPECT_EQ(
        story(decide(*policy_of(text_of(rules, waivers)), subject, findings, decisions, kNow)),
        first)
        << text_of(rules, waivers);
  }
}

TEST_P(DecideProperty, OneMoreFindingIsNeverMilder) {
  Dice dice(GetParam());
  for (int round = 0; round < kRounds; ++round) {
    const std::string text =
        text_of(dice.rules(), dice.chance(50) ? "waivers:\n" + dice.waiver() : "");
    const auto policy = policy_of(text);
    const Subject subject = dice.subject();
    auto findings = dice.findings();
    const auto decisions = dice.decisions(subject, findings);
    const Verdict before = decide(*policy, subject, findings, decisions, kNow);
    findings.push_back(dice.random_finding());
    const Verdict after = decide(*policy, subject, findings, decisions, kNow);
    EXPECT_GE(after.action, before.action) << text << findings.back().id;
    EXPECT_GE(after.would, before.would) << text << findings.back().id;
    EXPECT_LE(after.baseline_fit, before.baseline_fit) << text << findings.back().id;
  }
}

TEST_P(DecideProperty, AWaiverIsNeverStricter) {
  Dice dice(GetParam());
  for (int round = 0; round < kRounds; ++round) {
    const auto rules = dice.rules();
    const std::string waiver = dice.waiver();
    const Subject subject = dice.subject();
    const auto findings = dice.findings();
    const auto decisions = dice.decisions(subject, findings);
    const Verdict without = decide(*policy_of(text_of(rules)), subject, findings, decisions, kNow);
    const Verdict with = decide(*policy_of(text_of(rules, "waivers:\n" + waiver)), subject,
                                findings, decisions, kNow);
    EXPECT_LE(with.action, without.action) << text_of(rules) << waiver;
    EXPECT_LE(with.would, without.would) << text_of(rules) << waiver;
    EXPECT_GE(with.baseline_fit, without.baseline_fit);
  }
}

TEST_P(DecideProperty, OneMoreRuleIsNeverMilderAndAnApprovalNeverStricter) {
  Dice dice(GetParam());
  for (int round = 0; round < kRounds; ++round) {
    auto rules = dice.rules();
    const Subject subject = dice.subject();
    const auto findings = dice.findings();
    const Decision approval = approval_of(subject, findings);
    const Verdict all = decide(*policy_of(text_of(rules)), subject, findings, {}, kNow);
    const Verdict approved =
        decide(*policy_of(text_of(rules)), subject, findings, {&approval, 1}, kNow);
    EXPECT_LE(approved.action, all.action);
    EXPECT_TRUE(all.action != Action::kBlock || approved.action == Action::kBlock)
        << "a block cannot be approved";
    EXPECT_TRUE(all.action != Action::kQuarantine || approved.served());
    if (rules.empty()) continue;
    rules.pop_back();
    EXPECT_LE(decide(*policy_of(text_of(rules)), subject, findings, {}, kNow).action, all.action);
  }
}

// Until valid_until nothing changes; at it something does. At `ends` a hold is over.
TEST_P(DecideProperty, TimesAreTrue) {
  Dice dice(GetParam());
  for (int round = 0; round < kRounds; ++round) {
    const std::string text = text_of(dice.rules());
    const auto policy = policy_of(text);
    const Subject subject = dice.subject();
    const auto findings = dice.findings();
    const auto decisions = dice.decisions(subject, findings);
    const auto at_time = [&](Time now) {
      return decide(*policy, subject, findings, decisions, now);
    };
    const Verdict verdict = at_time(kNow);
    // Every 10 minutes over 40 days is too much; the instants around each boundary are all there
    // is.
    const Time horizon = verdict.valid_until.value_or(kNow + kDay * 400);
    for (const Millis before : {Millis{1}, Millis{hours{1}}, Millis{hours{7}}}) {
      const Time moment = std::max(kNow, horizon - before);
      EXPECT_EQ(story(at_time(moment)), story(verdict)) << text;
    }
    if (verdict.valid_until) {
      EXPECT_GT(*verdict.valid_until, kNow);
      EXPECT_NE(story(at_time(*verdict.valid_until)), story(verdict)) << text;
    }
    const bool expiring = std::any_of(decisions.begin(), decisions.end(),
                                      [](const Decision& d) { return d.expires.has_value(); });
    if (verdict.action == Action::kQuarantine && verdict.ends && !expiring) {
      EXPECT_TRUE(at_time(*verdict.ends).served()) << text;
      EXPECT_FALSE(at_time(*verdict.ends - Millis{1}).served()) << text;
    }
  }
}

TEST_P(DecideProperty, MonitorModeServesAllAndWouldIsTheEnforcedAction) {
  Dice dice(GetParam());
  for (int round = 0; round < kRounds; ++round) {
    const auto rules = dice.rules();
    const Subject subject = dice.subject();
    auto findings = dice.findings();
    std::erase_if(findings,
                  [](const Finding& finding) { return finding.id == "integrity-mismatch"; });
    std::vector<std::string> enforced;
    for (std::string rule : rules) {
      if (const auto found = rule.find(", mode: monitor"); found != std::string::npos)
        rule.erase(found, 15);
      enforced.push_back(rule);
    }
    const Verdict real = decide(*policy_of(text_of(enforced)), subject, findings, {}, kNow);
    const Verdict monitored =
        decide(*policy_of("mode: monitor\n" + text_of(rules)), subject, findings, {}, kNow);
    EXPECT_TRUE(monitored.served());
    EXPECT_EQ(monitored.would, real.action);
    EXPECT_EQ(monitored.baseline_fit, real.baseline_fit);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, DecideProperty, ::testing::Range(1U, 26U));

}  // namespace
}  // namespace npmgate::testing
