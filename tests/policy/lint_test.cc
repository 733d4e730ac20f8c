// What is valid and hardly meant, and ranges that say less than they seem to.
#include "policy/strict_range.h"

#include "policy_testing.h"

namespace npmgate::testing {
namespace {

TEST(StrictRange, TakesWhatSaysWhatItMeans) {
  for (const char* range :
       {"*", "1", "1.2.x", "v1.2.3", "=1.2.3", "^1.2.3-beta.1", "~> 1.2", ">= 1 <2",
        ">=1.2.3-0 <2.0.0+build", "1.2 - 1.4", "^1 || ^2.1 || 3.x", "X"})
    EXPECT_EQ(check_range(range), "") << range;
}

TEST(StrictRange, RefusesWhatNpmGuessesAt) {
  for (const char* range :
       {"", " ", ">=1.2 <", "<", "^1 ||", "|| ^1", "^1 || || ^2", "1.2.3.4", "latest", ">=1 and <2",
        "1.2-rc", ">>1", "1 - ", "^1,<2", "1..2", ">=1.2 < "})
    EXPECT_NE(check_range(range), "") << range;
}

struct Remark {
  const char* name;
  const char* rule;  // the condition of rule r
  const char* says;  // "" = nothing
};
class Lint : public ::testing::TestWithParam<Remark> {};

TEST_P(Lint, Says) {
  const auto policy = policy_of(
      rules_text(std::string("  - { id: r, when: ") + GetParam().rule + ", then: quarantine }\n"));
  const std::string said = joined(policy->warnings);
  if (*GetParam().says == '\0') {
    EXPECT_EQ(said, "");
  } else {
    EXPECT_NE(said.find(GetParam().says), std::string::npos) << said;
    EXPECT_TRUE(said.starts_with("policy.yaml:3:")) << said;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Rows, Lint,
    ::testing::Values(
        Remark{"Ages", "{ older_than: 14d, younger_than: 3d }", "can never match: older than"},
        Remark{"AgesBelow", "{ older_than: 3d, all: [{ younger_than: 3d }] }", "can never match"},
        Remark{"AgesThatOverlap", "{ older_than: 3d, younger_than: 14d }", ""},
        Remark{"AgesOfAlternatives", "{ any: [{ older_than: 14d }, { younger_than: 3d }] }", ""},
        Remark{"Popular", "{ popular: true, all: [{ popular: false }] }",
               "popular and not popular"},
        Remark{"Names", "{ package: [a, b], all: [{ package: c }] }", "no package is in both"},
        Remark{"NamesThatMeet", "{ package: [a, b], all: [{ package: [b, c] }] }", ""},
        Remark{"ScopeWithoutSlash", "{ package: \"@acme*\" }", "write '@acme/*'"},
        Remark{"Scope", "{ package: \"@acme/*\" }", ""},
        Remark{"NotEverything", "{ younger_than: 3d, not: { package: \"*\" } }",
               "excepts everything"},
        Remark{"NotAnyOfEverything",
               "{ younger_than: 3d, not: { any: [{ package: a }, { version: \"*\" }] } }",
               "excepts everything"},
        Remark{"NotSome", "{ younger_than: 3d, not: { package: \"@acme/*\" } }", ""}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(Lint, NoRulesAreSaid) {
  EXPECT_NE(joined(policy_of("version: 1\n")->warnings).find("no rules"), std::string::npos);
}

TEST(Lint, ARangeThatSaysLessIsAnError) {
  const PolicyResult loaded =
      load(rules_text("  - { id: r, when: { version: \">=1.2 <\" }, then: block }\n"));
  EXPECT_FALSE(loaded.policy);
  EXPECT_NE(joined(loaded.problems).find("an operator stands before nothing"), std::string::npos)
      << joined(loaded.problems);
}

}  // namespace
}  // namespace npmgate::testing
