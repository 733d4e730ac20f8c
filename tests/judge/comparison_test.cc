// Evidence that is taken away never makes a verdict milder.
#include "judge/comparison.h"

#include <random>

#include "judge_testing.h"

namespace npmgate::testing {
namespace {

const Traits kStealer{{"evil.example.net"}, {"env-bulk"}};
const Traits kOrdinary{{"api.example.com"}, {}};
const std::string kRules =
    rule("exfiltration",
         "younger_than: 14d, all: [{ finding: network-endpoint-added }, { finding: "
         "sensitive-access-added }]",
         "quarantine") +
    rule("hooked", "finding: install-script-added, younger_than: 14d", "block");

Judge judge_by_rules(std::shared_ptr<const PackageSnapshot> snapshot,
                     std::vector<Decision> decisions = {}, Time now = kNow) {
  return Judge(std::move(snapshot), policy_of(kRules), std::move(decisions), {}, now);
}

Decision rejection(const std::string& versions) {
  Decision decision;
  decision.kind = Decision::Kind::kReject;
  decision.name = "pkg";
  decision.versions = versions;
  decision.actor = "rita";
  decision.reason = "odd";
  decision.at = kNow;
  return decision;
}

std::shared_ptr<PackageSnapshot> stolen() {
  return snapshot_of(
      {{"1.0.0", 400, kMaintained}, {"1.1.0", 200, kMaintained}, {"1.2.0", 2, kMaintained}});
}

void keep(PackageSnapshot& snapshot, const std::string& version,
          const std::vector<Decision>& decisions = {}, Time now = kNow) {
  Judge judge = judge_by_rules(std::make_shared<PackageSnapshot>(snapshot), decisions, now);
  if (auto next = judge.comparison_of(version)) snapshot.comparisons[version] = std::move(*next);
}

TEST(Comparison, ARejectedBaselineFreesNothing) {
  auto snapshot = stolen();
  add_evidence(*snapshot, evidence_with(*snapshot, "1.1.0", kOrdinary));
  add_evidence(*snapshot, evidence_with(*snapshot, "1.2.0", kStealer));
  EXPECT_EQ(judge_by_rules(snapshot).of("1.2.0")->verdict.action, Action::kQuarantine);
  keep(*snapshot, "1.2.0");
  Judge judge = judge_by_rules(snapshot, {rejection("1.1.0")});
  const Judged* judged = judge.of("1.2.0");
  EXPECT_EQ(judged->baseline, "1.0.0");
  EXPECT_EQ(judged->lacking, std::vector<std::string>{"1.0.0"});
  EXPECT_TRUE(judged->carried);
  EXPECT_EQ(judged->verdict.action, Action::kQuarantine);
  EXPECT_FALSE(waits_for_comparison(judged->verdict)) << "what was found stands";
  EXPECT_TRUE(judge.comparison_due(*judged));
  // Compared again, in whole: what that shows counts, and is kept from then on.
  add_evidence(*snapshot, evidence_with(*snapshot, "1.0.0", kStealer));
  Judge whole = judge_by_rules(snapshot, {rejection("1.1.0")});
  EXPECT_EQ(whole.of("1.2.0")->verdict.action, Action::kAllow);
  EXPECT_EQ(whole.comparison_of("1.2.0")->baseline, "1.0.0");
}

TEST(Comparison, NeverComparedIsHeldWhileRecent) {
  auto snapshot = stolen();
  add_evidence(*snapshot, evidence_with(*snapshot, "1.2.0", kOrdinary));
  Judge judge = judge_by_rules(snapshot);
  const Judged* judged = judge.of("1.2.0");
  EXPECT_EQ(judged->verdict.action, Action::kQuarantine);
  EXPECT_TRUE(waits_for_comparison(judged->verdict));
  EXPECT_EQ(judged->verdict.reasons.front().rule, kNotCompared);
  EXPECT_EQ(judged->verdict.ends, kNow + kDay * 28);
  EXPECT_EQ(judge.picks_to_inspect({}), std::vector<std::string>{"1.2.0"});
  EXPECT_TRUE(judge_by_rules(snapshot, {}, kNow + kDay * 29).of("1.2.0")->verdict.served());
  // A policy that asks for nothing a comparison shows waits for none.
  Judge other(snapshot, policy_of(rule("young", "younger_than: 1d", "quarantine")), {}, {}, kNow);
  EXPECT_TRUE(other.of("1.2.0")->verdict.served());
}

TEST(Comparison, ComparedWithThatVeryBaselineStandsWithoutItsTarball) {
  auto snapshot = stolen();
  add_evidence(*snapshot, evidence_with(*snapshot, "1.1.0", kOrdinary));
  add_evidence(*snapshot, evidence_with(*snapshot, "1.2.0", kOrdinary));
  keep(*snapshot, "1.2.0");
  std::erase_if(snapshot->evidence, [](const auto& each) { return each->version == "1.1.0"; });
  EXPECT_EQ(judge_by_rules(snapshot).of("1.2.0")->verdict.action, Action::kAllow);
}

TEST(Comparison, RetriesWaitAndSayWhy) {
  auto snapshot = stolen();
  add_evidence(*snapshot, evidence_with(*snapshot, "1.2.0", kOrdinary));
  JudgeOptions options;
  options.retry = [](std::string_view) {
    return ComparisonRetry{false, "the upstream answered 503"};
  };
  Judge judge(snapshot, policy_of(kRules), {}, options, kNow);
  EXPECT_TRUE(judge.picks_to_inspect({}).empty());
  EXPECT_TRUE(judge.background_work().empty());
  const std::string said = judge.of("1.2.0")->verdict.reasons.front().message;
  EXPECT_NE(said.find("503"), std::string::npos) << said;
  // The hold that an approval covers does not depend on what the upstream said.
  const auto digest = [](const Judged* judged) { return judged->findings.back().digest(); };
  EXPECT_EQ(digest(judge.of("1.2.0")), digest(judge_by_rules(snapshot).of("1.2.0")));
}

TEST(Comparison, PeopleWhoAreNoLongerNamedStayTold) {
  const auto rows = [](const std::string& people) {
    return std::vector<Row>{{"1.0.0", 400, kMaintained}, {"1.1.0", 2, people}};
  };
  auto snapshot = snapshot_of(rows(R"(,"maintainers":[{"name":"ann"}],"_npmUser":{"name":"eve"})"));
  add_evidence(*snapshot, evidence_with(*snapshot, "1.1.0", {}));
  const auto policy =
      policy_of(rule("people", "finding: new-maintainer-published, younger_than: 14d", "block"));
  Judge before(snapshot, policy, {}, {}, kNow);
  ASSERT_EQ(before.of("1.1.0")->verdict.action, Action::kBlock);
  auto kept = before.comparison_of("1.1.0");
  ASSERT_TRUE(kept);
  auto later = snapshot_of(rows(""));
  later->evidence = snapshot->evidence;
  later->comparisons["1.1.0"] = *kept;
  EXPECT_EQ(Judge(later, policy, {}, {}, kNow).of("1.1.0")->verdict.action, Action::kBlock);
}

// A package whose releases, decisions and tarballs come and go at random, and the gate with them.
class Upheaval {
 public:
  explicit Upheaval(unsigned seed) : dice_(seed), state_(stolen()) {
    for (const char* version : {"1.0.0", "1.1.0", "1.2.0"}) releases_.push_back(version);
  }

