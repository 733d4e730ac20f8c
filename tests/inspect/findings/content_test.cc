// What files hold that the baseline's do not; dependencies.
#include <gtest/gtest.h>

#include "tests/inspect/findings/package_builder.h"

namespace npmgate {
namespace {

using testing::at;
using testing::before;
using testing::describe;
using testing::Package;
using testing::package;
using testing::proof_of;
using testing::Scene;
using testing::with_endpoints;
using testing::with_traits;
using Ids = std::set<std::string>;

// --- obfuscation ---

struct Shape {
  std::uint64_t size = 1000;
  double entropy = 5.0;
  std::uint32_t longest_line = 100, hex_escapes = 0, names = 0, literal = 0;
  std::vector<std::string> traits = {};
};
CodeFeatures features_of(const Shape& shape) {
  CodeFeatures features;
  features.entropy = shape.entropy;
  features.longest_line = shape.longest_line;
  features.hex_escapes = shape.hex_escapes;
  features.obfuscator_names = shape.names;
  features.longest_literal = shape.literal;
  features.traits = shape.traits;
  return features;
}

struct ObfuscationRow {
  const char* name;
  std::optional<Shape> was;  // of another file of the baseline
  Shape now;
  std::vector<std::string> measured;
};
class Obfuscation : public ::testing::TestWithParam<ObfuscationRow> {};

TEST_P(Obfuscation, IsMeasuredAgainstTheBaseline) {
  const ObfuscationRow& row = GetParam();
  Package was = before().code("index.js", "0", features_of({}));
  if (row.was) was.code("dist/old.js", "1", features_of(*row.was), row.was->size);
  const Scene scene(was, package()
                             .code("index.js", "0", features_of({}))
                             .code("dist/new.js", "2", features_of(row.now), row.now.size));
  std::vector<std::string> measured;
  for (const Finding& finding : scene.of("obfuscated-code-added")) {
    for (const auto& member : finding.proof.at("files").at(0).at("measured").as_object()) {
      measured.emplace_back(member.key());
    }
  }
  EXPECT_EQ(measured, row.measured) << describe(scene.findings());
}

INSTANTIATE_TEST_SUITE_P(
    All, Obfuscation,
    ::testing::Values(
        ObfuscationRow{"ordinary", {}, {}, {}},
        ObfuscationRow{"minified_bundle",
                       {},
                       {.size = 3'600'000, .entropy = 5.4, .longest_line = 3'500'000},
                       {}},
        ObfuscationRow{"obfuscator_names", {}, {.names = 400}, {"obfuscator-names"}},
        ObfuscationRow{"a_few_such_names", {}, {.names = 19}, {}},
        ObfuscationRow{"always_had_such_names", Shape{.names = 250}, {.names = 400}, {}},
        ObfuscationRow{
            "many_more_such_names", Shape{.names = 25}, {.names = 400}, {"obfuscator-names"}},
        ObfuscationRow{"string_array", {}, {.traits = {"string-array"}}, {"string-array"}},
        ObfuscationRow{"string_array_as_before",
                       Shape{.traits = {"string-array"}},
                       {.traits = {"string-array"}},
                       {}},
        ObfuscationRow{"hidden_text", {}, {.traits = {"hidden-text"}}, {"hidden-text"}},
        ObfuscationRow{"char_codes", {}, {.traits = {"char-codes"}}, {"char-codes"}},
        ObfuscationRow{"decoded_eval_of_much",
                       {},
                       {.literal = 1500, .traits = {"decoded-eval"}},
                       {"decoded-eval"}},
        ObfuscationRow{
            "decoded_eval_of_little", {}, {.literal = 80, .traits = {"decoded-eval"}}, {}},
        ObfuscationRow{"decoded_eval_as_before",
                       Shape{.literal = 1500, .traits = {"decoded-eval"}},
                       {.literal = 1600, .traits = {"decoded-eval"}},
                       {}},
        ObfuscationRow{"encoded_literal", {}, {.size = 9000, .literal = 5000}, {"encoded-literal"}},
        ObfuscationRow{"short_literal", {}, {.size = 9000, .literal = 3000}, {}},
        ObfuscationRow{
            "literal_as_before", Shape{.literal = 4000}, {.size = 9000, .literal = 5000}, {}},
        ObfuscationRow{"hex_escapes", {}, {.size = 8000, .hex_escapes = 1000}, {"hex-escapes"}},
        ObfuscationRow{"sparse_hex_escapes", {}, {.size = 80'000, .hex_escapes = 1000}, {}},
        ObfuscationRow{"packed_bytes", {}, {.size = 7'600'000, .entropy = 7.9}, {"entropy"}},
        ObfuscationRow{"packed_bytes_as_before",
                       Shape{.size = 9000, .entropy = 7.5},
                       {.size = 9000, .entropy = 7.9},
                       {}},
        ObfuscationRow{"small_file_entropy", {}, {.size = 900, .entropy = 7.9}, {}},
        ObfuscationRow{"encoded_line",
                       {},
                       {.size = 90'000, .entropy = 5.9, .longest_line = 80'000},
                       {"encoded-line"}},
        ObfuscationRow{"encoded_line_as_before",
                       Shape{.entropy = 5.9, .longest_line = 60'000},
                       {.size = 90'000, .entropy = 5.9, .longest_line = 80'000},
                       {}},
        ObfuscationRow{"several",
                       {},
                       {.size = 90'000, .names = 100, .literal = 9000, .traits = {"string-array"}},
                       {"obfuscator-names", "string-array", "encoded-literal"}}),
    kRowName);

// The payload in one file, what decodes and runs it in another one.
TEST(ObfuscatedCodeAdded, ASplitPayloadHoldsAndItsHalvesDoNot) {
  const auto data = features_of({.literal = 80'000});
  const auto runner = features_of({.traits = {"decoded-eval"}});
  const auto holds = [](const Scene& scene) {
    const auto findings = scene.of("obfuscated-code-added");
    return !findings.empty() && may_hold(findings[0]);
  };
  const Scene split(
      before(),
      package().code("index.js", "1", runner, 2400).code("test/data.js", "2", data, 90'000));
  EXPECT_TRUE(holds(split)) << describe(split.findings());
  EXPECT_EQ(split.of("obfuscated-code-added")[0].proof.at("evaluated_in"), "index.js");
  EXPECT_FALSE(holds(Scene(before(), package().code("test/data.js", "2", data, 90'000))));
  EXPECT_FALSE(holds(Scene(before(), package().code("index.js", "1", runner, 2400))));
  // Evaluated decoded text before already: a template engine whose tables grow.
  Package was = before().code("index.js", "0", runner, 2400);
  EXPECT_FALSE(holds(Scene(
      was, package().code("index.js", "1", runner, 2400).code("test/data.js", "2", data, 90'000))));
}

TEST(ObfuscatedCodeAdded, NamesFileAndNumbers) {
  const Scene scene(
      before(),
      package().code("bundle.js", "1", features_of({.names = 214, .traits = {"string-array"}})));
  const auto findings = scene.of("obfuscated-code-added");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].message,
            "bundle.js has 214 obfuscator names, a packed or rotated string array");
  EXPECT_EQ(findings[0].severity, Severity::kHigh);
  EXPECT_EQ(
      findings[0].proof.at("files").at(0).at("measured").at("obfuscator-names").to_number<int>(),
      214);
}

TEST(ObfuscatedCodeAdded, AChangedFileCountsAndAMovedOneDoesNot) {
  const Shape packed{.names = 400};
  const Scene changed(before().code("a.js", "1", features_of({})),
                      package().code("a.js", "2", features_of(packed)));
  EXPECT_TRUE(changed.ids().contains("obfuscated-code-added"));
  Package was = before().code("a.js", "1", features_of(packed));
  const Scene moved(was, package().code("lib/a.js", "1", features_of(packed)));
  EXPECT_FALSE(moved.ids().contains("obfuscated-code-added"));
}

TEST(ObfuscatedCodeAdded, FirstReleaseCounts) {
  EXPECT_TRUE(Scene(package().code("a.js", "1", features_of({.names = 400})))
                  .ids()
                  .contains("obfuscated-code-added"));
}

TEST(ObfuscatedCodeAdded, ManyFilesAreCapped) {
  Package now = package();
  for (int i = 0; i < 30; ++i)
    now.code("f" + std::to_string(i) + ".js", std::to_string(i), features_of({.names = 400}));
  const auto findings = Scene(before(), now).of("obfuscated-code-added");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].proof.at("files").as_array().size(), 20u);
  EXPECT_EQ(findings[0].proof.at("files_left_out").to_number<int>(), 10);
  EXPECT_EQ(findings[0].message, "f0.js has 400 obfuscator names and 29 more");
}

// --- endpoints ---

struct EndpointRow {
  const char* name;
  std::vector<std::string> was, now;
  std::vector<std::string> hosts;
  Severity severity = Severity::kMedium;
};
class Endpoints : public ::testing::TestWithParam<EndpointRow> {};

TEST_P(Endpoints, OnlyNewOnesCount) {
  const EndpointRow& row = GetParam();
  const Scene scene(before().code("a.js", "1", with_endpoints(row.was)),
                    package().code("b.js", "2", with_endpoints(row.now)));
  std::vector<std::string> hosts;
  for (const Finding& finding : scene.of("network-endpoint-added")) {
    EXPECT_EQ(finding.severity, row.severity);
    for (const auto& host : finding.proof.at("hosts").as_array())
      hosts.emplace_back(host.at("host").as_string());
  }
  EXPECT_EQ(hosts, row.hosts) << describe(scene.findings());
}

INSTANTIATE_TEST_SUITE_P(
    All, Endpoints,
    ::testing::Values(
        EndpointRow{"new", {}, {"collector.replay.example"}, {"collector.replay.example"}},
        EndpointRow{"as_before", {"api.one.example"}, {"api.one.example"}, {}},
        EndpointRow{"capitals", {"API.one.example"}, {"api.one.example"}, {}},
        EndpointRow{
            "one_of_two", {"api.one.example"}, {"api.one.example", "two.example"}, {"two.example"}},
        EndpointRow{"sibling",
                    {"api.corp.example"},
                    {"cdn.corp.example"},
                    {"cdn.corp.example"},
                    Severity::kLow},
        EndpointRow{"sibling_of_a_hosting_site",
                    {"acme.github.io", "acme.workers.dev", "acme.co.uk"},
                    {"other.github.io"},
                    {"other.github.io"}},
        EndpointRow{
            "sibling_below_a_second_level", {"acme.co.uk"}, {"other.co.uk"}, {"other.co.uk"}},
        EndpointRow{"address", {}, {"203.0.113.7"}, {"203.0.113.7"}, Severity::kHigh},
        EndpointRow{"address_six", {}, {"2001:db8::7"}, {"2001:db8::7"}, Severity::kHigh},
        EndpointRow{
            "webhook", {}, {"webhook-inbox.example"}, {"webhook-inbox.example"}, Severity::kHigh},
        EndpointRow{"paste", {}, {"paste.example"}, {"paste.example"}, Severity::kHigh},
        EndpointRow{"this_machine", {}, {"127.0.0.1", "localhost", "app.localhost"}, {}},
        EndpointRow{"namespaces", {}, {"schema.org", "www.w3.org"}, {}},
        EndpointRow{"reserved_blocks", {}, {"192.0.0.170", "224.0.0.1", "255.255.255.0"}, {}},
        EndpointRow{"private", {}, {"10.0.0.7"}, {"10.0.0.7"}, Severity::kHigh},
        EndpointRow{"documentation", {}, {"example.com"}, {}}),
    kRowName);

TEST(NetworkEndpointAdded, HookTextsCount) {
  Package now = package().script("install", "get it");
  now.reach("install", "get it", {});
  now.evidence.tree.hooks[0].endpoints = {"files.replay.example"};
  const auto findings = Scene(before(), now).of("network-endpoint-added");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].message, "code names new hosts: files.replay.example (install hook)");
}

// --- access ---

class Access : public ::testing::TestWithParam<const char*> {};

TEST_P(Access, CountsWhereTheBaselineHadNone) {
  const std::string trait = GetParam();
  const Package now = package().code("b.js", "2", with_traits({trait}));
  const Scene gained(before().code("a.js", "1"), now);
  const auto findings = gained.of("sensitive-access-added");
  ASSERT_EQ(findings.size(), 1u) << describe(gained.findings());
  EXPECT_EQ(findings[0].proof.at("access").at(0).at("access").as_string(), trait);
  EXPECT_EQ(findings[0].proof.at("access").at(0).at("files"), boost::json::array({"b.js"}));
  const Scene kept(before().code("a.js", "1", with_traits({trait})), now);
  EXPECT_FALSE(kept.ids().contains("sensitive-access-added")) << describe(kept.findings());
}

INSTANTIATE_TEST_SUITE_P(All, Access,
                         ::testing::Values("credential-paths", "ci-secrets", "env-bulk", "wallet",
                                           "decoded-eval", "persistence", "workflow-write",
                                           "npm-publish", "destructive", "hidden-text"));

TEST(SensitiveAccess, OrdinaryTraitsAreNot) {
  const Scene scene(before(),
                    package().code("b.js", "2", with_traits({"eval", "network-fetch", "shell"})));
  EXPECT_EQ(scene.ids(), Ids{}) << describe(scene.findings());
}

TEST(ContentFindings, WithoutTheBaselinesTreeNothingIsNew) {
  Scene scene(before(), package()
                            .code("b.js", "2", features_of({.names = 400, .traits = {"wallet"}}))
                            .code("c.js", "3", with_endpoints({"collector.replay.example"}))
                            .file("d.node", "4", FileKind::kNative));
  scene.baseline_inspected = false;
  EXPECT_EQ(scene.ids(), Ids{"evidence-unavailable"}) << describe(scene.findings());
  const auto findings = scene.of("evidence-unavailable");
  EXPECT_EQ(findings.at(0).source, "baseline");
}

// --- native code and shrinkwraps ---

struct NativeRow {
  const char* name;
  Package was, now;
  std::vector<std::string> files;
  Severity severity = Severity::kHigh;
};
class Natives : public ::testing::TestWithParam<NativeRow> {};

// A package that ships prebuilt binaries gains a platform: told, and no second sign.
TEST(NativeBinaryAdded, FurtherPlatformsInformOnly) {
  const auto ships = [](std::vector<std::string> paths) {
    Package made = paths.size() > 1 ? package() : before();
    for (const std::string& path : paths) made.file(path, path, FileKind::kNative);
    return made;
  };
  const Package was = ships({"prebuilds/linux-x64/x.node"});
  const auto more = Scene(was, ships({"prebuilds/linux-x64/x.node", "prebuilds/darwin-x64/x.node"}))
                        .of("native-binary-added");
  ASSERT_EQ(more.size(), 1u);
  EXPECT_FALSE(may_hold(more[0]));
  EXPECT_EQ(more[0].message, "native code for further platforms: prebuilds/darwin-x64/x.node");
  const auto other = Scene(was, ships({"prebuilds/linux-x64/x.node", "prebuilds/darwin-x64/x.node",
                                       "prebuilds/darwin-x64/helper"}))
                         .of("native-binary-added");
  ASSERT_EQ(other.size(), 1u);
  EXPECT_TRUE(may_hold(other[0]));
}

TEST_P(Natives, CountWhereTheyAppear) {
  const Scene scene(GetParam().was, GetParam().now);
  std::vector<std::string> files;
  for (const Finding& finding : scene.of("native-binary-added")) {
    if (finding.proof.contains("changed")) {
      EXPECT_FALSE(may_hold(finding));
      continue;
    }
    EXPECT_EQ(finding.severity, GetParam().severity);
    for (const auto& file : finding.proof.at("files").as_array())
      files.emplace_back(file.at("path").as_string());
  }
  EXPECT_EQ(files, GetParam().files);
}

constexpr FileKind kNative = FileKind::kNative;

INSTANTIATE_TEST_SUITE_P(
    All, Natives,
    ::testing::Values(NativeRow{"first",
                                before(),
                                package().file("node-gyp.dll", "1", kNative),
                                {"node-gyp.dll"}},
                      NativeRow{"another",
                                before().file("a.node", "1", kNative),
                                package().file("a.node", "1", kNative).file("b.node", "2", kNative),
                                {"b.node"},
                                Severity::kLow},
                      NativeRow{"rebuilt",
                                before().file("a.node", "1", kNative),
                                package().file("a.node", "2", kNative),
                                {}},
                      NativeRow{"moved",
                                before().file("a.node", "1", kNative),
                                package().file("b/a.node", "1", kNative),
                                {}},
                      NativeRow{"became_native",
                                before().file("tool", "1"),
                                package().file("tool", "2", kNative),
                                {"tool"}},
                      NativeRow{"removed", before().file("a.node", "1", kNative), package(), {}}),
    kRowName);

TEST(Shrinkwrap, NewOrAsBefore) {
  Package was = before(), now = package();
  now.evidence.tree.has_shrinkwrap = true;
  auto findings = Scene(was, now).of("shrinkwrap-included");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].severity, Severity::kMedium);
  EXPECT_TRUE(findings[0].proof.at("new").as_bool());
  was.release.has_shrinkwrap = true;
  findings = Scene(was, now).of("shrinkwrap-included");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].severity, Severity::kLow);
  EXPECT_TRUE(Scene(was, package()).of("shrinkwrap-included").empty());
}

// --- dependencies ---

TEST(DependencyAdded, ListsRuntimeOnesOnly) {
  const Scene scene(before().depends("dependencies", "old", "^1.0.0"),
                    package()
                        .depends("dependencies", "old", "^2.0.0")
                        .depends("dependencies", "a", "^1.0.0")
                        .depends("optionalDependencies", "b", "~2.0.0")
                        .depends("peerDependencies", "c", "*")
                        .depends("devDependencies", "d", "*"));
  const auto findings = scene.of("dependency-added");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].message, "new runtime dependency: a@^1.0.0, b@~2.0.0, c@*");
  EXPECT_EQ(findings[0].proof.at("added").at(1).at("field").as_string(), "optionalDependencies");
  EXPECT_EQ(findings[0].severity, Severity::kMedium);
}

TEST(DependencyAdded, MovingBetweenFieldsAddsNothing) {
  EXPECT_EQ(Scene(before().depends("dependencies", "a", "^1.0.0"),
                  package().depends("optionalDependencies", "a", "^1.0.0"))
                .ids(),
            Ids{"dependency-changed"});
}

TEST(DependencyAdded, ThePackumentOrTheTarballAloneIsEnough) {
  Package stated = package(), shipped = package();
  stated.release.manifest.dependencies["a"] = "^1.0.0";
  shipped.evidence.tree.package_json.dependencies["a"] = "^1.0.0";
  EXPECT_TRUE(Scene(before(), stated).ids().contains("dependency-added"));
  EXPECT_TRUE(Scene(before(), shipped).ids().contains("dependency-added"));
}

TEST(DependencyAdded, ItselfAndFloatingOnesStandOut) {
  for (const auto& [name, spec] :
       {std::pair{"demo", "^1.0.0"}, {"other", "latest"}, {"other", "*"}, {"other", ""}}) {
    const auto findings =
        Scene(before(), package().depends("dependencies", name, spec)).of("dependency-added");
    ASSERT_EQ(findings.size(), 1u);
    EXPECT_EQ(findings[0].severity, Severity::kMedium) << name << "@" << spec;
  }
}

struct FreshRow {
  const char* name;
  const char* first;     // "" unknown
  const char* resolved;  // "" unknown
  bool found;
};
class Fresh : public ::testing::TestWithParam<FreshRow> {};

TEST_P(Fresh, LessThanThirtyDaysBefore) {
  Scene scene(before(),
              package().published("2025-06-30T12:00:00Z").depends("dependencies", "a", "^1.0.0"));
  PackageHistory::DependencyAge age;
  if (*GetParam().first != '\0') age.first_published = at(GetParam().first);
  if (*GetParam().resolved != '\0') age.resolved_published = at(GetParam().resolved);
  scene.history.dependency_ages["a"] = age;
  EXPECT_EQ(scene.ids().contains("fresh-dependency"), GetParam().found)
      << describe(scene.findings());
  scene.history.times_real = false;
  EXPECT_FALSE(scene.ids().contains("fresh-dependency"));
}

INSTANTIATE_TEST_SUITE_P(
    All, Fresh,
    ::testing::Values(FreshRow{"hours", "2025-06-29T17:00:00Z", "", true},
                      FreshRow{"twenty_nine_days", "2025-06-01T13:00:00Z", "", true},
                      FreshRow{"thirty_days", "2025-05-31T12:00:00Z", "", false},
                      FreshRow{"old_package_new_version", "2019-01-01", "2025-06-29", false},
                      FreshRow{"only_the_version_known", "", "2025-06-29", true},
                      FreshRow{"version_came_later", "", "2025-07-05", false},
                      FreshRow{"package_came_later", "2025-07-05", "", true},
                      FreshRow{"unknown", "", "", false}),
    kRowName);

TEST(FreshDependency, SameOwnerIsLesserButTold) {
  Scene scene(before(),
              package().published("2025-06-30T12:00:00Z").depends("dependencies", "a", "^1.0.0"));
  PackageHistory::DependencyAge age;
  age.first_published = at("2025-06-29T17:00:00Z");
  scene.history.dependency_ages["a"] = age;
  auto findings = scene.of("fresh-dependency");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].severity, Severity::kHigh);
  EXPECT_EQ(findings[0].proof.at("hours_before").to_number<int>(), 19);
  scene.history.dependency_ages["a"].same_owner = true;
  findings = scene.of("fresh-dependency");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].severity, Severity::kLow);
  EXPECT_TRUE(findings[0].proof.at("same_owner").as_bool());
}

TEST(FreshDependency, OnlyNewDependenciesAreAsked) {
  Scene scene(before().depends("dependencies", "a", "^1.0.0"),
              package().published("2025-06-30").depends("dependencies", "a", "^1.0.0"));
  scene.history.dependency_ages["a"].first_published = at("2025-06-29");
  EXPECT_EQ(scene.ids(), Ids{});
}

struct SpecRow {
  const char* name;
  const char* spec;
  const char* kind;  // "" = not exotic
};
class Specs : public ::testing::TestWithParam<SpecRow> {};

TEST_P(Specs, FromElsewhereThanARegistry) {
  for (const char* field :
       {"dependencies", "optionalDependencies", "peerDependencies", "devDependencies"}) {
    const Scene scene(before(), package().depends(field, "a", GetParam().spec));
    const auto findings = scene.of("exotic-dependency");
    ASSERT_EQ(findings.size(), *GetParam().kind == '\0' ? 0u : 1u) << field;
    if (findings.empty()) continue;
    EXPECT_EQ(findings[0].proof.at("dependencies").at(0).at("kind").as_string(), GetParam().kind);
    EXPECT_EQ(findings[0].proof.at("dependencies").at(0).at("field").as_string(), field);
    EXPECT_EQ(may_hold(findings[0]), std::string_view(field) != "devDependencies");
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, Specs,
    ::testing::Values(
        SpecRow{"caret", "^1.0.0", ""}, SpecRow{"range", ">=1.0.0 <2.0.0 || 3.x", ""},
        SpecRow{"hyphen", "1.0.0 - 2.0.0", ""}, SpecRow{"tag", "latest", ""},
        SpecRow{"any", "*", ""}, SpecRow{"empty", "", ""},
        SpecRow{"alias", "npm:@scope/other@^1.0.0", ""}, SpecRow{"workspace", "workspace:^", ""},
        SpecRow{"alias_without_range", "npm:@scope/other", ""},
        SpecRow{"alias_of_range", "npm:^1", ""},
        SpecRow{"alias_of_url", "npm:other@http://files.example/a.tgz", "url"},
        SpecRow{"alias_of_git", "npm:@scope/other@git+ssh://git.example/o/r", "git"},
        SpecRow{"alias_of_shorthand", "npm:other@o/r", "git"},
        SpecRow{"alias_of_file", "NPM:other@file:../a", "file"},
        SpecRow{"alias_without_name", "npm:https://files.example/a.tgz", "url"},
        SpecRow{"alias_of_alias", "npm:a@npm:b@1.0.0", "other protocol"},
        SpecRow{"git_https", "git+https://git.example/o/r.git", "git"},
        SpecRow{"git_ssh", "git+ssh://git@git.example/o/r.git#v1", "git"},
        SpecRow{"git_protocol", "git://git.example/o/r", "git"},
        SpecRow{"scp", "git@git.example:o/r.git", "git"},
        SpecRow{"other_scp", "me@git.example:o/r", "other protocol"},
        SpecRow{"github", "github:o/r#79ac49e", "git"}, SpecRow{"gitlab", "gitlab:o/r", "git"},
        SpecRow{"gist", "gist:0123", "git"}, SpecRow{"shorthand", "o/r", "git"},
        SpecRow{"shorthand_semver", "o/r#semver:^1.0.0", "other protocol"},
        SpecRow{"http", "http://files.example/a.tgz", "url"},
        SpecRow{"https", "https://files.example/a.tar.gz", "url"},
        SpecRow{"https_git", "https://git.example/o/r.git", "git"},
        SpecRow{"capitals", "HTTPS://files.example/a.tgz", "url"},
        SpecRow{"file", "file:../a", "file"}, SpecRow{"link", "link:../a", "file"},
        SpecRow{"portal", "portal:../a", "file"}, SpecRow{"relative", "./a.tgz", "file"},
        SpecRow{"absolute", "/tmp/a", "file"}, SpecRow{"tarball_name", "a-1.0.0.tgz", "file"},
        SpecRow{"here", ".", "file"}, SpecRow{"jsr", "jsr:@std/path", "other protocol"},
        SpecRow{"blanks", "  o/r ", "git"}),
    kRowName);

TEST(ExoticDependency, OldOnesAreToldApart) {
  const Scene scene(
      before().depends("dependencies", "a", "o/a"),
      package().depends("dependencies", "a", "o/a").depends("dependencies", "b", "o/b"));
  const auto findings = scene.of("exotic-dependency");
  ASSERT_EQ(findings.size(), 2u);
  EXPECT_EQ(findings[0].message, "new exotic dependency: b from o/b");
  EXPECT_EQ(findings[0].severity, Severity::kHigh);
  EXPECT_TRUE(findings[0].proof.at("new").as_bool());
  EXPECT_EQ(findings[1].message, "exotic dependency, as before: a from o/a");
  EXPECT_EQ(findings[1].severity, Severity::kLow);
  EXPECT_FALSE(findings[1].proof.at("new").as_bool());
}

TEST(ExoticDependency, AnotherCommitIsNew) {
  const auto findings = Scene(before().depends("dependencies", "a", "github:o/a#1111111"),
                              package().depends("dependencies", "a", "github:o/a#2222222"))
                            .of("exotic-dependency");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_TRUE(findings[0].proof.at("new").as_bool());
}

}  // namespace
}  // namespace npmgate
