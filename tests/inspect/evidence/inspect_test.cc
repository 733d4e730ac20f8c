// Whole tarballs: from bytes to evidence.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/digest.h"
#include "inspect/code/features.h"
#include "inspect/evidence/evidence.h"
#include "tests/inspect/archive/tar_builder.h"
#include "tests/support/table.h"

namespace npmgate {
namespace {

using testing::bytes_of;
using testing::tar_entry;
using testing::tgz;

// path below "package/" -> content
using Packed = std::vector<std::pair<std::string, std::string>>;

constexpr const char* kPlain = R"({"name":"x","version":"1.0.0"})";

std::string pack(const Packed& files, std::uint32_t mode = 0644) {
  std::string entries;
  for (const auto& [path, body] : files) entries += tar_entry("package/" + path, body, '0', mode);
  return tgz(entries);
}

struct Inspected {
  std::string bytes;
  InspectionInput input;

  explicit Inspected(std::string tarball) : bytes(std::move(tarball)) {
    input.release.manifest.name = "x";
    input.release.manifest.version = "1.0.0";
    input.now = *parse_time("2026-11-23T10:00:00Z");
  }
  explicit Inspected(const Packed& files) : Inspected(pack(files)) {}
  Inspected& stated(std::string hook, std::string command) {
    input.release.manifest.scripts[std::move(hook)] = std::move(command);
    return *this;
  }
  Evidence evidence() {
    input.tarball = bytes_of(bytes);
    return inspect_tarball(input);
  }
};

// "postinstall: node a.js -> a.js b.js" for each hook.
std::string hooks_of(const Tree& tree) {
  std::string out;
  for (const auto& hook : tree.hooks)
    out += hook.hook + ": " + hook.command + " -> " + joined(hook.files) + "\n";
  return out;
}
bool has_trait(const Tree& tree, std::string_view path, std::string_view trait) {
  const auto* file = tree.find(path);
  return file != nullptr && file->code &&
         std::count(file->code->traits.begin(), file->code->traits.end(), trait) == 1;
}

TEST(Inspection, ListsFilesWithDigests) {
  auto evidence = Inspected(Packed{{"package.json", kPlain},
                                   {"lib/b.js", "eval(x)"},
                                   {"README.md", "# x"},
                                   {"a.node",
                                    "\x7F"
                                    "ELF"}})
                      .evidence();
  const auto& tree = evidence.tree;
  ASSERT_EQ(tree.files.size(), 4u);
  EXPECT_EQ(tree.top, "package");
  EXPECT_EQ(tree.files[0].path, "README.md");
  EXPECT_TRUE(std::is_sorted(tree.files.begin(), tree.files.end(),
                             [](auto& a, auto& b) { return a.path < b.path; }));
  const auto* script = tree.find("lib/b.js");
  ASSERT_NE(script, nullptr);
  EXPECT_EQ(script->sha256, sha256_hex("eval(x)"));
  EXPECT_EQ(script->size, 7u);
  EXPECT_EQ(script->kind, FileKind::kScript);
  EXPECT_TRUE(has_trait(tree, "lib/b.js", kTraitEval));
  EXPECT_FALSE(tree.find("README.md")->code.has_value());
  EXPECT_FALSE(tree.find("package.json")->code.has_value());
  EXPECT_EQ(tree.find("a.node")->kind, FileKind::kNative);
  EXPECT_EQ(tree.entries, 4u);
  EXPECT_EQ(tree.unpacked_size, std::string(kPlain).size() + 7 + 3 + 4);
  EXPECT_EQ(evidence.name, "x");
  EXPECT_EQ(evidence.version, "1.0.0");
  EXPECT_EQ(evidence.gathered, *parse_time("2026-11-23T10:00:00Z"));
  EXPECT_EQ(evidence.inspector, kInspectorVersion);
}

// npm drops links, others make or follow them: whatever a client finds there was read.
TEST(Inspection, ReadsWhatLinksLeadToUnderBothNames) {
  const auto link = [](std::string_view path, std::string_view target, char type) {
    std::string entry = testing::tar_header(path, 0, type);
    entry.replace(157, target.size(), target);
    testing::fix_checksum(entry, 0);
    return entry;
  };
  Inspected inspected(
      tgz(tar_entry("package/package.json", R"({"name":"x","version":"1.0.0",
                              "scripts":{"postinstall":"node index.js"}})") +
          tar_entry("package/lib/x.js", "eval(y)") + tar_entry("package/lib/deep/z.js", "1") +
          link("package/index.js", "lib/x.js", '2') + link("package/alias", "./lib", '2') +
          link("package/hard.js", "other/lib/x.js", '1')));
  const Evidence evidence = inspected.evidence();
  ASSERT_FALSE(evidence.archive_refusal) << evidence.archive_refusal->detail;
  const Tree& tree = evidence.tree;
  EXPECT_EQ(tree.links, (std::vector<TreeLink>{
                            {"index.js", "lib/x.js"}, {"alias", "lib"}, {"hard.js", "lib/x.js"}}));
  std::string files;
  for (const FileFacts& file : tree.files) files += file.path + " ";
  EXPECT_EQ(files,
            "alias/deep/z.js alias/x.js hard.js index.js lib/deep/z.js lib/x.js package.json ");
  for (const char* path : {"alias/x.js", "hard.js", "index.js"}) {
    EXPECT_EQ(tree.find(path)->sha256, tree.find("lib/x.js")->sha256) << path;
    EXPECT_TRUE(has_trait(tree, path, kTraitEval)) << path;
  }
  EXPECT_EQ(tree.entries, 7u);
  EXPECT_EQ(hooks_of(tree), "postinstall: node index.js -> index.js\n");
}

TEST(Inspection, OfAFixedInputIsFixed) {
  const Packed files{{"package.json", kPlain}, {"a.js", "1"}};
  EXPECT_EQ(Inspected(files).evidence(), Inspected(files).evidence());
}

TEST(Inspection, KeepsTheModeAndMeasuresExecutables) {
  const auto tree =
      Inspected(
          pack({{"package.json", kPlain}, {"bin/run", "curl('x')"}, {"LICENSE.md", "x"}}, 0755))
          .evidence()
          .tree;
  EXPECT_EQ(tree.find("bin/run")->mode & 0777u, 0755u);
  EXPECT_TRUE(tree.find("bin/run")->code.has_value());
  EXPECT_FALSE(tree.find("LICENSE.md")->code.has_value());
}

TEST(Inspection, IdentifiesBytesAndManifest) {
  Inspected inspected(Packed{{"package.json", kPlain}});
  inspected.input.raw_manifest =
      R"({"name":"x","version":"1.0.0","scripts":{"install":"node a"},"readme":"r"})";
  const auto first = inspected.evidence();
  EXPECT_EQ(first.tarball_sha512, digest(Algorithm::kSha512, inspected.bytes).hex());
  EXPECT_EQ(first.tarball_size, inspected.bytes.size());
  EXPECT_EQ(first.manifest_sha256, sha256_hex(*canonical_manifest(inspected.input.raw_manifest)));
  inspected.input.raw_manifest =
      R"({"name":"x","version":"1.0.0","scripts":{"install":"node b"},"readme":"r"})";
  EXPECT_NE(inspected.evidence().manifest_sha256, first.manifest_sha256);
  EXPECT_NE(inspected.evidence().content_id(), first.content_id());
}

TEST(Inspection, OfAManifestThatIsNoJsonSaysSo) {
  Inspected inspected(Packed{{"package.json", kPlain}});
  inspected.input.raw_manifest = "{broken";
  const auto evidence = inspected.evidence();
  EXPECT_EQ(evidence.manifest_sha256, sha256_hex("{broken"));  // what else there is of it
  ASSERT_EQ(evidence.unavailable.size(), 1u);
  EXPECT_EQ(evidence.unavailable[0].source, "packument-field");
  EXPECT_FALSE(evidence.unavailable[0].reason.empty());
}

TEST(Inspection, OfABareFileTakesItsOwnName) {
  Inspected inspected(Packed{{"package.json", R"({"name":"own","version":"2.0.0"})"}});
  inspected.input.release = {};
  const auto evidence = inspected.evidence();
  EXPECT_EQ(evidence.name, "own");
  EXPECT_EQ(evidence.version, "2.0.0");
  EXPECT_EQ(evidence.manifest_sha256, "");
  EXPECT_TRUE(evidence.unavailable.empty());
}

TEST(Inspection, OfNoBytesIsUnavailable) {
  const auto evidence = Inspected(std::string()).evidence();
  ASSERT_EQ(evidence.unavailable.size(), 1u);
  EXPECT_EQ(evidence.unavailable[0].source, "tarball");
  EXPECT_EQ(evidence.tarball_sha512, "");
  EXPECT_TRUE(evidence.tree.files.empty());
}

// --- integrity -----------------------------------------------------------------------------------

struct IntegrityCase {
  const char* name;
  std::string (*integrity)(const std::string& bytes);
  std::string (*shasum)(const std::string& bytes);
  bool checked, matches;
  const char* algorithm;
};
std::string none(const std::string&) {
  return "";
}
std::string sri(Algorithm algorithm, const std::string& bytes) {
  return digest(algorithm, bytes).sri();
}

class Integrity : public ::testing::TestWithParam<IntegrityCase> {};
TEST_P(Integrity, IsCheckedAsClientsDo) {
  Inspected inspected(Packed{{"package.json", kPlain}});
  inspected.input.release.dist.integrity = GetParam().integrity(inspected.bytes);
  inspected.input.release.dist.shasum = GetParam().shasum(inspected.bytes);
  const auto evidence = inspected.evidence();
  EXPECT_EQ(evidence.integrity.checked, GetParam().checked);
  EXPECT_EQ(evidence.integrity.matches, GetParam().matches);
  EXPECT_EQ(evidence.integrity.algorithm, GetParam().algorithm);
  EXPECT_EQ(evidence.tree.files.empty(), !GetParam().matches);
  EXPECT_EQ(evidence.tarball_sha512, digest(Algorithm::kSha512, inspected.bytes).hex());
  if (GetParam().checked && GetParam().matches) {
    EXPECT_EQ(evidence.integrity.expected, evidence.integrity.actual);
  }
  if (!GetParam().matches) {
    EXPECT_NE(evidence.integrity.expected, evidence.integrity.actual);
    EXPECT_FALSE(evidence.integrity.actual.empty());
  }
}

const std::string& other() {
  static const std::string kOther = "other bytes";
  return kOther;
}
using S = const std::string&;
INSTANTIATE_TEST_SUITE_P(
    Rows, Integrity,
    ::testing::Values(
        IntegrityCase{"nothing_named", none, none, false, true, ""},
        IntegrityCase{"sha512", [](S b) { return sri(Algorithm::kSha512, b); }, none, true, true,
                      "sha512"},
        IntegrityCase{"sha512_wrong", [](S) { return sri(Algorithm::kSha512, other()); }, none,
                      true, false, "sha512"},
        IntegrityCase{"sha384", [](S b) { return sri(Algorithm::kSha384, b); }, none, true, true,
                      "sha384"},
        IntegrityCase{"sha1_sri", [](S b) { return sri(Algorithm::kSha1, b); }, none, true, true,
                      "sha1"},
        IntegrityCase{
            "two_one_right",
            [](S b) { return sri(Algorithm::kSha512, other()) + " " + sri(Algorithm::kSha512, b); },
            none, true, true, "sha512"},
        // yarn 4 accepts this one: the weaker digest must not help.
        IntegrityCase{
            "strong_wrong_weak_right",
            [](S b) { return sri(Algorithm::kSha512, other()) + " " + sri(Algorithm::kSha1, b); },
            none, true, false, "sha512"},
        IntegrityCase{
            "strong_right_weak_wrong",
            [](S b) { return sri(Algorithm::kSha512, b) + " " + sri(Algorithm::kSha1, other()); },
            none, true, true, "sha512"},
        IntegrityCase{"integrity_before_shasum", [](S b) { return sri(Algorithm::kSha512, b); },
                      [](S) { return digest(Algorithm::kSha1, other()).hex(); }, true, true,
                      "sha512"},
        IntegrityCase{"shasum", none, [](S b) { return digest(Algorithm::kSha1, b).hex(); }, true,
                      true, "sha1"},
        IntegrityCase{"shasum_wrong", none,
                      [](S) { return digest(Algorithm::kSha1, other()).hex(); }, true, false,
                      "sha1"},
        IntegrityCase{"shasum_no_digest", none, [](S) { return std::string("xyz"); }, true, false,
                      "sha1"},
        IntegrityCase{"shasum_short", none,
                      [](S b) { return digest(Algorithm::kSha1, b).hex().substr(2); }, true, false,
                      "sha1"},
        IntegrityCase{"unknown_algorithm", [](S) { return std::string("sha3-AAAA"); }, none, false,
                      true, ""},
        IntegrityCase{"unknown_algorithm_and_shasum", [](S) { return std::string("sha3-AAAA"); },
                      [](S) { return digest(Algorithm::kSha1, other()).hex(); }, true, false,
                      "sha1"}),
    [](const auto& row) { return std::string(row.param.name); });

// --- what cannot be read -------------------------------------------------------------------------

TEST(Refusals, OfTheArchiveLeaveNoTree) {
  const auto evidence = Inspected(std::string("not a gzip file, but bytes")).evidence();
  ASSERT_TRUE(evidence.archive_refusal.has_value());
  EXPECT_FALSE(evidence.archive_refusal->over_limit);
  EXPECT_FALSE(evidence.archive_refusal->rule.empty());
  EXPECT_EQ(evidence.tree, Tree{});
  EXPECT_FALSE(evidence.tarball_sha512.empty());
}

TEST(Refusals, OverALimitAreMarked) {
  Inspected inspected(Packed{{"package.json", kPlain}, {"a", ""}, {"b", ""}});
  inspected.input.limits.max_entries = 2;
  const auto evidence = inspected.evidence();
  ASSERT_TRUE(evidence.archive_refusal.has_value());
  EXPECT_TRUE(evidence.archive_refusal->over_limit);
}

struct PackageJsonCase {
  const char* name;
  const char* text;
  bool refused;
};
class PackageJson : public ::testing::TestWithParam<PackageJsonCase> {};
TEST_P(PackageJson, IsReadStrictlyOrRefused) {
  const auto evidence =
      Inspected(Packed{{"package.json", GetParam().text}, {"a.js", "1"}}).evidence();
  EXPECT_EQ(evidence.package_json_refusal.has_value(), GetParam().refused);
  if (GetParam().refused) {
    EXPECT_EQ(evidence.tree.package_json, Manifest{});
  }
  EXPECT_EQ(evidence.tree.files.size(), 2u);  // the other facts stay
}
INSTANTIATE_TEST_SUITE_P(
    Rows, PackageJson,
    ::testing::Values(PackageJsonCase{"plain", kPlain, false},
                      PackageJsonCase{"byte_order_mark", "\xEF\xBB\xBF{\"name\":\"x\"}", false},
                      PackageJsonCase{"broken", "{\"scripts\": {", true},
                      PackageJsonCase{"comment", "{} // x", true},
                      PackageJsonCase{"list", "[]", true},
                      PackageJsonCase{"duplicate", R"({"scripts":{"install":"a"},"scripts":{}})",
                                      true},
                      PackageJsonCase{"script_list", R"({"scripts":{"install":["a"]}})", true},
                      PackageJsonCase{"empty", "", true}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(PackageJsonMissing, IsARefusal) {
  const auto evidence = Inspected(Packed{{"index.js", "1"}}).evidence();
  ASSERT_TRUE(evidence.archive_refusal.has_value());
  EXPECT_EQ(evidence.archive_refusal->rule, "package-json-missing");
}

// --- hooks ---------------------------------------------------------------------------------------

TEST(Hooks, OfTheTarballAreFollowed) {
  const auto tree =
      Inspected(
          Packed{
              {"package.json",
               R"({"scripts":{"postinstall":"node a.js","test":"node t.js","prepare":"node p"}})"},
              {"a.js", "require('./b')"},
              {"b.js", "fetch(x)"},
              {"p.js", ""},
              {"t.js", ""}})
          .evidence()
          .tree;
  EXPECT_EQ(hooks_of(tree), "postinstall: node a.js -> a.js b.js\nprepare: node p -> p.js\n");
}

TEST(Hooks, OfThePackumentAreFollowedToo) {
  Inspected inspected(Packed{{"package.json", kPlain}, {"a.js", ""}});
  EXPECT_EQ(hooks_of(inspected.stated("preinstall", "node a").evidence().tree),
            "preinstall: node a -> a.js\n");
}

TEST(Hooks, ThatDifferAreBothFollowed) {
  Inspected inspected(
      Packed{{"package.json", R"({"scripts":{"install":"node a"}})"}, {"a.js", ""}, {"b.js", ""}});
  EXPECT_EQ(hooks_of(inspected.stated("install", "node b").evidence().tree),
            "install: node a -> a.js\ninstall: node b -> b.js\n");
}

TEST(Hooks, ThatAgreeAreFollowedOnce) {
  Inspected inspected(
      Packed{{"package.json", R"({"scripts":{"install":"node a"}})"}, {"a.js", ""}});
  EXPECT_EQ(hooks_of(inspected.stated("install", "node a").evidence().tree),
            "install: node a -> a.js\n");
}

// `npm run` inside a hook that only the packument states reads the scripts of the package.json on
// disk.
TEST(Hooks, ReadScriptsOfTheTarball) {
  Inspected inspected(Packed{{"package.json", R"({"scripts":{"x":"node a"}})"}, {"a.js", ""}});
  EXPECT_EQ(hooks_of(inspected.stated("install", "npm run x").evidence().tree),
            "install: npm run x -> a.js\n");
}

TEST(Hooks, AreStillFollowedWherePackageJsonIsRefused) {
  Inspected inspected(Packed{{"package.json", "{broken"}, {"a.js", ""}});
  EXPECT_EQ(hooks_of(inspected.stated("install", "node a").evidence().tree),
            "install: node a -> a.js\n");
}

TEST(Hooks, MakeCodeOfWhateverTheyRun) {
  const auto tree = Inspected(Packed{{"package.json", R"({"scripts":{"install":"node data.txt"}})"},
                                     {"data.txt", "eval(atob(x))"},
                                     {"notes.txt", "what eval does"}})
                        .evidence()
                        .tree;
  EXPECT_TRUE(has_trait(tree, "data.txt", kTraitDecodedEval));
  EXPECT_FALSE(tree.find("notes.txt")->code.has_value());
}

struct BuildCase {
  const char* name;
  const char* package_json;
  const char* stated;  // packument's install hook, "" none
  bool implicit;
};
class ImplicitBuilds : public ::testing::TestWithParam<BuildCase> {};
TEST_P(ImplicitBuilds, HappenWithoutInstallHook) {
  Inspected inspected(Packed{{"package.json", GetParam().package_json},
                             {"binding.gyp", "{'sources': ['<!(node index.js)']}"},
                             {"index.js", "fetch(x)"}});
  if (*GetParam().stated != '\0') inspected.stated("install", GetParam().stated);
  const auto tree = inspected.evidence().tree;
  EXPECT_TRUE(tree.has_binding_gyp);
  const auto builds = std::count_if(tree.hooks.begin(), tree.hooks.end(),
                                    [](const HookReach& hook) { return hook.hook == "node-gyp"; });
  EXPECT_EQ(builds, GetParam().implicit ? 1 : 0);
  if (GetParam().implicit) {
    EXPECT_EQ(joined(tree.hooks.back().files), "binding.gyp index.js");
  }
}
INSTANTIATE_TEST_SUITE_P(
    Rows, ImplicitBuilds,
    ::testing::Values(
        BuildCase{"no_scripts", kPlain, "", true},
        BuildCase{"other_hook", R"({"scripts":{"postinstall":"echo"}})", "", true},
        BuildCase{"declined", R"({"gypfile":false})", "", true},  // two of eight clients honour it
        BuildCase{"install", R"({"scripts":{"install":"echo"}})", "echo", false},
        BuildCase{"blank_install", R"({"scripts":{"install":" "}})", "", true},
        BuildCase{"preinstall", R"({"scripts":{"preinstall":"echo"}})", "", true},  // with yarn
        BuildCase{"install_in_tarball_only", R"({"scripts":{"install":"echo"}})", "", true},
        BuildCase{"install_in_packument_only", kPlain, "echo", true}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(ImplicitBuild, OfABareFileDependOnItsOwnScripts) {
  Inspected inspected(
      Packed{{"package.json", R"({"name":"x","scripts":{"install":"node-gyp-build"}})"},
             {"binding.gyp", "{}"}});
  inspected.input.release = {};
  EXPECT_EQ(hooks_of(inspected.evidence().tree), "install: node-gyp-build -> binding.gyp\n");
}

// node-pre-gyp fetches what runs from there, whatever the hook's text.
TEST(Hooks, ThatFetchABuiltAddonReachItsHost) {
  const auto endpoints = [](const std::string& hook) {
    const std::string package =
        R"({"name":"a","version":"1.0.0","homepage":"https://home.example/","scripts":{"install":")" +
        hook + R"("},"binary":{"host":"https://addons.example/a","module_name":"a"}})";
    return Inspected(Packed{{"package.json", package}}).evidence().tree.hooks.at(0).endpoints;
  };
  EXPECT_EQ(endpoints("node-pre-gyp install --fallback-to-build"),
            (std::vector<std::string>{"addons.example"}));
  EXPECT_EQ(endpoints("curl https://z.example/ || prebuild-install"),
            (std::vector<std::string>{"addons.example", "z.example"}));
  EXPECT_TRUE(endpoints("node install.js").empty());
}

TEST(ImplicitBuild, NeedTheFileInTheRoot) {
  const auto tree =
      Inspected(Packed{{"package.json", kPlain}, {"deps/binding.gyp", "{}"}}).evidence().tree;
  EXPECT_FALSE(tree.has_binding_gyp);
  // One name on macOS and Windows.
  const auto odd = Inspected(Packed{{"package.json", kPlain},
                                    {"Binding.GYP", "{}"},
                                    {"NPM-Shrinkwrap.json", "{}"},
                                    {"Node_Modules/a/Package.json", R"({"name":"a"})"},
                                    {"Node_Modules/a/binding.gyp.", "{}"}})
                       .evidence()
                       .tree;
  EXPECT_TRUE(odd.has_binding_gyp);
  EXPECT_TRUE(odd.has_shrinkwrap);
  ASSERT_EQ(odd.bundled.size(), 1u);
  EXPECT_TRUE(odd.bundled[0].has_binding_gyp);
  EXPECT_TRUE(tree.hooks.empty());
}

// --- what else lies in a package -----------------------------------------------------------------

TEST(Bundled, PackagesAreRead) {
  const auto tree = Inspected(Packed{{"package.json", kPlain},
                                     {"node_modules/a/package.json",
                                      R"({"name":"a","scripts":{"postinstall":"node x"}})"},
                                     {"node_modules/a/binding.gyp", "{}"},
                                     {"node_modules/@s/b/package.json", R"({"name":"@s/b"})"},
                                     {"node_modules/a/node_modules/c/package.json", "{broken"},
                                     {"node_modules/a/test/package.json", R"({"name":"fixture"})"},
                                     {"node_modules/.package-lock.json", "{}"},
                                     {"test/node_modules/d/package.json", R"({"name":"d"})"}})
                        .evidence()
                        .tree;
  ASSERT_EQ(tree.bundled.size(), 3u);
  EXPECT_EQ(tree.bundled[0].path, "node_modules/@s/b");
  EXPECT_EQ(tree.bundled[1].path, "node_modules/a/node_modules/c");
  EXPECT_TRUE(tree.bundled[1].refusal.has_value());
  EXPECT_EQ(tree.bundled[2].path, "node_modules/a");
  EXPECT_EQ(tree.bundled[2].manifest.scripts.at("postinstall"), "node x");
  EXPECT_TRUE(tree.bundled[2].has_binding_gyp);
  EXPECT_FALSE(tree.bundled[0].has_binding_gyp);
}

TEST(Shrinkwrap, InTheRootCounts) {
  EXPECT_TRUE(Inspected(Packed{{"package.json", kPlain}, {"npm-shrinkwrap.json", "{}"}})
                  .evidence()
                  .tree.has_shrinkwrap);
  EXPECT_FALSE(Inspected(Packed{{"package.json", kPlain}, {"test/npm-shrinkwrap.json", "{}"}})
                   .evidence()
                   .tree.has_shrinkwrap);
}

TEST(TopDirectory, MayHaveAnyName) {
  const auto tree = Inspected(tgz(tar_entry("x-1.0.0/package.json", kPlain) +
                                  tar_entry("x-1.0.0/x-1.0.0/a.js", "1")))
                        .evidence()
                        .tree;
  EXPECT_EQ(tree.top, "x-1.0.0");
  EXPECT_NE(tree.find("package.json"), nullptr);
  EXPECT_NE(tree.find("x-1.0.0/a.js"), nullptr);
}

// --- whole shapes --------------------------------------------------------------------------------

// A large one-line payload behind a new hook, as worms ship it: measured in full, in one pass.
TEST(Shapes, LargeObfuscatedPayload) {
  std::string payload = "const _0x1234=['" + std::string(64, 'a') + "'";
  while (payload.size() < 3'000'000)
    payload += ",'" + std::to_string(payload.size() * 2654435761u) + "'";
  payload += "];fetch(atob(_0x1234[0]));";
  const auto tree =
      Inspected(Packed{{"package.json", R"({"scripts":{"postinstall":"node bundle.js"}})"},
                       {"bundle.js", payload}})
          .evidence()
          .tree;
  const auto* file = tree.find("bundle.js");
  ASSERT_TRUE(file->code.has_value());
  EXPECT_EQ(joined(file->code->traits), "network-fetch string-array");
  EXPECT_EQ(file->code->longest_line, payload.size());
  EXPECT_EQ(file->code->lines, 1u);
}

TEST(Shapes, HarmlessInstaller) {
  const auto tree =
      Inspected(Packed{{"package.json", R"({"scripts":{"postinstall":"node install.js"}})"},
                       {"install.js",
                        "// https://a.example\nconst v = require('./package.json').version; "
                        "console.log(v)"}})
          .evidence()
          .tree;
  ASSERT_EQ(tree.hooks.size(), 1u);
  EXPECT_EQ(joined(tree.hooks[0].files), "install.js");
  EXPECT_TRUE(tree.hooks[0].traits.empty());
  EXPECT_TRUE(tree.find("install.js")->code->traits.empty());
  EXPECT_TRUE(tree.find("install.js")->code->endpoints.empty());
}

TEST(Shapes, EvidenceSurvivesItsJson) {
  Inspected inspected(
      Packed{{"package.json", R"({"name":"x","scripts":{"install":"node a \u00fc"},"bin":"b.js"})"},
             {"a.js", "get('https://b\xC3\xBC.example/\xFF')"},
             {"binding.gyp", "'<!(node \xFF.js)'"},
             {"node_modules/y/package.json", "{\"a\": \"\xFF\"}"}});
  const auto evidence =
      inspected.stated("postinstall", "sh -c 'curl https://c.example'").evidence();
  const auto back =
      evidence_from_json(boost::json::parse(boost::json::serialize(to_json(evidence))));
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(*back, evidence);
}

}  // namespace
}  // namespace npmgate