  // One random event; what may be forgotten is not forgotten here.
  void event() {
    switch (dice_() % 6) {
      case 0:
        decisions_.push_back(rejection(releases_[dice_() % releases_.size()]));
        break;
      case 1:
        if (!decisions_.empty()) decisions_.erase(decisions_.begin());
        break;
      case 2:
        now_ += kDay * static_cast<int>(dice_() % 4);
        break;
      case 3:
        publish();
        break;
      default:
        inspect_one();
        break;
    }
    for (const std::string& version : releases_) keep(*state_, version, decisions_, now_);
  }

  // Tarballs that nobody can fetch and rows that are lost; what was kept of comparisons stays.
  std::shared_ptr<PackageSnapshot> with_less() {
    auto less = std::make_shared<PackageSnapshot>(*state_);
    const std::string spared = releases_[dice_() % releases_.size()];
    const bool all = dice_() % 3 == 0;
    std::erase_if(less->evidence, [&](const EvidencePtr& each) {
      return (all || each->version != spared) && dice_() % 2;
    });
    return less;
  }

  Judge judge(std::shared_ptr<const PackageSnapshot> snapshot) const {
    return judge_by_rules(std::move(snapshot), decisions_, now_);
  }
  std::shared_ptr<PackageSnapshot> state() const { return state_; }
  const std::vector<std::string>& releases() const { return releases_; }

