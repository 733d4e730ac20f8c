// Hooks added, changed and kept; the scripts and files they run; implicit builds; bins.
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

constexpr const char* kGitOnly = "git and linked installs only";

// --- one table of hook comparisons ---

struct HookRow {
  const char* name;
  Package was, now;
  std::vector<std::string> messages;  // of install-script-added and -changed, in order
};
class Hooks : public ::testing::TestWithParam<HookRow> {};

TEST_P(Hooks, AreComparedOneByOne) {
  const Scene scene(GetParam().was, GetParam().now);
  std::vector<std::string> messages;
  for (const Finding& finding : scene.findings()) {
    if (finding.id == "install-script-added" || finding.id == "install-script-changed") {
      messages.push_back(finding.message);
    }
  }
  EXPECT_EQ(messages, GetParam().messages) << describe(scene.findings());
}

INSTANTIATE_TEST_SUITE_P(
    All, Hooks,
    ::testing::Values(
        HookRow{"unchanged",
                before().script("install", "node a.js"),
                package().script("install", "node a.js"),
                {}},
        HookRow{"none", before(), package(), {}},
        HookRow{"added",
                before(),
                package().script("preinstall", "node preinstall.js"),
                {"preinstall added: node preinstall.js"}},
        HookRow{"added_beside_another",
                before().script("install", "node a.js"),
                package().script("install", "node a.js").script("preinstall", "node setup.mjs"),
                {"preinstall added: node setup.mjs"}},
        HookRow{"changed",
                before().script("postinstall", "node bin/post || exit 0"),
                package().script("postinstall", "node telemetry.js"),
                {"postinstall changed: node telemetry.js"}},
        HookRow{"removed", before().script("postinstall", "node a.js"), package(), {}},
        HookRow{"moved",
                before().script("install", "node a.js"),
                package().script("postinstall", "node a.js"),
                {"postinstall changed (moved from install): node a.js"}},
        HookRow{"copied_is_no_move",
                before().script("install", "node a.js"),
                package().script("install", "node a.js").script("postinstall", "node a.js"),
                {"postinstall added: node a.js"}},
        HookRow{"prepare_to_postinstall_is_no_move",
                before().script("prepare", "node a.js"),
                package().script("postinstall", "node a.js"),
                {"postinstall added: node a.js"}},
        HookRow{"swapped",
                before().script("preinstall", "node a.js").script("install", "node b.js"),
                package().script("preinstall", "node b.js").script("install", "node a.js"),
                {"preinstall changed (moved from install): node b.js",
                 "install changed (moved from preinstall): node a.js"}},
        HookRow{"packument_only",
                before(),
                package().stated_script("install", "node a.js"),
                {"install added: node a.js"}},
        HookRow{"tarball_only",
                before(),
                package().shipped_script("install", "node a.js"),
                {"install added: node a.js"}},
        HookRow{
            "two_texts",
            before(),
            package().stated_script("install", "node a.js").shipped_script("install", "node b.js"),
            {"install added: node a.js", "install added: node b.js"}},
        HookRow{
            "one_of_two_texts_is_old",
            before().script("install", "node a.js"),
            package().stated_script("install", "node a.js").shipped_script("install", "node b.js"),
            {"install changed: node b.js"}},
        HookRow{"blanks_do_not_count",
                before().script("install", "node a.js"),
                package().script("install", " node a.js\n"),
                {}},
        HookRow{"blank_hook_is_none", before(), package().script("install", "  "), {}},
        HookRow{"other_scripts_do_not_count",
                before(),
                package()
                    .script("test", "node a.js")
                    .script("postinstal", "x")
                    .script("prepublishOnly", "x")
                    .script("dependencies", "x"),
                {}},
        HookRow{"prepare",
                before(),
                package().script("prepare", "build"),
                {"prepare added: build (git and linked installs only)"}},
        HookRow{"prepare_changed",
                before().script("prepare", "build"),
                package().script("prepare", "build --all"),
                {"prepare changed: build --all (git and linked installs only)"}},
        HookRow{"missing_file",
                before(),
                package()
                    .script("preinstall", "node compile.js")
                    .reach("preinstall", "node compile.js", {}, {}, {"compile.js"}),
                {"preinstall added: node compile.js (compile.js is not in the tarball)"}},
        HookRow{"registry_writes_the_build_down",
                before().binding_gyp(),
                package().binding_gyp().stated_script("install", "node-gyp rebuild"),
                {}}),
    kRowName);

