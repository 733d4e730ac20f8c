// What another policy would change, on stored rows and on evidence derived anew.
#include "judge/policy_replay.h"

#include "judge_testing.h"
#include "store/sqlite/open_state_store.h"

namespace npmgate::testing {
namespace {

using std::chrono::hours;

Finding finding(std::string id) {
  Finding out;
  const FindingKind* kind = find_kind(id);
  out.severity = kind->severity;
  out.message = "shows " + id;
  out.source = "packument-field";
  out.id = std::move(id);
  return out;
}

class PolicyReplays : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = open_memory_state_store();
    ASSERT_TRUE(opened);
    store_ = std::move(*opened);
    input_.now = kNow;
    input_.snapshot = [](const std::string&) -> Result<std::shared_ptr<const PackageSnapshot>> {
      return std::shared_ptr<const PackageSnapshot>();
    };
  }
  void row(const std::string& name, const std::string& version, std::vector<std::string> ids,
           bool served = false, Millis age = hours{24 * 60}) {
    ReleaseRow row;
    row.name = row.subject.name = name;
    row.version = row.subject.version = version;
    row.subject.semver = Version::parse(version);
    row.content_id = row.subject.content_id = "aa:bb";
    row.subject.age_start = kNow - age;
    row.subject.inspected = true;
    for (const std::string& id : ids) row.findings.push_back(finding(id));
    row.served = served;
    row.seen = kNow;
    ASSERT_TRUE(store_->put_release_row(row));
  }
  PolicyReplay retry(const std::string& before, const std::string& after) {
    input_.before = policy_of(before);
    input_.after = policy_of(after);
    auto result = replay_policy(*store_, input_);
    EXPECT_TRUE(result);
    return result ? *result : PolicyReplay();
  }
  std::unique_ptr<StateStore> store_;
  PolicyReplayInput input_;
};

TEST_F(PolicyReplays, NamesWhatChangesWhichWayAndByWhichRule) {
  row("a", "1.0.0", {"license-changed"}, true);
  row("b", "1.0.0", {"license-changed"});
  row("c", "1.0.0", {"deprecated"});
  row("d", "1.0.0", {});
  const std::string licence = rule("licence", "finding: license-changed", "block");
  const std::string old = rule("deprecated", "finding: deprecated", "quarantine");
  const PolicyReplay replay = retry(old, licence);
  EXPECT_EQ(replay.judged, 4U);
  ASSERT_EQ(replay.changes.size(), 3U);
  EXPECT_EQ(replay.changes[0].name, "a") << "served ones first";
  EXPECT_EQ(replay.changes[0].before, Action::kAllow);
  EXPECT_EQ(replay.changes[0].after, Action::kBlock);
  EXPECT_EQ(replay.changes[0].rule, "licence");
  EXPECT_EQ(replay.changes[0].at, "policy.yaml:3:5");
  EXPECT_EQ(replay.changes[1].name, "b");
  EXPECT_EQ(replay.changes[2].name, "c") << "milder ones last, by the rule that held before";
  EXPECT_EQ(replay.changes[2].rule, "deprecated");
  EXPECT_EQ(replay.served_refused, 1U);
  EXPECT_EQ((replay.counts.at({Action::kAllow, Action::kBlock})), 2U);
  EXPECT_EQ((replay.counts.at({Action::kQuarantine, Action::kAllow})), 1U);
}

TEST_F(PolicyReplays, TheSamePolicyChangesNothing) {
  row("a", "1.0.0", {"license-changed"}, true);
  const std::string licence = rule("licence", "finding: license-changed", "block");
  EXPECT_TRUE(retry(licence, licence).changes.empty());
}

TEST_F(PolicyReplays, DecisionsCountUnderBothPolicies) {
  row("a", "1.0.0", {"license-changed"}, true);
  Decision approval;
  approval.name = "a";
  approval.versions = "1.0.0";
  approval.content_id = "aa:bb";
  approval.findings = {"license-changed:" + finding("license-changed").digest()};
  input_.decisions = {approval};
  EXPECT_TRUE(retry("", rule("licence", "finding: license-changed", "quarantine")).changes.empty());
}

