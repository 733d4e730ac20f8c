#include "alert/route.h"

#include "tests/alert/alert_testing.h"

namespace npmgate {
namespace {

using test::bad_release;
using test::of_kind;

std::shared_ptr<const NameSet> names(std::vector<std::string> texts) {
  auto set = std::make_shared<NameSet>();
  for (std::string& text : texts) set->add(std::move(text));
  set->seal();
  return set;
}

AlertSettings settings() {
  AlertSettings out;
  SinkSettings hook, github;
  hook.name = "hook";
  github.name = "issues";
  github.type = SinkType::kGithub;
  out.sinks = {hook, github};
  AlertRule rule;
  rule.sinks = {"hook", "issues"};
  out.rules = {rule};
  return out;
}

TEST(Routes, PackageRepositoriesAreOptIn) {
  AlertSettings with = settings();
  EXPECT_EQ(routes_of(with, bad_release()), (std::vector<Route>{{"hook", ""}}));
  with.sinks[1].packages = names({"ua-*"});
  EXPECT_EQ(routes_of(with, bad_release()),
            (std::vector<Route>{{"hook", ""}, {"issues", "fixtures/ua-parser-js"}}));
  EXPECT_EQ(routes_of(with, bad_release("coa", "2.0.3")).size(), 1U);
}

TEST(Routes, SubscribersHearFirst) {
  AlertSettings with = settings();
  with.sinks[1].subscribers = true;
  with.sinks[1].repositories = {"corp/security"};
  AlertEvent event = bad_release();
  event.projects = {"https://github.com/corp/shop", "https://gitlab.com/corp/other"};
  EXPECT_EQ(
      routes_of(with, event),
      (std::vector<Route>{{"issues", "corp/shop"}, {"hook", ""}, {"issues", "corp/security"}}));
}

TEST(Routes, RulesChooseByFindingPackageAndEvent) {
  AlertSettings with = settings();
  with.rules[0].findings.set(*finding_index("known-malware"));
  EXPECT_TRUE(routes_of(with, bad_release()).empty());
  AlertEvent malware = bad_release();
  malware.findings.push_back({"known-malware", "critical", "listed", "{}"});
  EXPECT_EQ(routes_of(with, malware).size(), 1U);
  // The end of it is news for the same sinks.
  EXPECT_EQ(routes_of(with, of_kind(EventKind::kCleared, "ua-parser-js", "0.7.29")).size(), 1U);

  with = settings();
  with.rules[0].packages = names({"@corp/*"});
  EXPECT_TRUE(routes_of(with, bad_release()).empty());
  EXPECT_EQ(routes_of(with, bad_release("@corp/x", "1.0.0")).size(), 1U);

  with = settings();
  with.rules[0].events = {EventKind::kRecall};
  EXPECT_TRUE(routes_of(with, bad_release()).empty());
  EXPECT_EQ(routes_of(with, of_kind(EventKind::kRecall, "a", "1.0.0")).size(), 1U);
}

TEST(Routes, TroubleOfTheGateIsForRulesAboutEverything) {
  AlertEvent event;
  event.kind = EventKind::kGate;
  event.sentence = "the policy file is refused";
  AlertSettings with = settings();
  EXPECT_EQ(routes_of(with, event).size(), 1U);
  with.rules[0].packages = names({"*"});
  EXPECT_TRUE(routes_of(with, event).empty());
}

TEST(Routes, TwoRulesMakeOneMessage) {
  AlertSettings with = settings();
  with.rules.push_back(with.rules[0]);
  EXPECT_EQ(routes_of(with, bad_release()).size(), 1U);
}

struct RepositoryRow {
  const char *web, *url, *expected;
};
class RepositoryBelow : public ::testing::TestWithParam<RepositoryRow> {};
INSTANTIATE_TEST_SUITE_P(
    Table, RepositoryBelow,
    ::testing::Values(
        RepositoryRow{"https://github.com/", "git+ssh://git@github.com/a/b.git", "a/b"},
        RepositoryRow{"https://github.com/", "github:a/b", "a/b"},
        RepositoryRow{"https://github.com/", "https://gitlab.com/a/b", ""},
        RepositoryRow{"https://github.com/", "https://github.com/a/b/tree/main/c", "a/b"},
        RepositoryRow{"https://github.com/", "https://github.com/a/b/c", ""},
        RepositoryRow{"https://git.corp.example/", "https://git.corp.example/a/b", "a/b"},
        RepositoryRow{"https://github.com/", "https://github.com.evil.example/a/b", ""},
        RepositoryRow{"https://github.com/", "nonsense", ""},
        RepositoryRow{"https://github.com/", "", ""}));
TEST_P(RepositoryBelow, IsOwnerAndNameOnThatHostOnly) {
  EXPECT_EQ(repository_below(GetParam().web, GetParam().url), GetParam().expected);
}

}  // namespace
}  // namespace npmgate
