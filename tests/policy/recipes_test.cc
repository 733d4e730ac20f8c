// The recipes of docs/policy.md: each is loaded as it stands there and does what its text promises.
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "policy_testing.h"

namespace npmgate::testing {
namespace {

using std::chrono::hours;

// Recipe "8.N" -> its YAML.
const std::map<std::string, std::string>& recipes() {
  static const auto all = [] {
    std::ifstream in(std::filesystem::path(NPM_GATE_SOURCE_DIR) / "docs/policy.md");
    std::map<std::string, std::string> found;
    std::string line, number;
    bool inside = false;
    while (std::getline(in, line)) {
      if (line.starts_with("### 8.")) number = line.substr(4, line.find(' ', 4) - 4);
      if (line.starts_with("```")) {
        inside = line == "```yaml" && !number.empty();
      } else if (inside) {
        found[number] += line + "\n";
      }
    }
    return found;
  }();
  return all;
}

std::shared_ptr<const Policy> recipe(const std::string& number) {
  return policy_of(recipes().at(number));
}

Verdict judge(const std::string& number, const Subject& subject,
              std::initializer_list<const char*> ids = {}) {
  return decide(*recipe(number), subject, findings_of(ids), {}, kNow);
}
Action action(const std::string& number, const Subject& subject,
              std::initializer_list<const char*> ids = {}) {
  return judge(number, subject, ids).action;
}

TEST(Recipes, ThereAreTenAndEachLoadsWithoutAWarning) {
  std::set<std::string> numbers;
  for (const auto& [number, text] : recipes()) {
    numbers.insert(number);
    EXPECT_EQ(joined(recipe(number)->warnings), "") << number;
  }
  EXPECT_EQ(numbers, (std::set<std::string>{"8.1", "8.2", "8.3", "8.4", "8.5", "8.6", "8.7", "8.8",
                                            "8.9", "8.10"}));
}

TEST(Recipes, WaitADayButNotForOurOwn) {
  const Verdict young = judge("8.1", subject_of("a", "1.0.0", hours{23}));
  EXPECT_EQ(young.action, Action::kQuarantine);
  EXPECT_EQ(young.ends, kNow + hours{1}) << "ends by itself";
  EXPECT_TRUE(young.baseline_fit) << "a cooldown holds no baseline back";
  EXPECT_EQ(action("8.1", subject_of("a", "1.0.0", hours{24})), Action::kAllow);
  EXPECT_EQ(action("8.1", subject_of("@acme/ui", "1.0.0", hours{1})), Action::kAllow);
  EXPECT_EQ(action("8.1", subject_of("acme-cli", "1.0.0", hours{1})), Action::kAllow);
  EXPECT_EQ(action("8.1", subject_of("acme-cli2", "1.0.0", hours{1})), Action::kQuarantine);
}

TEST(Recipes, TryForAWeekWithoutHolding) {
  const Verdict verdict =
      judge("8.2", subject_of("a", "1.0.0", kDay * 3), {"install-script-added"});
  EXPECT_EQ(verdict.action, Action::kAllow);
  EXPECT_EQ(verdict.would, Action::kQuarantine) << "recorded";
  EXPECT_EQ(action("8.2", subject_of("a", "1.0.0", kDay * 3), {"integrity-mismatch"}),
            Action::kBlock)
      << "wrong bytes are refused in this mode too";
}

TEST(Recipes, TheShapeOfATakeover) {
  const Subject young = subject_of("a", "1.0.0", kDay * 3);
  EXPECT_EQ(action("8.3", young, {"install-script-added", "missing-git-tag"}), Action::kQuarantine);
  EXPECT_EQ(action("8.3", young, {"install-script-added"}), Action::kWarn) << "one sign warns";
  EXPECT_EQ(action("8.3", young, {"new-maintainer-published"}), Action::kWarn);
  EXPECT_EQ(action("8.3", young, {"provenance-lost"}), Action::kAllow);
  EXPECT_EQ(action("8.3", subject_of("a", "1.0.0", kDay * 14),
                   {"install-script-added", "missing-git-tag"}),
            Action::kAllow);
}

TEST(Recipes, NobodyRunsNewCodeUnseen) {
  const Subject old = subject_of("a", "1.0.0", kDay * 900);
  const auto findings = findings_of({"bin-shadows-command"});
  const Verdict held = decide(*recipe("8.4"), old, findings, {}, kNow);
  EXPECT_EQ(held.action, Action::kQuarantine) << "however old";
  EXPECT_EQ(held.ends, std::nullopt) << "waits for an approval";
  const Decision approval = approval_of(old, findings);
  EXPECT_TRUE(decide(*recipe("8.4"), old, findings, {&approval, 1}, kNow).served());
  EXPECT_EQ(action("8.4", subject_of("esbuild", "0.27.2"), {"install-script-changed"}),
            Action::kAllow);
  EXPECT_EQ(action("8.4", subject_of("esbuild", "0.27.3"), {"install-script-changed"}),
            Action::kQuarantine)
      << "the next version is judged afresh";
}

TEST(Recipes, RarePackagesWaitLonger) {
  Subject subject = subject_of("a", "1.0.0", kDay * 3);
  EXPECT_EQ(action("8.5", subject), Action::kQuarantine);
  subject.popular = true;
  EXPECT_EQ(action("8.5", subject), Action::kAllow);
  subject = subject_of("a", "1.0.0", hours{12});
  subject.popular = true;
  EXPECT_EQ(action("8.5", subject), Action::kQuarantine);
  EXPECT_EQ(action("8.5", subject_of("a", "1.0.0", kDay * 7)), Action::kAllow);
}

TEST(Recipes, OnlyWhatARegistryServes) {
  const Subject old = subject_of("a", "1.0.0", kDay * 900);
  EXPECT_EQ(action("8.6", old, {"exotic-dependency"}), Action::kBlock);
  EXPECT_EQ(action("8.6", old, {"shrinkwrap-included"}), Action::kBlock);
  const auto findings = findings_of({"exotic-dependency"});
  const Decision approval = approval_of(old, findings);
  EXPECT_EQ(decide(*recipe("8.6"), old, findings, {&approval, 1}, kNow).action, Action::kBlock)
      << "a block cannot be approved";
  EXPECT_EQ(action("8.6", old, {"dependency-added"}), Action::kAllow);
}

TEST(Recipes, BuiltInPublicStaysSo) {
  EXPECT_EQ(action("8.7", subject_of("a", "1.0.0", kDay * 900), {"signature-invalid"}),
            Action::kBlock);
  EXPECT_EQ(action("8.7", subject_of("a", "1.0.0", kDay * 20), {"provenance-lost"}),
            Action::kQuarantine);
  EXPECT_EQ(action("8.7", subject_of("a", "1.0.0", kDay * 20), {"signature-missing"}),
            Action::kQuarantine);
  EXPECT_EQ(action("8.7", subject_of("a", "1.0.0", kDay * 31), {"provenance-lost"}),
            Action::kAllow);
}

TEST(Recipes, LicencesAreToldToDevelopers) {
  Subject subject = subject_of("a", "1.0.0", kDay * 900);
  subject.license = "AGPL-3.0-only";
  const Verdict told = decide(*recipe("8.8"), subject, {}, {}, kNow);
  EXPECT_EQ(told.action, Action::kWarn);
  EXPECT_TRUE(told.warn_clients);
  subject.license = "LGPL-3.0";
  EXPECT_EQ(action("8.8", subject), Action::kAllow);
  subject = subject_of("@acme/a", "1.0.0", kDay * 900);
  subject.license = "GPL-3.0-only";
  EXPECT_EQ(action("8.8", subject), Action::kAllow) << "our own";
}

TEST(Recipes, AFreezeBeforeABigDay) {
  const auto policy = recipe("8.9");
  Subject subject = subject_of("a", "1.0.0");
  const Time later = at("2027-03-01");
  subject.age_start = at("2027-01-04T18:00:00Z");
  EXPECT_EQ(decide(*policy, subject, {}, {}, later).action, Action::kQuarantine);
  EXPECT_EQ(decide(*policy, subject, {}, {}, later).ends, std::nullopt);
  subject.age_start -= Millis{1};
  EXPECT_EQ(decide(*policy, subject, {}, {}, later).action, Action::kAllow) << "of before";
  subject.age_start = later;
  subject.name = "@acme/hotfix";
  EXPECT_EQ(decide(*policy, subject, {}, {}, later).action, Action::kAllow);
  EXPECT_EQ(decide(*policy, subject, findings_of({"known-malware"}), {}, later).action,
            Action::kBlock);
}

TEST(Recipes, ANoisyPackageExcusedABadRangeRefused) {
  Subject core = subject_of("core-js", "3.50.0", kDay * 3);
  core.same_publisher_and_hooks = true;
  EXPECT_EQ(action("8.10", core, {"network-endpoint-added"}), Action::kAllow);
  core.same_publisher_and_hooks = false;
  EXPECT_EQ(action("8.10", core, {"network-endpoint-added"}), Action::kQuarantine)
      << "only while publisher and hooks stay what they were";
  EXPECT_EQ(action("8.10", subject_of("a", "1.0.0", kDay * 3), {"network-endpoint-added"}),
            Action::kQuarantine);
  EXPECT_EQ(action("8.10", subject_of("left-pad", "1.2.9", kDay * 3000)), Action::kBlock);
  EXPECT_EQ(action("8.10", subject_of("left-pad", "1.3.0", kDay * 3000)), Action::kAllow);
}

}  // namespace
}  // namespace npmgate::testing