// --- scripts that a hook runs by name ---

struct ChainRow {
  const char* name;
  const char* hook;
  StringMap was, now;
  std::vector<std::string> scripts;  // told as changed
};
class Chains : public ::testing::TestWithParam<ChainRow> {};

TEST_P(Chains, AreFollowed) {
  Package was = before().script("postinstall", GetParam().hook);
  Package now = package().script("postinstall", GetParam().hook);
  for (const auto& [name, text] : GetParam().was) was.script(name, text);
  for (const auto& [name, text] : GetParam().now) now.script(name, text);
  for (const bool inspected : {true, false}) {
    Scene scene(was, now);
    scene.inspected = scene.baseline_inspected = inspected;
    std::vector<std::string> scripts;
    for (const Finding& finding : scene.of("install-script-changed")) {
      scripts.emplace_back(finding.proof.at("runs_script").as_string());
    }
    EXPECT_EQ(scripts, GetParam().scripts) << describe(scene.findings());
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, Chains,
    ::testing::Values(
        ChainRow{"same", "npm run setup", {{"setup", "node a.js"}}, {{"setup", "node a.js"}}, {}},
        ChainRow{"changed",
                 "npm run setup",
                 {{"setup", "node a.js"}},
                 {{"setup", "node b.js"}},
                 {"setup"}},
        ChainRow{"appeared", "npm run setup || true", {}, {{"setup", "node b.js"}}, {"setup"}},
        ChainRow{"vanished", "npm run setup", {{"setup", "node a.js"}}, {}, {}},
        ChainRow{
            "quoted", "sh -c \"npm run 'setup'\"", {{"setup", "a"}}, {{"setup", "b"}}, {"setup"}},
        ChainRow{"yarn", "yarn setup", {{"setup", "a"}}, {{"setup", "b"}}, {"setup"}},
        ChainRow{"two_deep",
                 "npm run a",
                 {{"a", "npm run b"}, {"b", "x"}},
                 {{"a", "npm run b"}, {"b", "y"}},
                 {"b"}},
        ChainRow{"in_a_circle", "npm run a", {{"a", "npm run a"}}, {{"a", "npm run a"}}, {}},
        ChainRow{"around_it",
                 "npm run a",
                 {{"a", "x"}},
                 {{"a", "x"}, {"prea", "y"}, {"posta", "z"}},
                 {"posta", "prea"}},
        ChainRow{"glob", "run-s build:*", {{"build:js", "a"}}, {{"build:js", "b"}}, {"build:js"}},
        ChainRow{"concurrently",
                 "concurrently npm:setup",
                 {{"setup", "a"}},
                 {{"setup", "b"}},
                 {"setup"}},
        ChainRow{"not_run", "node build.js", {{"build", "a"}}, {{"build", "b"}}, {}},
        ChainRow{"other_script",
                 "npm run setup",
                 {{"setup", "a"}, {"test", "a"}},
                 {{"setup", "a"}, {"test", "b"}},
                 {}}),
    kRowName);

TEST(InstallScriptChanged, AChangedScriptIsShown) {
  const auto findings = Scene(before().script("install", "npm run go").script("go", "node a.js"),
                              package().script("install", "npm run go").script("go", "node b.js"))
                            .of("install-script-changed");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].message, "install runs script go, which changed: node b.js");
  EXPECT_EQ(findings[0].proof.at("script_before").as_string(), "node a.js");
}

