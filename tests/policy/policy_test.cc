// What good policies mean once loaded.
#include "policy/policy.h"

#include <filesystem>
#include <fstream>

#include "policy/condition.h"
#include "policy_testing.h"

namespace npmgate::testing {
namespace {

TEST(Policy, TheSmallestOneIsTheFloorAlone) {
  const auto policy = policy_of("version: 1\n");
  EXPECT_TRUE(policy->rules.empty());
  EXPECT_FALSE(policy->monitor);
  EXPECT_FALSE(policy->tell_clients);
  EXPECT_EQ(policy->file, "policy.yaml");
  EXPECT_EQ(policy->hash.size(), 16U);
}

TEST(Policy, TheExampleOfTheContractLoads) {
  const auto policy = policy_of(R"(
version: 1
mode: enforce                      # enforce | monitor
lists:
  popular: { builtin: popular }
rules:
  - id: known-malware
    when: { finding: known-malware }
    then: block
  - id: takeover
    when:
      all:
        - finding: [install-script-added, install-script-changed, install-script-target-changed, implicit-install-added,
                    bundled-install-script-added, bin-shadows-command]
        - any: [ { younger_than: 14d }, { finding: [missing-git-tag, new-maintainer-published] } ]
    then: quarantine
    message: "Runs new code on install. Ask #security."
  - id: cooldown
    when: { younger_than: 24h, not: { package: ["@acme/*"] } }
    then: quarantine
waivers:
  - package: esbuild@0.27.2
    rules: [takeover]
    reason: Installer of the platform binary, reviewed in SEC-412
    expires: 2027-03-01
)");
  ASSERT_EQ(policy->rules.size(), 3U);
  const Rule& takeover = policy->rules[1];
  EXPECT_EQ(takeover.id, "takeover");
  EXPECT_EQ(takeover.then, Action::kQuarantine);
  EXPECT_EQ(takeover.message, "Runs new code on install. Ask #security.");
  EXPECT_EQ(takeover.at.str(), "policy.yaml:10:5");
  EXPECT_FALSE(takeover.cooldown);
  ASSERT_EQ(takeover.when->kind, Condition::Kind::kAll);
  ASSERT_EQ(takeover.when->children.size(), 2U);
  EXPECT_EQ(takeover.when->children[0]->findings.count(), 6U);
  EXPECT_TRUE(policy->rules[2].cooldown);
  ASSERT_EQ(policy->waivers.size(), 1U);
  const Waiver& waiver = policy->waivers[0];
  EXPECT_EQ(waiver.package, "esbuild");
  EXPECT_EQ(waiver.versions_text, "0.27.2");
  EXPECT_TRUE(waiver.exact);
  EXPECT_EQ(waiver.expires, at("2027-03-01"));
  EXPECT_EQ(joined(policy->warnings), "policy.yaml:5:3: lists: no rule uses 'popular'\n");
}

TEST(Policy, SeveralKeysOfOneMapMustAllHold) {
  const auto policy = policy_of(rules_text(
      "  - { id: a, when: { popular: true, younger_than: 1d, license: [MIT, ISC] }, then: warn }\n"
      "  - { id: b, when: { popular: false }, then: warn }\n"));
  const Condition& both = *policy->rules[0].when;
  EXPECT_EQ(both.kind, Condition::Kind::kAll);
  EXPECT_EQ(both.children.size(), 3U);
  EXPECT_EQ(both.children[1]->duration, Millis(kDay));
  EXPECT_EQ(both.children[2]->values, (std::vector<std::string>{"MIT", "ISC"}));
  EXPECT_EQ(policy->rules[1].when->kind, Condition::Kind::kPopular);
  EXPECT_FALSE(policy->rules[1].when->flag);
}

struct CooldownRow {
  const char* when;
  bool cooldown;
};

TEST(Policy, ACooldownRuleHasAnAgeAndNoFinding) {
  for (const CooldownRow& row : std::initializer_list<CooldownRow>{
           {"{ younger_than: 1d }", true},
           {"{ not: { older_than: 1d } }", true},
           {"{ any: [{ younger_than: 1d }, { popular: true }] }", true},
           {"{ younger_than: 1d, finding: deprecated }", false},
           {"{ any: [{ younger_than: 1d }, { finding: deprecated }] }", false},
           {"{ popular: true }", false}}) {
    const auto policy =
        policy_of(rules_text(std::string("  - { id: a, when: ") + row.when + ", then: warn }\n"));
    EXPECT_EQ(policy->rules[0].cooldown, row.cooldown) << row.when;
  }
}

TEST(Policy, ListsComeFromTheFileFromFilesAndFromTheProgram) {
  const auto policy = policy_of(
      "version: 1\n"
      "lists:\n  near: [left-pad, \"@acme/*\"]\n  far: { file: sub/names.txt }\n  top: { builtin: "
      "popular }\n"
      "rules:\n"
      "  - { id: n, when: { package: { in: near } }, then: warn }\n"
      "  - { id: f, when: { package: [{ in: far }, extra] }, then: warn }\n"
      "  - { id: t, when: { package: { in: top } }, then: warn }\n",
      {{"sub/names.txt", "# ours\r\nalpha\r\n\n  beta-*\n"}});
  const auto matches = [&](std::size_t rule, const char* name) {
    return policy->rules[rule].when->names->matches(name);
  };
  EXPECT_TRUE(matches(0, "left-pad"));
  EXPECT_TRUE(matches(0, "@acme/x"));
  EXPECT_FALSE(matches(0, "@acmex/x"));
  EXPECT_TRUE(matches(1, "alpha"));
  EXPECT_TRUE(matches(1, "beta-7"));
  EXPECT_TRUE(matches(1, "extra"));
  EXPECT_FALSE(matches(1, "gamma"));
  EXPECT_TRUE(matches(2, "lodash"));
  EXPECT_FALSE(matches(2, "lodahs"));
  EXPECT_EQ(policy->rules[1].when->values, (std::vector<std::string>{"in: far", "extra"}));
}

TEST(Policy, IncludesMergeListsRulesAndWaivers) {
  const Files files = {
      {"team/rules.yaml",
       "version: 1\ninclude: names.yaml\nrules: [{ id: b, when: { package: { in: ours } }, then: "
       "block }]\n"
       "waivers: [{ package: x@1.0.0, rules: a, reason: ok, expires: 2027-01-01 }]\n"},
      {"team/names.yaml", "lists: { ours: { file: ours.txt } }\n"},
      {"team/ours.txt", "x\n"},
  };
  const std::string main =
      "version: 1\ninclude: [team/rules.yaml, ./team/../team/names.yaml]\n"
      "rules: [{ id: a, when: { package: { in: ours } }, then: warn }]\n";
  const auto policy = policy_of(main, files);
  ASSERT_EQ(policy->rules.size(), 2U);
  EXPECT_EQ(policy->rules[0].id, "a");
  EXPECT_EQ(policy->rules[1].id, "b");
  EXPECT_EQ(policy->rules[1].at.str(), "team/rules.yaml:3:9");
  EXPECT_EQ(policy->waivers.size(), 1U);
  EXPECT_TRUE(policy->rules[0].when->names->matches("x"));
}

TEST(Policy, TheHashCoversEveryFileAndNothingElse) {
  const std::string main = "version: 1\ninclude: b.yaml\n";
  const Files files = {{"b.yaml", "lists: { l: { file: l.txt } }\n"}, {"l.txt", "x\n"}};
  const std::string hash = policy_of(main, files)->hash;
  EXPECT_EQ(policy_of(main, files)->hash, hash);
  EXPECT_EQ(load_policy(main, "other.yaml", reader_of(files), kNow + kDay).policy->hash, hash);
  EXPECT_NE(policy_of(main + "# x\n", files)->hash, hash);
  Files changed = files;
  changed["b.yaml"] += "# x\n";
  EXPECT_NE(policy_of(main, changed)->hash, hash);
  changed = files;
  changed["l.txt"] += "y\n";
  EXPECT_NE(policy_of(main, changed)->hash, hash);
}

TEST(Policy, MonitorPerPolicyPerFileAndPerRule) {
  const Files files = {
      {"b.yaml", "mode: monitor\nrules: [{ id: b, when: { popular: true }, then: block }]\n"}};
  const std::string rules =
      "include: b.yaml\nrules:\n  - { id: a, when: { popular: true }, then: block, mode: monitor "
      "}\n"
      "  - { id: c, when: { popular: true }, then: block, mode: enforce }\n";
  const auto enforced = policy_of("version: 1\n" + rules, files);
  EXPECT_FALSE(enforced->monitor);
  EXPECT_TRUE(enforced->rules[0].monitor);
  EXPECT_FALSE(enforced->rules[1].monitor);
  EXPECT_TRUE(enforced->rules[2].monitor) << "of the included file that only monitors";
  const auto monitored = policy_of("version: 1\nmode: monitor\n" + rules, files);
  EXPECT_TRUE(monitored->monitor);
  EXPECT_FALSE(monitored->rules[1].monitor);
}

TEST(Policy, TellClientsPerFileAndPerRule) {
  EXPECT_TRUE(policy_of("version: 1\ntell: clients\n")->tell_clients);
  const auto policy =
      policy_of(rules_text("  - { id: a, when: { popular: true }, then: warn, tell: clients }\n"
                           "  - { id: b, when: { popular: true }, then: warn }\n"));
  EXPECT_FALSE(policy->tell_clients);
  EXPECT_TRUE(policy->rules[0].tell_clients);
  EXPECT_FALSE(policy->rules[1].tell_clients);
}

struct WaiverRow {
  const char* package;
  const char* name;
  const char* versions;
  bool exact, glob;
};

TEST(Policy, WhatAWaiverIsFor) {
  for (const WaiverRow& row :
       std::initializer_list<WaiverRow>{{"esbuild@0.27.2", "esbuild", "0.27.2", true, false},
                                        {"esbuild@=0.27.2", "esbuild", "=0.27.2", true, false},
                                        {"@acme/x@1.0.0", "@acme/x", "1.0.0", true, false},
                                        {"@acme/x", "@acme/x", "", false, false},
                                        {"@acme/x@^1", "@acme/x", "^1", false, false},
                                        {"@acme/*", "@acme/*", "", false, true},
                                        {"@acme/*@1.0.0", "@acme/*", "1.0.0", false, true},
                                        {"lodash@>=4 <5", "lodash", ">=4 <5", false, false}}) {
    const auto policy =
        policy_of(std::string("version: 1\nwaivers:\n  - package: \"") + row.package +
                  "\"\n    findings: deprecated\n    reason: ok\n    expires: 2027-01-01\n");
    ASSERT_EQ(policy->waivers.size(), 1U) << row.package;
    const Waiver& waiver = policy->waivers[0];
    EXPECT_EQ(waiver.package, row.name);
    EXPECT_EQ(waiver.versions_text, row.versions);
    EXPECT_EQ(waiver.exact, row.exact) << row.package;
    EXPECT_EQ(waiver.is_glob, row.glob) << row.package;
  }
}

TEST(Policy, WhatHasExpiredLoadsWithAWarning) {
  const auto policy = policy_of(
      "version: 1\n"
      "waivers:\n  - package: a\n    findings: deprecated\n    reason: ok\n    expires: "
      "2026-11-24T12:00:00Z\n"
      "break_glass:\n  - { reason: deploy, by: alice, until: 2026-11-24T11:59:00Z }\n"
      "  - { reason: deploy, by: alice, until: 2026-11-24T13:00:00Z, packages: [x, y] }\n"
      "  - { reason: deploy, by: alice, until: 2026-11-24T13:00:00Z }\n");
  EXPECT_EQ(
      joined(policy->warnings),
      "policy.yaml:1:1: no rules: whatever was inspected and passes the floor is served\n"
      "policy.yaml:6:14: waiver for 'a' expired 2026-11-24 12:00 UTC and is not applied\n"
      "policy.yaml:8:5: break_glass ended 2026-11-24 11:59 UTC and is not applied\n"
      "policy.yaml:9:5: break_glass: 'x' and others is served unjudged until 2026-11-24 13:00 UTC\n"
      "policy.yaml:10:5: break_glass: everything is served unjudged until 2026-11-24 13:00 UTC\n");
}

TEST(Policy, TheFreezeIsARule) {
  const auto plain = policy_of("version: 1\nfreeze: 2026-12-01\n");
  ASSERT_EQ(plain->rules.size(), 1U);
  EXPECT_EQ(plain->rules[0].id, "freeze");
  EXPECT_EQ(plain->rules[0].then, Action::kQuarantine);
  EXPECT_TRUE(plain->rules[0].cooldown);
  EXPECT_EQ(plain->rules[0].at.str(), "policy.yaml:2:9");
  const auto waived = policy_of(
      "version: 1\nfreeze: { date: 2026-12-01T08:00:00Z, except: [\"@acme/*\"] }\n"
      "waivers: [{ package: x@1.0.0, rules: freeze, reason: hotfix, expires: 2027-01-01 }]\n");
  ASSERT_EQ(waived->rules.size(), 1U);
  EXPECT_EQ(waived->rules[0].when->children.size(), 2U);
}

TEST(Policy, ConditionKeysAreEachReadable) {
  const std::map<std::string_view, std::string> samples = {{"all", "[{ popular: true }]"},
                                                           {"any", "[{ popular: true }]"},
                                                           {"not", "{ popular: true }"},
                                                           {"finding", "deprecated"},
                                                           {"severity", "high"},
                                                           {"new", "true"},
                                                           {"package", "x"},
                                                           {"version", "\">=1\""},
                                                           {"younger_than", "1d"},
                                                           {"older_than", "1d"},
                                                           {"has_install_script", "true"},
                                                           {"publisher", "alice"},
                                                           {"license", "\"GPL*\""},
                                                           {"provenance", "{ verified: true }"},
                                                           {"lowest_risk", "true"},
                                                           {"upstream", "public"},
                                                           {"popular", "false"}};
  for (const ConditionKey& row : condition_keys()) {
    const std::string key(row.key);
    ASSERT_TRUE(samples.contains(row.key)) << key;
    const std::string condition = "{ " + key + ": " + samples.at(row.key) + " }";
    const PolicyResult loaded =
        load(rules_text("  - { id: a, when: " + condition + ", then: warn }\n"));
    // One stands under `not` only.
    EXPECT_EQ(loaded.policy != nullptr, row.kind != Condition::Kind::kLowestRisk) << key;
    if (loaded.policy) {
      EXPECT_EQ(loaded.policy->rules[0].when->kind, row.kind) << key;
    }
    const PolicyResult negated =
        load(rules_text("  - { id: a, when: { not: " + condition + " }, then: warn }\n"));
    EXPECT_EQ(negated.policy != nullptr, row.under_not) << key;
  }
  EXPECT_EQ(condition_keys().size(), samples.size());
}

TEST(Policy, FindingSetsFollowTheOneListOfKinds) {
  const auto kinds = finding_kinds();
  ASSERT_LE(kinds.size(), FindingSet().size()) << "raise FindingSet in name_set.h";
  for (std::size_t i = 0; i < kinds.size(); ++i) EXPECT_EQ(finding_index(kinds[i].id), i);
  EXPECT_EQ(finding_index("nonsense"), std::nullopt);
  FindingSet set;
  set.set(2).set(0);
  EXPECT_EQ(finding_ids(set),
            (std::vector<std::string>{std::string(kinds[0].id), std::string(kinds[2].id)}));
}

TEST(Policy, PopularPackagesAreSortedNamesAndNothingElse) {
  const auto names = popular_packages();
  EXPECT_EQ(names.size(), 8000U);
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
  for (const std::string& name : names) ASSERT_EQ(check_name_or_glob(name), "") << name;
  for (const char* known : {"react", "lodash", "@babel/core", "chalk", "axios", "core-js"}) {
    EXPECT_TRUE(std::binary_search(names.begin(), names.end(), known)) << known;
  }
}

TEST(Policy, ReadsFilesFromDisk) {
  const auto folder = std::filesystem::path(::testing::TempDir()) / "npm-gate-policy-test";
  std::filesystem::create_directories(folder / "sub");
  const auto write = [&](const char* name, std::string_view text) {
    std::ofstream(folder / name) << text;
  };
  write("policy.yaml", "version: 1\ninclude: sub/more.yaml\n");
  write("sub/more.yaml",
        "lists: { l: { file: names.txt } }\nrules: [{ id: r, when: { package: { in: l } }, then: "
        "warn }]\n");
  write("sub/names.txt", "left-pad\n");
  const PolicyResult good =
      load_policy_file((folder / "policy.yaml").string(), disk_reader(), kNow);
  ASSERT_TRUE(good.policy) << joined(good.problems);
  EXPECT_TRUE(good.policy->rules.at(0).when->names->matches("left-pad"));
  EXPECT_FALSE(disk_reader()((folder / "sub").string())) << "a directory";
  EXPECT_FALSE(disk_reader()((folder / "none").string()));
  std::filesystem::remove_all(folder);
}

TEST(NameSets, WhatIsANameOrAGlob) {
  for (const char* good :
       {"a", "@acme/x", "@acme/*", "*", "lodash.*", "JSONStream", "x?z", "@*/types"}) {
    EXPECT_EQ(check_name_or_glob(good), "") << good;
  }
  for (const char* bad : {"", " ", "a b", "a/b", "@acme", "a@1", "*@1", "a/*/b", "\xc3\xa4*",
                          "[a]*", ".x", "node_modules"}) {
    EXPECT_NE(check_name_or_glob(bad), "") << bad;
  }
}

}  // namespace
}  // namespace npmgate::testing
