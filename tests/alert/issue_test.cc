#include "alert/issue.h"

#include "tests/alert/alert_testing.h"

namespace npmgate {
namespace {

using test::bad_release;
using test::message_of;
using test::of_kind;

IssueRecord record(const std::string& version, std::int64_t number, const std::string& state,
                   const std::string& name = "coa") {
  return {"veged/coa", name, version, number, state, Time{}};
}

TEST(PlanIssues, SeveralReleasesShareOneNewIssue) {
  const IssuePlan plan =
      plan_issues({bad_release("coa", "2.0.3"), bad_release("coa", "2.0.4")}, {});
  EXPECT_EQ(plan.create.size(), 2U);
  EXPECT_TRUE(plan.comments.empty());
}

TEST(PlanIssues, AFurtherReleaseJoinsTheOpenIssueOfItsPackage) {
  const IssuePlan plan = plan_issues({bad_release("coa", "2.0.4")}, {record("2.0.3", 7, "open")});
  EXPECT_TRUE(plan.create.empty());
  ASSERT_EQ(plan.comments.size(), 1U);
  EXPECT_EQ(plan.comments[0].number, 7);
  EXPECT_FALSE(plan.comments[0].close);
}

TEST(PlanIssues, OtherPackagesAndClosedIssuesDoNotTakeIt) {
  EXPECT_EQ(
      plan_issues({bad_release("coa", "2.0.4")}, {record("1.2.9", 7, "open", "rc")}).create.size(),
      1U);
  EXPECT_EQ(
      plan_issues({bad_release("coa", "2.0.4")}, {record("2.0.3", 7, "cleared")}).create.size(),
      1U);
}

TEST(PlanIssues, AnIssueIsClosedWithTheLastOfItsReleases) {
  const std::vector<IssueRecord> known{record("2.0.3", 7, "open"), record("2.0.4", 7, "open")};
  const AlertEvent first = of_kind(EventKind::kCleared, "coa", "2.0.3");
  const AlertEvent second = of_kind(EventKind::kCleared, "coa", "2.0.4");
  EXPECT_FALSE(plan_issues({first}, known).comments.at(0).close);
  EXPECT_TRUE(plan_issues({first, second}, known).comments.at(0).close);
}

TEST(PlanIssues, WhatIsBackOpensItsIssueAgain) {
  const std::vector<IssueRecord> known{record("2.0.3", 7, "cleared"),
                                       record("2.0.4", 7, "cleared")};
  const IssuePlan back = plan_issues({bad_release("coa", "2.0.3")}, known);
  EXPECT_TRUE(back.create.empty());
  ASSERT_EQ(back.comments.size(), 1U);
  EXPECT_EQ(back.comments[0].number, 7);
  EXPECT_TRUE(back.comments[0].reopen);
  EXPECT_FALSE(back.comments[0].close);
  const IssuePlan open =
      plan_issues({bad_release("coa", "2.0.3")}, {known[0], record("2.0.4", 7, "open")});
  EXPECT_FALSE(open.comments.at(0).reopen);
}

TEST(PlanIssues, WhatAProjectNoLongerLocksIsOverForItOnce) {
  const AlertEvent dropped = of_kind(EventKind::kDropped, "coa", "2.0.3");
  const IssuePlan plan = plan_issues({dropped}, {record("2.0.3", 7, "open")});
  EXPECT_TRUE(plan.comments.at(0).close);
  const IssuePlan later =
      plan_issues({of_kind(EventKind::kCleared, "coa", "2.0.3")}, {record("2.0.3", 7, "cleared")});
  EXPECT_TRUE(later.comments.empty());
  EXPECT_NE(comment_text(message_of({dropped}), IssueAudience::kSubscriber).find("no longer locks"),
            std::string::npos);
}

TEST(PlanIssues, ADeletedIssueIsNotWrittenAgain) {
  const IssuePlan plan = plan_issues({bad_release("coa", "2.0.3")}, {record("2.0.3", 7, "gone")});
  EXPECT_TRUE(plan.create.empty());
  EXPECT_TRUE(plan.comments.empty());
}

TEST(PlanIssues, AFixIsTold) {
  AlertEvent fix = of_kind(EventKind::kFixed, "coa", "2.0.5");
  fix.fixes = "2.0.3";
  const IssuePlan plan = plan_issues({fix}, {record("2.0.3", 7, "open")});
  ASSERT_EQ(plan.comments.size(), 1U);
  EXPECT_FALSE(plan.comments[0].close);
  EXPECT_TRUE(plan_issues({fix}, {}).comments.empty());
  EXPECT_TRUE(plan_issues({of_kind(EventKind::kCleared, "coa", "9.9.9")}, {}).comments.empty());
}

TEST(IssueText, HelpsAMaintainerAndHidesWhoInstalled) {
  AlertEvent event = of_kind(EventKind::kRecall, "ua-parser-js", "0.7.29");
  event.holders = {{"ci-token", "10.0.0.7", "shop", "ci", event.at, false}};
  const IssueText text = issue_text(message_of({event}), IssueAudience::kMaintainer);
  EXPECT_EQ(text.title, "Release ua-parser-js@0.7.29 looks suspicious: install-script-added");
  for (const char* word : {"What was seen", "0.7.28", "node preinstall.js", "How to confirm",
                           "npm diff --diff=ua-parser-js@0.7.28", "How to close"})
    EXPECT_NE(text.body.find(word), std::string::npos) << word;
  for (const char* word : {"ci-token", "10.0.0.7", "shop", "npm.corp.example"})
    EXPECT_EQ(text.body.find(word), std::string::npos) << word;
  EXPECT_NE(issue_text(message_of({event}), IssueAudience::kTeam).body.find("10.0.0.7"),
            std::string::npos);
  EXPECT_EQ(issue_text(message_of({event}), IssueAudience::kSubscriber).body.find("10.0.0.7"),
            std::string::npos);
}

TEST(IssueText, KeepsToItselfWhatTheGateCouldNotHave) {
  AlertEvent event = bad_release();
  event.findings.push_back(
      {"evidence-unavailable", "low", "git.corp.example did not answer", "{}"});
  EXPECT_EQ(
      issue_text(message_of({event}), IssueAudience::kMaintainer).body.find("git.corp.example"),
      std::string::npos);
}

TEST(IssueText, APackageCannotMentionLinkOrBreakOut) {
  AlertEvent event = bad_release();
  event.findings[0].message = "hook runs ``` @security-team <img src=x> [a](https://evil.example)";
  event.findings[0].proof = "```\n# Heading\n@everyone";
  event.publisher = "`@bob`";
  const std::string body = issue_text(message_of({event}), IssueAudience::kMaintainer).body;
  EXPECT_EQ(body.find("<img"), std::string::npos);
  EXPECT_EQ(body.find("[a]("), std::string::npos);
  EXPECT_EQ(body.find("**\n@"), std::string::npos);
  EXPECT_NE(body.find("````json\n```\n# Heading\n@everyone\n````"), std::string::npos) << body;
}

TEST(IssueText, AWormStaysBelowGitHubsLimit) {
  std::vector<AlertEvent> events;
  for (int i = 0; i < 300; ++i) {
    events.push_back(bad_release("worm-" + std::to_string(i), "1.0.1"));
    events.back().findings[0].proof = std::string(5000, 'x');
  }
  const IssueText text = issue_text(message_of(events), IssueAudience::kTeam);
  EXPECT_LT(text.body.size(), 65'536U);
  EXPECT_NE(text.body.find("more releases"), std::string::npos);
  EXPECT_EQ(text.title,
            "300 releases of worm-0, worm-1 and 298 more packages look suspicious: "
            "install-script-added");
}

// GitHub answers a longer body with 422, and nobody would be told.
TEST(IssueText, APackageCannotGrowItBeyondGitHubsLimit) {
  std::vector<AlertEvent> events;
  for (int i = 0; i < 60; ++i) {
    AlertEvent event = bad_release("worm-" + std::to_string(i), "1.0.1");
    event.findings.assign(100, {"install-script-added", "high", std::string(5000, '@'),
                                std::string(1500, '\x01') + std::string(5000, 'x')});
    event.holders.assign(50, {std::string(300, 't'), "10.0.0.7", "", "ci", event.at, false});
    events.push_back(std::move(event));
  }
  for (const std::size_t count : {std::size_t{1}, events.size()}) {
    const AlertMessage message = message_of({events.begin(), events.begin() + count});
    for (const IssueAudience audience :
         {IssueAudience::kMaintainer, IssueAudience::kSubscriber, IssueAudience::kTeam}) {
      EXPECT_LT(issue_text(message, audience).body.size(), 65'000U) << count;
      EXPECT_LT(comment_text(message, audience).size(), 65'000U) << count;
    }
    EXPECT_NE(issue_text(message, IssueAudience::kTeam).body.find("more findings"),
              std::string::npos);
  }
}

}  // namespace
}  // namespace npmgate