// --- proofs ---

TEST(InstallScriptAdded, ProofSaysWhereAndWhatItRuns) {
  Package now = package().script("preinstall", "node setup.js").file("setup.js", "new");
  now.reach("preinstall", "node setup.js", {"setup.js"});
  const auto findings = Scene(before(), now).of("install-script-added");
  ASSERT_EQ(findings.size(), 1u);
  const auto& proof = findings[0].proof;
  EXPECT_EQ(proof.at("hook").as_string(), "preinstall");
  EXPECT_EQ(proof.at("command").as_string(), "node setup.js");
  EXPECT_EQ(proof.at("stated_in"), boost::json::array({"packument", "tarball"}));
  EXPECT_EQ(proof.at("files").at(0).at("path").as_string(), "setup.js");
  EXPECT_TRUE(proof.at("files").at(0).at("new").as_bool());
  EXPECT_EQ(proof.at("files").at(0).at("sha256").as_string().size(), 64u);
  EXPECT_EQ(findings[0].severity, Severity::kHigh);
  EXPECT_EQ(findings[0].source, "packument-field");
  EXPECT_TRUE(may_hold(findings[0]));
}

TEST(InstallScriptAdded, AnOldFileIsNotNew) {
  Package was = before().file("index.js", "a");
  Package now = package().script("preinstall", "node index.js").file("index.js", "b");
  now.reach("preinstall", "node index.js", {"index.js"});
  const auto findings = Scene(was, now).of("install-script-added");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_FALSE(findings[0].proof.at("files").at(0).at("new").as_bool());
}

TEST(InstallScriptAdded, TarballOnlyHasTheTarballAsSource) {
  const auto findings =
      Scene(before(), package().shipped_script("install", "x")).of("install-script-added");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].source, "tarball");
  EXPECT_EQ(findings[0].proof.at("stated_in"), boost::json::array({"tarball"}));
}

TEST(InstallScriptAdded, PrepareInformsOnly) {
  for (const std::string_view hook : kPrepareHooks) {
    const auto findings =
        Scene(before(), package().script(hook, "build")).of("install-script-added");
    ASSERT_EQ(findings.size(), 1u) << hook;
    EXPECT_EQ(findings[0].severity, Severity::kLow);
    EXPECT_EQ(findings[0].proof.at("runs").as_string(), kGitOnly);
    EXPECT_FALSE(may_hold(findings[0]));
  }
}

TEST(InstallScriptAdded, ABannerIsMinorButHolds) {
  const auto findings =
      Scene(before(), package().script("postinstall", "node -e \"console.log('thanks')\""))
          .of("install-script-added");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].severity, Severity::kLow);
  EXPECT_TRUE(findings[0].proof.at("banner").as_bool());
  EXPECT_TRUE(may_hold(findings[0]));
}

TEST(InstallScriptAdded, FirstReleaseCountsAllOfItsHooks) {
  const Scene scene(package().script("install", "node a.js").script("postinstall", "node b.js"));
  EXPECT_EQ(scene.of("install-script-added").size(), 2u);
}

TEST(InstallScriptAdded, MetadataOnlySeesThePackument) {
  Scene scene(before(),
              package().stated_script("install", "node a.js").shipped_script("preinstall", "b"));
  scene.inspected = false;
  const auto findings = scene.of("install-script-added");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].message, "install added: node a.js");
}

TEST(InstallScriptAdded, SaysWhereTheBaselineWasNotInspected) {
  Scene scene(before().shipped_script("install", "node a.js"),
              package().script("install", "node a.js"));
  scene.baseline_inspected = false;
  const auto findings = scene.of("install-script-added");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].proof.at("baseline_tarball").as_string(), "not inspected");
}

