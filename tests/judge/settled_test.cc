// Small steps add up, what was forgotten is no step, and what comes back is recognised.
#include <algorithm>
#include <map>
#include <random>

#include "judge_testing.h"
#include "policy/policy_facts.h"

namespace npmgate::testing {
namespace {

const std::string kKeptHook = kMaintained + R"(,"scripts":{"postinstall":"node index.js"})";
const std::string kTakeover =
    rule("exfiltration",
         "younger_than: 14d, all: [{ finding: network-endpoint-added }, { finding: "
         "sensitive-access-added }]",
         "quarantine");
const std::string kCooldown =
    "  - { id: cooldown, when: { younger_than: 24h }, then: quarantine, fixes: sooner }\n";
const Traits kHost{{"collect.example.net"}, {}}, kSecrets{{"collect.example.net"}, {"env-bulk"}};
const Traits kPlain{{}, {}};

bool has(const Judged* judged, std::string_view id) {
  return std::any_of(judged->findings.begin(), judged->findings.end(),
                     [&](const Finding& finding) { return finding.id == id; });
}

// 1.1.0 brings the address, 1.2.0 the secrets: neither step alone is what both are.
TEST(Settled, AStealerInTwoStepsIsOne) {
  for (const int days : {5, 40}) {
    auto snapshot = snapshot_of(
        {{"1.0.0", 400, kMaintained}, {"1.1.0", days, kMaintained}, {"1.2.0", 1, kMaintained}});
    add_evidence(*snapshot, evidence_with(*snapshot, "1.0.0", kPlain));
    add_evidence(*snapshot, evidence_with(*snapshot, "1.1.0", kHost));
    add_evidence(*snapshot, evidence_with(*snapshot, "1.2.0", kSecrets));
    Judge judge = judge_of(snapshot, kTakeover);
    const Judged* judged = judge.of("1.2.0");
    EXPECT_EQ(judged->baseline, "1.1.0");
    // The longest hold of this policy is 14 days.
    EXPECT_EQ(judged->settled, days == 5 ? "1.0.0" : "1.1.0");
    EXPECT_EQ(judged->verdict.served(), days != 5) << days;
  }
}

TEST(Settled, AnApprovalSettles) {
  auto snapshot = snapshot_of(
      {{"1.0.0", 400, kMaintained}, {"1.1.0", 5, kMaintained}, {"1.2.0", 1, kMaintained}});
  add_evidence(*snapshot, evidence_with(*snapshot, "1.0.0", kPlain));
  add_evidence(*snapshot, evidence_with(*snapshot, "1.1.0", kSecrets));
  add_evidence(*snapshot, evidence_with(*snapshot, "1.2.0", kSecrets));
  Judge first = judge_of(snapshot, kTakeover);
  ASSERT_FALSE(first.of("1.1.0")->verdict.served());
  EXPECT_FALSE(first.of("1.2.0")->verdict.served());
  Decision approval;
  approval.name = "pkg";
  approval.versions = "1.1.0";
  approval.content_id = first.of("1.1.0")->subject.content_id;
  for (const Finding& each : first.of("1.1.0")->findings)
    approval.findings.push_back(each.id + ":" + each.digest());
  approval.actor = "rita";
  approval.at = kNow;
  Judge judge = judge_of(snapshot, kTakeover, {approval});
  EXPECT_EQ(judge.of("1.2.0")->settled, "1.1.0");
  EXPECT_TRUE(judge.of("1.2.0")->verdict.served());
}

TEST(Settled, AHookIsNewUntilItIs) {
  const std::string rules =
      rule("hooked", "finding: install-script-added, younger_than: 14d", "warn") + kTakeover;
  auto snapshot =
      snapshot_of({{"1.0.0", 400, kMaintained}, {"1.1.0", 5, kKeptHook}, {"1.2.0", 1, kKeptHook}});
  for (const char* version : {"1.0.0", "1.1.0", "1.2.0"})
    add_evidence(*snapshot, evidence_with(*snapshot, version, kPlain));
  Judge judge = judge_of(snapshot, rules);
  EXPECT_EQ(judge.of("1.2.0")->baseline, "1.1.0");
  EXPECT_TRUE(has(judge.of("1.2.0"), "install-script-added"));
  // Told as what it is.
  for (const Finding& finding : judge.of("1.2.0")->findings) {
    if (finding.id != "install-script-added") continue;
    EXPECT_TRUE(finding.proof.contains(kSinceSettled));
    EXPECT_NE(finding.message.find("1.0.0"), std::string::npos) << finding.message;
  }
}

// Nothing of the package is settled: everything in it counts as added, whatever came in between.
TEST(Settled, AYoungPackageHasNothingSettled) {
  auto snapshot = snapshot_of(
      {{"1.0.0", 6, kMaintained}, {"1.1.0", 5, kMaintained}, {"1.2.0", 1, kMaintained}});
  for (const char* version : {"1.0.0", "1.1.0", "1.2.0"})
    add_evidence(*snapshot, evidence_with(*snapshot, version,
                                          version == std::string("1.2.0") ? kSecrets : kHost));
  Judge judge = judge_of(snapshot, kTakeover);
  EXPECT_EQ(judge.of("1.2.0")->settled, "");
  EXPECT_FALSE(judge.of("1.2.0")->verdict.served());
}

// 1.1.0 was published without its code; 1.2.0 only puts it back.
TEST(Baseline, AnIncompleteUploadIsNone) {
  const std::string main = kMaintained + R"(,"main":"index.js")";
  auto snapshot = snapshot_of({{"1.0.0", 400, main}, {"1.1.0", 200, main}, {"1.2.0", 1, main}});
  add_evidence(*snapshot, evidence_with(*snapshot, "1.0.0", kSecrets));
  auto empty = evidence_with(*snapshot, "1.1.0", kPlain);
  empty->tree.files.front().path = "readme.txt";
  empty->tree.files.front().code.reset();
  add_evidence(*snapshot, std::move(empty));
  add_evidence(*snapshot, evidence_with(*snapshot, "1.2.0", kSecrets));
  Judge judge = judge_of(snapshot, kTakeover);
  EXPECT_EQ(judge.of("1.2.0")->baseline, "1.0.0");
  EXPECT_TRUE(judge.of("1.2.0")->verdict.served());
}

// 1.1.0 has the code that loads others as it was, and lacks these; 1.2.0 only puts them back.
TEST(Baseline, OneThatLacksWhatItLoadsIsNone) {
  for (const bool moved : {false, true}) {
    auto snapshot = snapshot_of(
        {{"1.0.0", 400, kMaintained}, {"1.1.0", 200, kMaintained}, {"1.2.0", 1, kMaintained}});
    const auto add = [&](const char* version, const char* second) {
      auto evidence = evidence_with(*snapshot, version, kPlain);
      auto& files = evidence->tree.files;
      files.front().sha256 = "same";
      files.front().reading = CodeReading{};
      if (second != nullptr) {
        files.push_back(files.front());
        files.back().path = second;
        files.back().sha256 = second;
        files.front().loads = {1};
      }
      add_evidence(*snapshot, std::move(evidence));
    };
    add("1.0.0", "lib.js");
    // Moved: found under another name.
    add("1.1.0", moved ? "lib/index.js" : nullptr);
    add("1.2.0", "lib.js");
    Judge judge = judge_of(snapshot, kTakeover);
    EXPECT_EQ(judge.of("1.2.0")->baseline, moved ? "1.1.0" : "1.0.0");
  }
}

// `fixes: sooner`.
TEST(Restored, TheHonestRestorationComesAtOnce) {
  auto snapshot = snapshot_of(
      {{"1.0.0", 400, kMaintained}, {"1.0.1", 0, kMaintained}, {"1.0.2", 0, kMaintained}});
  add_evidence(*snapshot, evidence_with(*snapshot, "1.0.1", {{}, {}, "bad"}));
  add_evidence(*snapshot, evidence_with(*snapshot, "1.0.2", {{}, {}, "good"}));
  {
    Judge judge = judge_of(snapshot, kCooldown);
    EXPECT_FALSE(judge.of("1.0.2")->verdict.served());
    EXPECT_EQ(judge.may_restore(*judge.of("1.0.2")), "1.0.0") << "its tarball would tell";
  }
  add_evidence(*snapshot, evidence_with(*snapshot, "1.0.0", {{}, {}, "good"}));
  Judge judge = judge_of(snapshot, kCooldown);
  EXPECT_EQ(judge.of("1.0.2")->subject.again, "1.0.0");
  EXPECT_TRUE(judge.of("1.0.2")->verdict.served());
  EXPECT_FALSE(judge.of("1.0.1")->verdict.served());
  EXPECT_EQ(judge.may_restore(*judge.of("1.0.2")), "");
}

TEST(Restored, TheSameBadContentTwiceIsHeldTwice) {
  auto snapshot = snapshot_of(
      {{"1.0.0", 400, kMaintained}, {"1.0.1", 0, kMaintained}, {"1.0.2", 0, kMaintained}});
  add_evidence(*snapshot, evidence_with(*snapshot, "1.0.0", {{}, {}, "good"}));
  add_evidence(*snapshot, evidence_with(*snapshot, "1.0.1", {{}, {}, "bad"}));
  add_evidence(*snapshot, evidence_with(*snapshot, "1.0.2", {{}, {}, "bad"}));
  Judge judge = judge_of(snapshot, kCooldown);
  EXPECT_EQ(judge.of("1.0.2")->subject.again, "");
  EXPECT_FALSE(judge.of("1.0.2")->verdict.served());
}

// Served, but by an admin's word of an hour ago: the next one waits like any other.
TEST(Restored, WhatIsYoungerThanTheCooldownFreesNothing) {
  auto snapshot = snapshot_of(
      {{"1.0.0", 400, kMaintained}, {"1.0.1", 0, kMaintained}, {"1.0.2", 0, kMaintained}});
  add_evidence(*snapshot, evidence_with(*snapshot, "1.0.1", {{}, {}, "same"}));
  add_evidence(*snapshot, evidence_with(*snapshot, "1.0.2", {{}, {}, "same"}));
  Judge first = judge_of(snapshot, kCooldown);
  Decision approval;
  approval.name = "pkg";
  approval.versions = "1.0.1";
  approval.content_id = first.of("1.0.1")->subject.content_id;
  for (const Finding& each : first.of("1.0.1")->findings)
    approval.findings.push_back(each.id + ":" + each.digest());
  Judge judge = judge_of(snapshot, kCooldown, {approval});
  ASSERT_TRUE(judge.of("1.0.1")->verdict.served());
  EXPECT_FALSE(judge.of("1.0.2")->verdict.served());
}

// Waivers by glob and range.
struct Trust {
  const char* name;
  std::string before, after;  // of the packument
  void (*change)(Evidence& evidence);
  bool same;
};
class OldTrust : public ::testing::TestWithParam<Trust> {};

TEST_P(OldTrust, CoversWhatIsTheSame) {
  const Trust& row = GetParam();
  auto snapshot = snapshot_of({{"1.0.0", 400, row.before}, {"1.1.0", 1, row.after}});
  for (const char* version : {"1.0.0", "1.1.0"}) {
    auto evidence = evidence_with(*snapshot, version, {{}, {}, "same"});
    HookReach reach;
    reach.hook = "postinstall";
    reach.command = "node index.js";
    reach.files = {"index.js"};
    evidence->tree.hooks.push_back(reach);
    if (version == std::string("1.1.0")) row.change(*evidence);
    add_evidence(*snapshot, std::move(evidence));
  }
  Judge judge = judge_of(snapshot, kTakeover);
  EXPECT_EQ(judge.of("1.1.0")->subject.same_publisher_and_hooks, row.same);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, OldTrust,
    ::testing::Values(
        Trust{"Same", kKeptHook, kKeptHook, [](Evidence&) {}, true},
        Trust{"OtherBytesBehindTheHook", kKeptHook, kKeptHook,
              [](Evidence& e) { e.tree.files.front().sha256[0] ^= 1; }, false},
        Trust{"HookNamesAFileThatIsGone", kKeptHook, kKeptHook,
              [](Evidence& e) { e.tree.hooks.front().missing = {"other.js"}; }, false},
        Trust{"BothPublishersUnknown", R"(,"scripts":{"postinstall":"node index.js"})",
              R"(,"scripts":{"postinstall":"node index.js"})", [](Evidence&) {}, false},
        Trust{"BundledHook", kKeptHook, kKeptHook,
              [](Evidence& e) {
                BundledPackage bundled;
                bundled.path = "node_modules/x";
                bundled.manifest.scripts["install"] = "node x";
                e.tree.bundled.push_back(bundled);
              },
              false}),
    [](const auto& row) { return std::string(row.param.name); });

// A monorepo's parent and the part that it pins exactly.
TEST(Siblings, AParentWaitsForThePartItPins) {
  const std::string pins =
      kMaintained + R"(,"optionalDependencies":{"part":"1.1.0","other":"^1.0.0"})";
  auto snapshot = snapshot_of({{"1.0.0", 400, kMaintained}, {"1.1.0", 2, pins}});
  add_evidence(*snapshot, evidence_with(*snapshot, "1.0.0", kPlain));
  add_evidence(*snapshot, evidence_with(*snapshot, "1.1.0", kPlain));
  std::vector<std::string> asked;
  std::optional<SiblingState> state;
  JudgeOptions options;
  options.sibling = [&](const Release&, const std::string& name, const std::string& version) {
    asked.push_back(name + "@" + version);
    return state;
  };
  const auto judged = [&] {
    Judge judge(snapshot, policy_of(kCooldown), {}, options, kNow);
    return judge.of("1.1.0")->verdict;
  };
  EXPECT_TRUE(judged().served()) << "somebody else's";
  EXPECT_EQ(asked, std::vector<std::string>{"part@1.1.0"});
  state = SiblingState{false, kNow + kDay};
  const Verdict waits = judged();
  EXPECT_EQ(waits.action, Action::kQuarantine);
  EXPECT_EQ(waits.reasons.front().rule, kWaitsForSibling);
  EXPECT_EQ(waits.ends, kNow + kDay);
  EXPECT_TRUE(waits.baseline_fit) << "a wait is no judgement";
  state->served = true;
  EXPECT_TRUE(judged().served());
}

// A package with one settled release and one of today; what each release holds is drawn by seed.
class Steps {
 public:
  explicit Steps(unsigned seed) : dice_(seed) {}