TEST_F(PolicyReplays, OnlyWhatIsAskedAboutIsTold) {
  row("a", "1.0.0", {"license-changed"}, true);
  row("a", "2.0.0", {"license-changed"}, true);
  row("b", "1.0.0", {"license-changed"}, true);
  input_.wanted = [](const std::string& name, const std::string& version) {
    return name == "a" && version == "2.0.0";
  };
  const PolicyReplay replay = retry("", rule("licence", "finding: license-changed", "block"));
  EXPECT_EQ(replay.judged, 1U);
  ASSERT_EQ(replay.changes.size(), 1U);
  EXPECT_EQ(replay.changes[0].version, "2.0.0");
}

TEST_F(PolicyReplays, WhatIsServedAndWarnedOnlyIsNoRefusal) {
  row("a", "1.0.0", {"license-changed"}, true);
  const PolicyReplay replay = retry("", rule("licence", "finding: license-changed", "warn"));
  EXPECT_EQ(replay.changes.size(), 1U);
  EXPECT_EQ(replay.served_refused, 0U);
}

class NamingFeed final : public Feed {
 public:
  explicit NamingFeed(std::string package) : package_(std::move(package)) {}
  bool names(std::string_view package) const override { return package == package_; }
  std::vector<PackageHistory::Advisory> find(std::string_view package,
                                             std::string_view) const override {
    if (package != package_) return {};
    return {PackageHistory::Advisory{"MAL-1", "malware"}};
  }

 private:
  std::string package_;
};

// `listed` is named by the feed of today only, `cleared` by that of the day it was seen only.
TEST_F(PolicyReplays, AskTheFeedOfNow) {
  row("listed", "1.0.0", {}, true);
  row("cleared", "1.0.0", {"known-malware"}, true);
  const std::string malware = rule("malware", "finding: known-malware", "block");
  for (const bool full : {false, true}) {
    input_.full = full;
    input_.options.feed = std::make_shared<const NamingFeed>("listed");
    const PolicyReplay replay = retry("", malware);
    ASSERT_EQ(replay.changes.size(), 1U);
    EXPECT_EQ(replay.changes[0].name, "listed");
    EXPECT_EQ(replay.changes[0].after, Action::kBlock);
    input_.options.feed.reset();
    EXPECT_TRUE(retry("", malware).changes.empty()) << "no feed, no malware";
  }
}

// 1.1.0 adds a dependency, 1.2.0 has it too. While 1.1.0 may be a baseline, 1.2.0 adds nothing; a
// policy that holds 1.1.0 makes 1.0.0 the baseline, and 1.2.0 adds the dependency after all.
TEST_F(PolicyReplays, AnotherBaselineMakesOtherFindings) {
  const std::string with = R"(,"dependencies":{"x":"^1.0.0"})";
  auto snapshot = snapshot_of({{"1.0.0", 90, ""}, {"1.1.0", 20, with}, {"1.2.0", 10, with}});
  for (const char* version : {"1.0.0", "1.1.0", "1.2.0"}) inspect(*snapshot, version);
  const std::shared_ptr<const PackageSnapshot> stored = snapshot;
  input_.snapshot = [stored](const std::string&) -> Result<std::shared_ptr<const PackageSnapshot>> {
    return stored;
  };
  const auto old = policy_of("");
  Judge judge(stored, old, {}, input_.options, kNow);
  for (const char* version : {"1.0.0", "1.1.0", "1.2.0"}) {
    const Judged* judged = judge.of(version);
    ReleaseRow row;
    row.name = "pkg";
    row.version = version;
    row.content_id = judged->subject.content_id;
    row.subject = judged->subject;
    row.findings = judged->findings;
    row.served = true;
    row.seen = kNow;
    ASSERT_TRUE(store_->put_release_row(row));
  }
  const PolicyReplay replay =
      retry("", rule("dependencies", "finding: dependency-added", "quarantine"));
  EXPECT_GT(replay.rederived, 0U);
  ASSERT_EQ(replay.changes.size(), 2U);
  EXPECT_EQ(replay.changes[0].version, "1.1.0");
  EXPECT_EQ(replay.changes[1].version, "1.2.0") << "not in its stored findings";
  EXPECT_EQ(replay.served_refused, 2U);
}

}  // namespace
}  // namespace npmgate::testing