TEST(InstallScriptChanged, ProofHasBothTexts) {
  const auto findings = Scene(before().script("postinstall", "node ./bin/post-install || exit 0"),
                              package().script("postinstall", "node telemetry.js"))
                            .of("install-script-changed");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].proof.at("before"),
            boost::json::array({"node ./bin/post-install || exit 0"}));
  EXPECT_EQ(findings[0].proof.at("command").as_string(), "node telemetry.js");
}

TEST(InstallScriptChanged, AMoveNamesItsOrigin) {
  const auto findings =
      Scene(before().script("install", "node a.js"), package().script("preinstall", "node a.js"))
          .of("install-script-changed");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].proof.at("moved_from").as_string(), "install");
}

// --- targets ---

struct TargetRow {
  const char* name;
  Package was, now;
  std::vector<std::string> files;
};
class Targets : public ::testing::TestWithParam<TargetRow> {};

TEST_P(Targets, NamedFilesAreComparedByBytes) {
  const Scene scene(GetParam().was, GetParam().now);
  std::vector<std::string> files;
  for (const Finding& finding : scene.of("install-script-target-changed")) {
    if (const auto* file = finding.proof.if_contains("file")) {
      files.emplace_back(file->as_string());
    } else {
      EXPECT_FALSE(may_hold(finding));
    }
  }
  EXPECT_EQ(files, GetParam().files) << describe(scene.findings());
}

Package hooked(Package base, std::string command, std::vector<std::string> files) {
  return base.script("install", command).reach("install", command, std::move(files));
}

INSTANTIATE_TEST_SUITE_P(
    All, Targets,
    ::testing::Values(
        TargetRow{"same_bytes",
                  hooked(before().file("a.js", "1"), "node a.js", {"a.js"}),
                  hooked(package().file("a.js", "1"), "node a.js", {"a.js"}),
                  {}},
        TargetRow{"other_bytes",
                  hooked(before().file("a.js", "1"), "node a.js", {"a.js"}),
                  hooked(package().file("a.js", "2"), "node a.js", {"a.js"}),
                  {"a.js"}},
        TargetRow{"new_file",
                  hooked(before(), "node a.js", {}),
                  hooked(package().file("a.js", "2"), "node a.js", {"a.js"}),
                  {"a.js"}},
        TargetRow{"required_files_are_ordinary_work",
                  hooked(before().file("a.js", "1").file("lib/b.js", "1"), "node ./a",
                         {"a.js", "lib/b.js"}),
                  hooked(package().file("a.js", "1").file("lib/b.js", "2"), "node ./a",
                         {"a.js", "lib/b.js"}),
                  {}},
        TargetRow{"second_named_file",
                  hooked(before().file("a.js", "1").file("lib/b.js", "1"),
                         "node a.js && node lib/b", {"a.js", "lib/b.js"}),
                  hooked(package().file("a.js", "1").file("lib/b.js", "2"),
                         "node a.js && node lib/b", {"a.js", "lib/b.js"}),
                  {"lib/b.js"}},
        TargetRow{"folder_with_an_index",
                  hooked(before().file("x.js", "1").file("lib/index.js", "1"),
                         "node x.js; node lib", {"x.js", "lib/index.js"}),
                  hooked(package().file("x.js", "1").file("lib/index.js", "2"),
                         "node x.js; node lib", {"x.js", "lib/index.js"}),
                  {"lib/index.js"}},
        TargetRow{"named_by_the_script_it_runs",
                  hooked(before().file("x.js", "1").file("go.js", "1").script("go", "node go.js"),
                         "node x.js && npm run go", {"x.js", "go.js"}),
                  hooked(package().file("x.js", "1").file("go.js", "2").script("go", "node go.js"),
                         "node x.js && npm run go", {"x.js", "go.js"}),
                  {"go.js"}},
        TargetRow{"in_another_folder",
                  hooked(before().file("x.js", "1").file("sub/go.js", "1"),
                         "node x.js; cd sub && node go", {"x.js", "sub/go.js"}),
                  hooked(package().file("x.js", "1").file("sub/go.js", "2"),
                         "node x.js; cd sub && node go", {"x.js", "sub/go.js"}),
                  {"sub/go.js"}},
        TargetRow{"required_by_an_inline_script",
                  hooked(before().file("x.js", "1").file("b.js", "1"),
                         "node x.js && node -e \"require('./b')\"", {"x.js", "b.js"}),
                  hooked(package().file("x.js", "1").file("b.js", "2"),
                         "node x.js && node -e \"require('./b')\"", {"x.js", "b.js"}),
                  {"b.js"}},
        TargetRow{"package_json_itself",
                  hooked(before(), "npm run x", {"package.json"}),
                  hooked(package(), "npm run x", {"package.json"}),
                  {}},
        TargetRow{"backslashes",
                  hooked(before().file("x.js", "1").file("b/c.js", "1"), "node x.js & node b\\c.js",
                         {"x.js", "b/c.js"}),
                  hooked(package().file("x.js", "1").file("b/c.js", "2"),
                         "node x.js & node b\\c.js", {"x.js", "b/c.js"}),
                  {"b/c.js"}},
        TargetRow{"changed_hook_is_told_as_such",
                  hooked(before().file("a.js", "1"), "node a.js", {"a.js"}),
                  hooked(package().file("a.js", "2"), "node a.js --x", {"a.js"}),
                  {}},
        TargetRow{"moved_hook",
                  before().script("preinstall", "node a.js").file("a.js", "1"),
                  hooked(package().file("a.js", "2"), "node a.js", {"a.js"}),
                  {"a.js"}},
        TargetRow{
            "binding_gyp", before().binding_gyp("1"), package().binding_gyp("2"), {"binding.gyp"}},
        TargetRow{"binding_gyp_same", before().binding_gyp("1"), package().binding_gyp("1"), {}},
        TargetRow{"binding_gyp_of_a_declared_hook_is_told_once",
                  before().script("install", "node-gyp rebuild").binding_gyp("1"),
                  package()
                      .script("install", "node-gyp rebuild")
                      .binding_gyp("2")
                      .reach("install", "node-gyp rebuild", {"binding.gyp"})
                      .reach("node-gyp", "node-gyp rebuild", {"binding.gyp"}),
                  {"binding.gyp"}},
        TargetRow{"what_binding_gyp_runs",
                  before().binding_gyp("1").file("gen.js", "1"),
                  package()
                      .binding_gyp("1")
                      .file("gen.js", "2")
                      .reach("node-gyp", "node-gyp rebuild", {"binding.gyp", "gen.js"}),
                  {"gen.js"}}),
    kRowName);