  void draw() {
    rows_ = {{"1.0.0", 400, manifest()}};
    traits_ = {{"1.0.0", traits()}};
    add("1.9.0", 1);
  }
  void add(const std::string& version, int days) {
    rows_.push_back({version, days, manifest()});
    traits_[version] = traits();
  }
  // Young ones, so that none of them settles.
  void add_between() {
    for (int n = 1 + static_cast<int>(dice_() % 4); n > 0; --n)
      add("1.1." + std::to_string(rows_.size()), 2 + static_cast<int>(dice_() % 11));
  }
  void republish(const std::string& version) {
    for (Row& row : rows_)
      if (row.version == version) row.more += R"(,"description":"another")";
  }

  std::shared_ptr<PackageSnapshot> snapshot() const {
    auto rows = rows_;
    std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.days > b.days; });
    auto out = snapshot_of(rows);
    for (const auto& [version, traits] : traits_)
      add_evidence(*out, evidence_with(*out, version, traits));
    return out;
  }

 private:
  std::string manifest() { return dice_() % 3 == 0 ? kKeptHook : kMaintained; }
  Traits traits() {
    Traits out;
    if (dice_() % 2 == 0)
      out.endpoints.push_back(dice_() % 2 == 0 ? "a.example.net" : "b.example.org");
    if (dice_() % 2 == 0) out.traits.push_back(dice_() % 2 == 0 ? "env-bulk" : "credential-paths");
    if (dice_() % 4 == 0) out.traits.push_back("shell");
    std::sort(out.traits.begin(), out.traits.end());
    return out;
  }