 private:
  void publish() {
    if (releases_.size() > 8) return;
    rows_.push_back(
        {"1." + std::to_string(releases_.size()) + ".0", -static_cast<int>((now_ - kNow) / kDay),
         kMaintained + (dice_() % 4 == 0 ? R"(,"scripts":{"postinstall":"node x"})" : "")});
    std::vector<Row> rows{
        {"1.0.0", 400, kMaintained}, {"1.1.0", 200, kMaintained}, {"1.2.0", 2, kMaintained}};
    rows.insert(rows.end(), rows_.begin(), rows_.end());
    state_->packument = snapshot_of(rows)->packument;
    releases_.push_back(rows.back().version);
  }
  void inspect_one() {
    const std::string& version = releases_[dice_() % releases_.size()];
    const auto known = [&](const EvidencePtr& each) { return each->version == version; };
    if (std::any_of(state_->evidence.begin(), state_->evidence.end(), known)) return;
    // The same bytes whenever they are looked at.
    const std::size_t kind = std::hash<std::string>{}(version) % 4;
    add_evidence(*state_, evidence_with(*state_, version,
                                        kind == 0   ? kStealer
                                        : kind == 1 ? Traits{{}, {"env-bulk"}}
                                                    : kOrdinary));
  }

  std::mt19937 dice_;
  std::shared_ptr<PackageSnapshot> state_;
  std::vector<Row> rows_;
  std::vector<std::string> releases_;
  std::vector<Decision> decisions_;
  Time now_ = kNow;
};

TEST(SourceThatIsUnknown, KeepsWhatItShowedAndNothingElse) {
  using Names = std::vector<std::string>;
  EXPECT_TRUE(lacks_source_alone({}, {"source"}));
  EXPECT_TRUE(lacks_source_alone({"feed"}, {"feed", "source"}));
  EXPECT_TRUE(lacks_source_alone({"git-tags"}, {"source"}));
  for (const Names& now : {Names{}, Names{"feed"}, Names{"git-tags", "source"}})
    EXPECT_FALSE(lacks_source_alone({}, now));
  EXPECT_FALSE(lacks_source_alone({"source"}, {"source"}));
  std::vector<Finding> findings(2);
  findings[0].id = "missing-git-tag";
  findings[0].source = "git-tags";
  findings[1].id = "file-not-in-source";
  findings[1].source = "source";
  keep_of_source(findings);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].id, "file-not-in-source");
}

class ComparisonProperty : public ::testing::TestWithParam<unsigned> {};

TEST_P(ComparisonProperty, TakingEvidenceAwayMakesNoVerdictMilder) {
  Upheaval upheaval(GetParam());
  for (int step = 0; step < 40; ++step) {
    upheaval.event();
    Judge before = upheaval.judge(upheaval.state());
    for (int take = 0; take < 4; ++take) {
      Judge after = upheaval.judge(upheaval.with_less());
      for (const std::string& version : upheaval.releases()) {
        const Judged* was = before.of(version);
        const Judged* is = after.of(version);
        // What was never inspected is asked for before its bytes leave.
        if (!was->evidence && was->verdict.served()) continue;
        EXPECT_GE(is->verdict.action, was->verdict.action)
            << "seed " << GetParam() << ", step " << step << ", " << version;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, ComparisonProperty, ::testing::Range(0U, 20U));

}  // namespace
}  // namespace npmgate::testing