TEST(InstallScriptTargetChanged, ProofHasBothDigests) {
  const auto findings = Scene(hooked(before().file("a.js", "1"), "node a.js", {"a.js"}),
                              hooked(package().file("a.js", "2"), "node a.js", {"a.js"}))
                            .of("install-script-target-changed");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_NE(findings[0].proof.at("sha256"), findings[0].proof.at("before_sha256"));
  EXPECT_EQ(findings[0].message,
            "install is unchanged (node a.js) but runs a.js, which has other bytes");
}

TEST(InstallScriptTargetChanged, SilentWithoutTheBaselinesTree) {
  Scene scene(hooked(before().file("a.js", "1"), "node a.js", {"a.js"}),
              hooked(package().file("a.js", "2"), "node a.js", {"a.js"}));
  scene.baseline_inspected = false;
  EXPECT_TRUE(scene.of("install-script-target-changed").empty());
  EXPECT_TRUE(scene.ids().contains("evidence-unavailable"));
}

// --- implicit builds ---

struct ImplicitRow {
  const char* name;
  std::optional<Package> was;
  Package now;
  bool found;
};
class Implicit : public ::testing::TestWithParam<ImplicitRow> {};

TEST_P(Implicit, BindingGypCountsWhereItAppears) {
  Scene scene(GetParam().now);
  scene.before = GetParam().was;
  EXPECT_EQ(scene.ids().contains("implicit-install-added"), GetParam().found)
      << describe(scene.findings());
}