  std::mt19937 dice_;
  std::vector<Row> rows_;
  std::map<std::string, Traits> traits_;
};

const std::string kSteps =
    kTakeover + rule("hooked",
                     "younger_than: 14d, all: [{ finding: install-script-added }, { finding: "
                     "[install-script-suspicious, sensitive-access-added] }]",
                     "quarantine");

class StepsProperty : public ::testing::TestWithParam<unsigned> {};

TEST_P(StepsProperty, ReleasesInBetweenMakeNoVerdictMilder) {
  Steps steps(GetParam());
  int held = 0;
  for (int round = 0; round < 40; ++round) {
    steps.draw();
    const Action alone = judge_of(steps.snapshot(), kSteps).of("1.9.0")->verdict.action;
    steps.add_between();
    const Action after = judge_of(steps.snapshot(), kSteps).of("1.9.0")->verdict.action;
    EXPECT_GE(after, alone) << "seed " << GetParam() << ", round " << round;
    held += alone == Action::kQuarantine;
  }
  EXPECT_GT(held, 0);  // else nothing was asked
}

TEST_P(StepsProperty, RepublishingMakesNoVerdictMilder) {
  Steps steps(GetParam());
  for (int round = 0; round < 20; ++round) {
    steps.draw();
    steps.add_between();
    const auto first = steps.snapshot();
    const Action before = judge_of(first, kSteps).of("1.9.0")->verdict.action;
    for (const char* version : {"1.9.0", "1.0.0"}) {
      // The registry says something else about a release whose bytes were seen.
      auto again = steps;
      again.republish(version);
      auto later = again.snapshot();
      later->evidence = first->evidence;
      EXPECT_GE(judge_of(later, kSteps).of("1.9.0")->verdict.action, before)
          << "seed " << GetParam() << ", round " << round << ", " << version;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, StepsProperty, ::testing::Range(0U, 10U));

}  // namespace
}  // namespace npmgate::testing
