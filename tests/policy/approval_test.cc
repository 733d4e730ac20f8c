// What an approval covers, and what takes it away again.
#include "policy_testing.h"

namespace npmgate::testing {
namespace {

using std::chrono::hours;

const std::string kApprovable = rules_text(
    "  - { id: hold, when: { finding: [install-script-added, evidence-unavailable, deprecated] }, "
    "then: quarantine }\n"
    "  - { id: cooldown, when: { younger_than: 24h }, then: quarantine }\n"
    "  - { id: stop, when: { finding: known-malware }, then: block }\n");

// A release held for its script and its age, and the approval of exactly that.
class ApprovalTest : public ::testing::Test {
 protected:
  Verdict judge(Time now = kNow) const {
    return decide(*policy_, subject_, findings_, {&approval_, 1}, now);
  }

  std::shared_ptr<const Policy> policy_ = policy_of(kApprovable);
  Subject subject_ = subject_of("a", "1.0.0");
  std::vector<Finding> findings_ = {
      finding("install-script-added", {{"hook", "postinstall"}, {"after", "node x.js"}})};
  Decision approval_ = approval_of(subject_, findings_);
};

TEST_F(ApprovalTest, LiftsEveryHoldOfTheRelease) {
  const Verdict verdict = judge();
  EXPECT_EQ(verdict.action, Action::kAllow);
  EXPECT_EQ(verdict.would, Action::kAllow);
  EXPECT_EQ(verdict.approved_by, "bob");
  EXPECT_TRUE(verdict.baseline_fit);
  ASSERT_EQ(verdict.reasons.size(), 2U);
  for (const Reason& reason : verdict.reasons)
    EXPECT_EQ(reason.waived_by, "approval by bob (read it)");
}

TEST_F(ApprovalTest, NothingToLiftIsNoApproval) {
  findings_.clear();
  subject_.age_start = kNow - kDay;
  EXPECT_EQ(judge().approved_by, "");
}

TEST_F(ApprovalTest, IsOfOneNameVersionAndContent) {
  for (std::string Decision::*field :
       {&Decision::name, &Decision::versions, &Decision::content_id}) {
    Decision other = approval_;
    other.*field += "x";
    EXPECT_EQ(decide(*policy_, subject_, findings_, {&other, 1}, kNow).action, Action::kQuarantine);
  }
  subject_.content_id = "aa:other-manifest";
  EXPECT_EQ(judge().action, Action::kQuarantine) << "the upstream changed the manifest";
}

TEST_F(ApprovalTest, WithoutBytesThereIsNothingToApprove) {
  for (const char* content : {"", ":bb"}) {
    subject_.content_id = approval_.content_id = content;
    EXPECT_EQ(judge().action, Action::kQuarantine) << content;
  }
}

TEST_F(ApprovalTest, ALaterFindingHoldsAgain) {
  findings_.push_back(finding("network-endpoint-added"));
  EXPECT_EQ(judge().action, Action::kQuarantine) << "even one that no rule asks for";
  EXPECT_EQ(judge().approved_by, "");
}

TEST_F(ApprovalTest, AnotherProofHoldsAgain) {
  findings_[0].proof["after"] = "node y.js";
  EXPECT_EQ(judge().action, Action::kQuarantine);
}

TEST_F(ApprovalTest, AFindingThatWentAwayHarmsNothing) {
  findings_.clear();
  EXPECT_EQ(judge().action, Action::kAllow);
  EXPECT_EQ(judge().approved_by, "bob");
}

TEST_F(ApprovalTest, BackgroundFactsTakeNoApprovalAwayUnlessARuleHoldsForThem) {
  Finding tags = finding("evidence-unavailable");
  tags.source = "git-tags";
  policy_ = policy_of(
      rules_text("  - { id: hold, when: { finding: install-script-added }, then: quarantine }\n"));
  findings_.push_back(tags);
  findings_.push_back(finding("deprecated"));
  EXPECT_EQ(judge().action, Action::kAllow)
      << "a git host that is down, and a deprecation, months later";
  policy_ = policy_of(kApprovable);
  EXPECT_EQ(judge().action, Action::kQuarantine) << "here rules ask for them";
}

TEST_F(ApprovalTest, AMissingTarballTakesItAway) {
  findings_.push_back(finding("evidence-unavailable"));
  EXPECT_EQ(judge().action, Action::kQuarantine);
}

TEST_F(ApprovalTest, ABlockCannotBeApproved) {
  findings_.push_back(finding("known-malware"));
  approval_ = approval_of(subject_, findings_);
  const Verdict verdict = judge();
  EXPECT_EQ(verdict.action, Action::kBlock);
  EXPECT_EQ(verdict.approved_by, "");
  EXPECT_EQ(verdict.reasons[1].waived_by, "") << "what is blocked stays held too";
}

TEST_F(ApprovalTest, AWaivedBlockCanBe) {
  findings_.push_back(finding("known-malware"));
  approval_ = approval_of(subject_, findings_);
  policy_ = policy_of(kApprovable +
                      "waivers: [{ package: a@1.0.0, findings: known-malware, reason: false alarm, "
                      "expires: 2027-01-01 }]\n");
  EXPECT_EQ(judge().action, Action::kAllow);
}

TEST_F(ApprovalTest, EndsAtItsInstantAndWhenReopened) {
  approval_.expires = kNow + hours{5};
  EXPECT_EQ(judge().valid_until, kNow + hours{5});
  EXPECT_EQ(judge(kNow + hours{5} - Millis{1}).action, Action::kAllow);
  EXPECT_EQ(judge(kNow + hours{5}).action, Action::kQuarantine);
  approval_.expires.reset();
  approval_.reopened = true;
  EXPECT_EQ(judge().action, Action::kQuarantine);
}

TEST_F(ApprovalTest, ARejectionIsStronger) {
  const std::vector<Decision> both = {approval_, rejection_of("a", "1.0.0")};
  EXPECT_EQ(decide(*policy_, subject_, findings_, both, kNow).action, Action::kBlock);
}

TEST_F(ApprovalTest, WarningsStay) {
  policy_ = policy_of(kApprovable +
                      "  - { id: told, when: { finding: install-script-added }, then: warn }\n");
  const Verdict verdict = judge();
  EXPECT_EQ(verdict.action, Action::kWarn);
  EXPECT_EQ(verdict.approved_by, "bob");
}

}  // namespace
}  // namespace npmgate::testing