INSTANTIATE_TEST_SUITE_P(
    All, Implicit,
    ::testing::Values(
        ImplicitRow{"appears", before(), package().binding_gyp(), true},
        ImplicitRow{"was_there", before().binding_gyp("1"), package().binding_gyp("2"), false},
        ImplicitRow{"first_release", std::nullopt, package().binding_gyp(), true},
        ImplicitRow{"declared", before(),
                    package().binding_gyp().script("install", "node-gyp rebuild"), false},
        ImplicitRow{"stated_by_the_registry_only", before(),
                    package().binding_gyp().stated_script("install", "node-gyp rebuild"), true},
        ImplicitRow{"beside_an_old_preinstall", before().script("preinstall", "node a.js"),
                    package().script("preinstall", "node a.js").binding_gyp(), true},
        ImplicitRow{"none", before(), package(), false}),
    kRowName);

TEST(ImplicitInstallAdded, BaselineWithoutTreeIsJudgedByItsPackument) {
  Scene scene(before(), package().binding_gyp());
  scene.baseline_inspected = false;
  EXPECT_TRUE(scene.ids().contains("implicit-install-added"));
  scene.before->release.manifest.gypfile = true;
  EXPECT_FALSE(scene.ids().contains("implicit-install-added"));
}

TEST(InstallScriptTargetChanged, WhatStandsForTheProgramsOfAHook) {
  const auto with = [](Package made, std::string_view content, std::vector<std::string> more) {
    for (const std::string& path : more) made.file(path, content);
    more.insert(more.begin(), "a.js");
    return made.script("postinstall", "node a.js")
        .file("a.js", "1")
        .reach("postinstall", "node a.js", more);
  };
  for (const std::string path : {"node_modules/.bin/node", "node_modules/.bin/sh", "Node.cmd",
                                 "node_modules/.bin/NODE.EXE"}) {
    EXPECT_TRUE(Scene(with(before(), "", {}), with(package(), "1", {path}))
                    .ids()
                    .contains("install-script-target-changed"))
        << path;
    EXPECT_FALSE(Scene(with(before(), "1", {path}), with(package(), "1", {path}))
                     .ids()
                     .contains("install-script-target-changed"))
        << path;
  }
  // Nobody calls it by that name: told, and no sign.
  for (const Finding& finding :
       Scene(with(before(), "", {}), with(package(), "1", {"node_modules/.bin/tsc"}))
           .of("install-script-target-changed"))
    EXPECT_FALSE(may_hold(finding));
}

TEST(InstallScriptTargetChanged, GypFilesOfADeclaredBuild) {
  const auto with = [](Package made, std::string_view content) {
    const std::string command = "node a.js && node-gyp rebuild";
    return made.script("install", command)
        .file("a.js", "1")
        .binding_gyp()
        .file("common.gypi", content)
        .reach("install", command, {"a.js", "binding.gyp", "common.gypi"});
  };
  EXPECT_FALSE(Scene(with(before(), "1"), with(package(), "1"))
                   .ids()
                   .contains("install-script-target-changed"));
  const auto findings =
      Scene(with(before(), "1"), with(package(), "2")).of("install-script-target-changed");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].proof.at("file").as_string(), "common.gypi");
}

// --- bins ---

struct BinRow {
  const char* name;
  std::string bin;
  bool found;
};
class Bins : public ::testing::TestWithParam<BinRow> {};

TEST_P(Bins, CommandsThatInstallsUse) {
  const Scene scene(before(), package().bin(GetParam().bin, "cli.js"));
  EXPECT_EQ(scene.ids().contains("bin-shadows-command"), GetParam().found);
  const Scene kept(before().bin(GetParam().bin, "cli.js"), package().bin(GetParam().bin, "b.js"));
  EXPECT_FALSE(kept.ids().contains("bin-shadows-command"));
}

