// The policies under examples/ load without a problem, and do what their comments say.
#include <filesystem>
#include <set>

#include "policy_testing.h"

namespace npmgate::testing {
namespace {

using std::chrono::hours;

const std::filesystem::path kFolder =
    std::filesystem::path(NPM_GATE_SOURCE_DIR) / "examples/policies";

std::shared_ptr<const Policy> example(const std::string& name) {
  const PolicyResult result = load_policy_file((kFolder / name).string(), disk_reader(), kNow);
  EXPECT_TRUE(result.policy) << joined(result.problems);
  return result.policy ? result.policy : std::make_shared<const Policy>();
}

Verdict judge(const std::string& name, const Subject& subject,
              std::initializer_list<const char*> ids = {}) {
  return decide(*example(name), subject, findings_of(ids), {}, kNow);
}

TEST(Examples, EachFileLoadsAndIsTested) {
  const std::set<std::string> tested = {
      "cooldown-only.yaml",    "first-week.yaml",     "team.yaml",
      "strict-ci.yaml",        "release-freeze.yaml", "organisation.yaml",
      "organisation-base.yaml"};
  std::set<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    if (entry.path().extension() == ".yaml") found.insert(entry.path().filename());
  }
  EXPECT_EQ(found, tested);
  for (const std::string& name : found) {
    if (name == "organisation-base.yaml") continue;  // loaded by organisation.yaml
    EXPECT_EQ(joined(example(name)->warnings), "") << name;
  }
}

TEST(Examples, CooldownOnly) {
  const Subject young = subject_of("a", "1.0.0", hours{48});
  EXPECT_EQ(judge("cooldown-only.yaml", young).action, Action::kQuarantine);
  EXPECT_EQ(judge("cooldown-only.yaml", subject_of("a", "1.0.0", hours{72})).action,
            Action::kAllow);
  EXPECT_EQ(judge("cooldown-only.yaml", subject_of("@acme/a", "1.0.0", hours{48})).action,
            Action::kAllow);
  EXPECT_EQ(
      judge("cooldown-only.yaml", subject_of("a", "1.0.0", kDay * 9), {"known-malware"}).action,
      Action::kBlock);
}

TEST(Examples, FirstWeek) {
  const Verdict verdict = judge("first-week.yaml", subject_of("a", "1.0.0"),
                                {"install-script-added", "install-script-suspicious"});
  EXPECT_TRUE(verdict.served());
  EXPECT_EQ(verdict.would, Action::kQuarantine);
}

TEST(Examples, Team) {
  EXPECT_EQ(judge("team.yaml", subject_of("esbuild", "0.27.2", kDay * 2),
                  {"install-script-changed", "missing-git-tag"})
                .action,
            Action::kWarn)
      << "its waiver names this version";
  EXPECT_EQ(judge("team.yaml", subject_of("esbuild", "0.27.3", kDay * 2),
                  {"install-script-changed", "missing-git-tag"})
                .action,
            Action::kQuarantine);
  EXPECT_EQ(judge("team.yaml", subject_of("@acme/ui", "1.0.0", hours{1})).action, Action::kAllow);
  Subject licensed = subject_of("a", "1.0.0", kDay * 400);
  licensed.license = "AGPL-3.0-only";
  const Verdict told = decide(*example("team.yaml"), licensed, {}, {}, kNow);
  EXPECT_EQ(told.action, Action::kWarn);
  EXPECT_TRUE(told.warn_clients);
}

TEST(Examples, StrictCi) {
  Subject subject = subject_of("a", "1.0.0", kDay * 5);
  EXPECT_EQ(judge("strict-ci.yaml", subject).action, Action::kQuarantine)
      << "a week for everything";
  subject.popular = true;
  EXPECT_EQ(judge("strict-ci.yaml", subject).action, Action::kAllow)
      << "three days for what everybody watches";
  EXPECT_EQ(
      judge("strict-ci.yaml", subject_of("a", "1.0.0", kDay * 60), {"install-script-added"}).action,
      Action::kQuarantine)
      << "waits for an approval, however old";
  EXPECT_EQ(
      judge("strict-ci.yaml", subject_of("a", "1.0.0", kDay * 60), {"exotic-dependency"}).action,
      Action::kBlock);
}

TEST(Examples, ReleaseFreeze) {
  Subject subject = subject_of("a", "1.0.0");
  subject.age_start = at("2027-01-10");
  const auto policy = example("release-freeze.yaml");
  EXPECT_EQ(decide(*policy, subject, {}, {}, at("2027-03-01")).action, Action::kQuarantine);
  subject.name = "@acme/hotfix";
  EXPECT_EQ(decide(*policy, subject, {}, {}, at("2027-03-01")).action, Action::kAllow);
  subject = subject_of("a", "1.0.0", kDay * 3);
  EXPECT_EQ(decide(*policy, subject, {}, {}, kNow).action, Action::kAllow);
}

TEST(Examples, Organisation) {
  const auto policy = example("organisation.yaml");
  EXPECT_GT(policy->rules.size(), 2U);
  EXPECT_EQ(judge("organisation.yaml", subject_of("request", "2.88.2", kDay * 900)).action,
            Action::kWarn)
      << "of the list file";
  const Verdict trial =
      judge("organisation.yaml", subject_of("a", "1.0.0", kDay * 2), {"sensitive-access-added"});
  EXPECT_TRUE(trial.served());
  EXPECT_EQ(trial.would, Action::kQuarantine) << "a rule on trial";
}

}  // namespace
}  // namespace npmgate::testing