INSTANTIATE_TEST_SUITE_P(
    All, Bins,
    ::testing::Values(BinRow{"sh", "sh", true}, BinRow{"bash", "bash", true},
                      BinRow{"node", "node", true}, BinRow{"npm", "npm", true},
                      BinRow{"npx", "npx", true}, BinRow{"git", "git", true},
                      BinRow{"node_gyp", "node-gyp", true}, BinRow{"yarn", "yarn", true},
                      BinRow{"pnpm", "pnpm", true}, BinRow{"curl", "curl", true},
                      BinRow{"python", "python", true}, BinRow{"python3", "python3", true},
                      BinRow{"capitals", "NODE", true}, BinRow{"windows", "node.exe", true},
                      BinRow{"cmd_suffix", "npm.cmd", true}, BinRow{"own", "demo", false},
                      BinRow{"longer", "node-dev", false}, BinRow{"shorter", "nod", false},
                      BinRow{"eslint", "eslint", false}),
    kRowName);

TEST(BinShadowsCommand, AlsoWhereOnlyOneSideSaysSo) {
  Package stated = package();
  stated.release.manifest.bin["sh"] = "a.js";
  EXPECT_TRUE(Scene(before(), stated).ids().contains("bin-shadows-command"));
  Package shipped = package();
  shipped.evidence.tree.package_json.bin["sh"] = "a.js";
  const auto findings = Scene(before(), shipped).of("bin-shadows-command");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].message, "bin sh shadows a command that installs use: a.js");
  EXPECT_EQ(findings[0].severity, Severity::kHigh);
}

TEST(BinShadowsCommand, FilesOfDirectoriesBin) {
  Package now = package().file("cmd/deep/Node.exe", "1").file("cmd/other", "2").file("sh", "3");
  now.evidence.tree.package_json.bin_directory = "cmd";
  const auto findings = Scene(before(), now).of("bin-shadows-command");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].message,
            "bin Node.exe shadows a command that installs use: cmd/deep/Node.exe");
  now.evidence.tree.package_json.bin_directory = ".";
  EXPECT_EQ(Scene(before(), now).of("bin-shadows-command").size(), 2u);
  Package was = before().file("cmd/deep/Node.exe", "0");
  was.evidence.tree.package_json.bin_directory = "cmd";
  EXPECT_EQ(Scene(was, now).of("bin-shadows-command").size(), 1u);
}

TEST(BinShadowsCommand, FilesOfTheOwnBinFolderWhereAHookRuns) {
  const auto with = [](Package made) { return made.file("Node_Modules/.bin/node", "1"); };
  const auto hooked = package().script("postinstall", "node a.js");
  EXPECT_TRUE(Scene(before(), with(hooked)).ids().contains("bin-shadows-command"));
  EXPECT_TRUE(Scene(before(), with(package().binding_gyp())).ids().contains("bin-shadows-command"));
  EXPECT_FALSE(Scene(before(), with(package())).ids().contains("bin-shadows-command"));
  EXPECT_FALSE(Scene(with(before()), with(hooked)).ids().contains("bin-shadows-command"));
  EXPECT_TRUE(wants_baseline_tree(with(package()).evidence));
}

TEST(BinShadowsCommand, BinsOfBundledPackages) {
  Package now = package().script("postinstall", "node a.js").bundles("node_modules/inner", {});
  now.evidence.tree.bundled[0].manifest.bin["node"] = "evil.js";
  const auto findings = Scene(before(), now).of("bin-shadows-command");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].message,
            "bin node shadows a command that installs use: node_modules/inner/evil.js");
}

TEST(BinShadowsCommand, APackageNamedLikeItsCommandIsLesser) {
  const auto findings =
      Scene(Package("@s/npm", "1.0.0").bin("npm", "a.js")).of("bin-shadows-command");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].severity, Severity::kMedium);
}

}  // namespace
}  // namespace npmgate
