#include "registry/manifest.h"

#include <gtest/gtest.h>

#include <limits>

#include "registry/json_scan.h"
#include "registry/packument.h"
#include "tests/registry/json_samples.h"

namespace npmgate {
namespace {

using test::JsonGenerator;
using test::nested;

std::string rule_of(const ParsedManifest& parsed) {
  return parsed.refusal ? parsed.refusal->rule : "accepted";
}

struct Text {
  const char* name;
  std::string text;
  std::string rule;
};

std::string print_name(const testing::TestParamInfo<Text>& row) {
  return row.param.name;
}

class PackageJson : public testing::TestWithParam<Text> {};

TEST_P(PackageJson, IsAcceptedOrRefusedByRule) {
  const ParsedManifest parsed = parse_package_json(GetParam().text);
  EXPECT_EQ(rule_of(parsed), GetParam().rule);
  if (parsed.refusal) {
    EXPECT_EQ(parsed.manifest, Manifest());
    EXPECT_FALSE(parsed.refusal->detail.empty());
  }
}

std::string utf16le(std::string_view text) {
  std::string out = "\xff\xfe";
  for (char c : text) (out += c) += '\0';
  return out;
}

// The shapes on which clients were seen to disagree (docs/threats.md): each must be one rule's, or
// be read alike by all.
INSTANTIATE_TEST_SUITE_P(
    Threats, PackageJson,
    testing::Values(
        Text{"Plain", R"({"name":"a","version":"1.0.0"})", "accepted"},
        Text{"EmptyObject", "{}", "accepted"}, Text{"Bom", "\xef\xbb\xbf{}", "accepted"},
        Text{"TwoBoms", "\xef\xbb\xbf\xef\xbb\xbf{}", "not-json"},
        Text{"OnlyBom", "\xef\xbb\xbf", "not-json"}, Text{"Empty", "", "not-json"},
        Text{"Blanks", " \n ", "not-json"}, Text{"Utf16", utf16le(R"({"name":"a"})"), "nul"},
        Text{"LeadingNul", std::string("\0{}", 3), "nul"},
        Text{"TrailingNul", std::string("{}\0", 3), "nul"}, Text{"Comment", "{/* */}", "not-json"},
        Text{"LineComment", "{}// x", "not-json"}, Text{"TrailingComma", R"({"a":1,})", "not-json"},
        Text{"SingleQuotes", "{'a':1}", "not-json"}, Text{"UnquotedKey", "{a:1}", "not-json"},
        Text{"TrailingGarbage", "{} x", "not-json"}, Text{"TwoObjects", "{}{}", "not-json"},
        Text{"NoBreakSpace", "\xc2\xa0{}", "not-json"},
        Text{"LineSeparator", "{\xe2\x80\xa8}", "not-json"},
        Text{"VerticalTab", "\v{}", "not-json"}, Text{"FormFeed", "{\f}", "not-json"},
        Text{"InvalidUtf8", "{\"a\":\"\xff\"}", "invalid-utf8"},
        Text{"OverlongUtf8", "{\"a\":\"\xc0\xaf\"}", "invalid-utf8"},
        Text{"SurrogateBytes", "{\"a\":\"\xed\xa0\x80\"}", "invalid-utf8"},
        Text{"LoneSurrogate", R"({"a":"\ud800"})", "lone-surrogate"},
        Text{"LoneLowSurrogate", R"({"a":"\udfff"})", "lone-surrogate"},
        Text{"LoneSurrogateKey", R"({"\ud800":1})", "lone-surrogate"},
        Text{"SurrogatePair", R"({"a":"\ud83d\ude00"})", "accepted"},
        Text{"ControlCharacter", "{\"a\":\"\x01\"}", "not-json"},
        Text{"Tab", "{\"a\":\"\t\"}", "not-json"}, Text{"BadEscape", R"({"a":"\x41"})", "not-json"},
        Text{"BadLiteral", R"({"a":tru})", "not-json"}, Text{"NaN", R"({"a":NaN})", "not-json"},
        Text{"Infinity", R"({"a":-Infinity})", "not-json"},
        Text{"LeadingZero", R"({"a":01})", "not-json"},
        Text{"NoInteger", R"({"a":.5})", "not-json"}, Text{"Plus", R"({"a":+1})", "not-json"},
        Text{"LeadingZeroExponent", R"({"a":01e99999})", "not-json"},
        Text{"HugeNumbers", R"({"a":1e99999,"b":)" + std::string(400, '9') + R"(,"c":-0})",
             "accepted"},
        Text{"HugeNumberAndBroken", R"({"a":1e99999,"b":tru})", "not-json"},
        Text{"HugeNumberScript", R"({"scripts":{"install":1e99999}})", "scripts-not-strings"},
        Text{"Null", "null", "not-an-object"}, Text{"Array", "[]", "not-an-object"},
        Text{"String", R"("{}")", "not-an-object"}, Text{"Number", "1", "not-an-object"}),
    print_name);

INSTANTIATE_TEST_SUITE_P(
    Depth, PackageJson,
    testing::Values(Text{"Arrays199", "{\"a\":" + nested(199, '[') + "}", "accepted"},
                    Text{"Arrays200", "{\"a\":" + nested(200, '[') + "}", "depth"},
                    Text{"Arrays199Filled", "{\"a\":" + nested(199, '[', "1") + "}", "accepted"},
                    Text{"Arrays200Filled", "{\"a\":" + nested(200, '[', "1") + "}", "depth"},
                    Text{"Objects200", nested(200, '{'), "accepted"},
                    Text{"Objects201", nested(201, '{'), "depth"},
                    Text{"Arrays5000", "{\"a\":" + nested(5'000, '[') + "}", "depth"},
                    Text{"Arrays100000", "{\"a\":" + nested(100'000, '[') + "}", "depth"}),
    print_name);

INSTANTIATE_TEST_SUITE_P(
    Keys, PackageJson,
    testing::Values(
        Text{"ScriptsTwice", R"({"scripts":{},"scripts":{"install":"x"}})", "duplicate-key"},
        Text{"ScriptsTwiceEscaped", R"({"scripts":{},"\u0073cripts":{"install":"x"}})",
             "duplicate-key"},
        Text{"HookTwice", R"({"scripts":{"install":"a","install":"b"}})", "duplicate-key"},
        Text{"HookTwiceApart", R"({"scripts":{"install":"a","b":"","install":"b"}})",
             "duplicate-key"},
        Text{"NameTwice", R"({"name":"a","name":"a"})", "duplicate-key"},
        Text{"BinTwice", R"({"bin":{"a":"x","a":"y"}})", "duplicate-key"},
        Text{"DependencyTwice", R"({"dependencies":{"a":"1","a":"2"}})", "duplicate-key"},
        Text{"OptionalTwice", R"({"optionalDependencies":{"a":"1","a":"2"}})", "duplicate-key"},
        Text{"ExportsInside", R"({"exports":{".":{"node":"a","node":"b"}}})", "duplicate-key"},
        Text{"InsideAnArray", R"({"exports":[{"a":1,"a":2}]})", "duplicate-key"},
        Text{"KeywordsTwice", R"({"keywords":[],"keywords":["a"]})", "accepted"},
        Text{"InsideConfig", R"({"config":{"scripts":1,"scripts":2}})", "accepted"},
        Text{"OtherCase", R"({"scripts":{},"Scripts":{}})", "accepted"},
        Text{"SameKeyInTwoObjects", R"({"bin":{"a":"x"},"scripts":{"a":"x"}})", "accepted"},
        Text{"Proto", R"({"__proto__":{}})", "proto-key"},
        Text{"ProtoInside", R"({"scripts":{"__proto__":"x"}})", "proto-key"},
        Text{"ProtoDeep", R"({"x":[{"y":{"__proto__":1}}]})", "proto-key"},
        Text{"ProtoEscaped", R"({"\u005f_proto__":{}})", "proto-key"},
        Text{"ProtoAsValue", R"({"a":"__proto__"})", "accepted"}),
    print_name);

INSTANTIATE_TEST_SUITE_P(
    Scripts, PackageJson,
    testing::Values(
        Text{"HookIsArray", R"({"scripts":{"postinstall":["x"]}})", "scripts-not-strings"},
        Text{"HookIsObject", R"({"scripts":{"postinstall":{"a":1}}})", "scripts-not-strings"},
        Text{"HookIsNumber", R"({"scripts":{"postinstall":1}})", "scripts-not-strings"},
        Text{"HookIsNull", R"({"scripts":{"postinstall":null}})", "scripts-not-strings"},
        Text{"PreOfAHookIsArray", R"({"scripts":{"prepostinstall":["x"]}})", "scripts-not-strings"},
        Text{"PostOfAHookIsNumber", R"({"scripts":{"postinstall":"x","postpreinstall":0}})",
             "scripts-not-strings"},
        Text{"OtherScriptIsArray", R"({"scripts":{"test":["x"]}})", "accepted"},
        Text{"OtherScriptIsObject", R"({"scripts":{"test:leak:os":{"linux":"x"}}})", "accepted"},
        Text{"PostOfAnotherScript", R"({"scripts":{"posttest":{},"installation":1}})", "accepted"},
        Text{"FilledArray", R"({"scripts":["x"]})", "scripts-not-strings"},
        Text{"Words", R"({"scripts":"x"})", "scripts-not-strings"},
        Text{"True", R"({"scripts":true})", "scripts-not-strings"},
        Text{"EmptyArray", R"({"scripts":[]})", "accepted"},
        Text{"NullScripts", R"({"scripts":null})", "accepted"},
        Text{"EmptyHook", R"({"scripts":{"postinstall":""}})", "accepted"},
        // Only the packument's dependencies are installed.
        Text{"DependencyObject", R"({"dependencies":{"a":{"b":"1"}}})", "accepted"}),
    print_name);

TEST(PackageJsonSize, FourMebibytesAreTheLimit) {
  constexpr std::size_t kLimit = std::size_t{4} << 20;
  const std::string head = R"({"description":")", tail = "\"}";
  const std::string fits = head + std::string(kLimit - head.size() - tail.size(), 'a') + tail;
  EXPECT_EQ(rule_of(parse_package_json(fits)), "accepted");
  EXPECT_EQ(rule_of(parse_package_json(fits + " ")), "size");
}

TEST(PackageJsonSize, ManyKeysAreComparedInGoodTime) {
  std::string text = R"({"scripts":{)";
  for (int i = 100'000; i > 0; --i) text += "\"key-" + std::to_string(i) + R"(":"",)";
  EXPECT_EQ(rule_of(parse_package_json(text + R"("last":""}})")), "accepted");
  EXPECT_EQ(rule_of(parse_package_json(text + R"("key-7":""}})")), "duplicate-key");
}

TEST(PackageJsonDuplicates, HarmlessOnesAreReportedAndTheLastCounts) {
  const auto parsed = parse_package_json(
      R"({"license":"MIT","license":"ISC","description":"a","description":"b","name":"n"})");
  EXPECT_FALSE(parsed.refusal);
  EXPECT_TRUE(parsed.harmless_duplicates);
  EXPECT_EQ(parsed.manifest.license, "ISC");
  EXPECT_EQ(parsed.manifest.description, "b");
  EXPECT_FALSE(parse_package_json(R"({"license":"MIT","name":"n"})").harmless_duplicates);
  // As backbone 1.2.0 and connect 1.8.7 have them.
  const auto real = parse_package_json(
      R"({"main":"a.js","repository":"git://a.example/a","main":"b.js","repository":"git://b.example/b"})");
  EXPECT_FALSE(real.refusal);
  EXPECT_EQ(real.manifest.main, "b.js");
  EXPECT_EQ(real.manifest.repository->url, "git://b.example/b");
}

TEST(PackageJsonDuplicates, TheHarmfulOneIsNamed) {
  const auto parsed =
      parse_package_json(R"({"aaa":1,"aaa":2,"bin":{"tool":"x","tool":"y"},"zzz":1,"zzz":2})");
  ASSERT_TRUE(parsed.refusal);
  EXPECT_NE(parsed.refusal->detail.find("tool"), std::string::npos);
}

// pnpm fetches such a runtime from the runtime's own site.
TEST(PackageJsonFields, RuntimesToDownloadAreDependencies) {
  const auto dependencies = [](const std::string& runtime) {
    return parse_package_json(R"({"dependencies":{"bun":"1"},"engines":{"runtime":)" + runtime +
                              "}}")
        .manifest.dependencies;
  };
  EXPECT_EQ(dependencies(R"({"name":"node","version":"22.0.0","onFail":"download"})"),
            (StringMap{{"bun", "1"}, {"node", "runtime:22.0.0"}}));
  EXPECT_EQ(dependencies(R"([1,{"name":"deno","version":"2","onFail":"download"},
                             {"name":"bun","version":"9","onFail":"download"}])"),
            (StringMap{{"bun", "1"}, {"deno", "runtime:2"}}));
  EXPECT_EQ(dependencies(R"({"name":"node","version":"22.0.0","onFail":"warn"})").size(), 1u);
  EXPECT_EQ(dependencies(R"({"name":"sh","version":"1","onFail":"download"})").size(), 1u);
}

TEST(PackageJsonFields, DirectoryOfCommandsCountsWithoutBin) {
  const auto directory = [](const std::string& rest) {
    return parse_package_json(R"({"name":"x",)" + rest + "}").manifest.bin_directory;
  };
  EXPECT_EQ(directory(R"("directories":{"bin":"./cmd/"})"), "cmd");
  EXPECT_EQ(directory(R"("directories":{"bin":"."})"), ".");
  EXPECT_EQ(directory(R"("directories":{"bin":"../../etc"})"), "etc");
  EXPECT_EQ(directory(R"("bin":{},"directories":{"bin":"cmd"})"), "cmd");
  EXPECT_EQ(directory(R"("bin":"cli.js","directories":{"bin":"cmd"})"), "");
  EXPECT_EQ(directory(R"("directories":{"bin":["cmd"]})"), "");
  EXPECT_EQ(directory(R"("directories":"cmd")"), "");
}

TEST(PackageJsonFields, AllAreRead) {
  const auto parsed = parse_package_json(R"({
    "name": "@acme/tool", "version": "1.2.3", "description": "d", "main": "index.js", "license": "MIT",
    "scripts": {"postinstall": "node a.js", "test": "t"},
    "dependencies": {"b": "^1", "a": "git+https://git.example/x"},
    "optionalDependencies": {"o": "1"}, "peerDependencies": {"p": "2"}, "devDependencies": {"d": "3"},
    "bundleDependencies": ["b"], "bin": {"tool": "./cli.js"}, "gypfile": false, "deprecated": "old",
    "repository": {"type": "git", "url": "git+https://git.example/x.git", "directory": "packages/tool"},
    "engines": {"node": ">=18"}, "os": ["linux"], "cpu": "x64", "libc": ["glibc"]})");
  ASSERT_FALSE(parsed.refusal);
  Manifest expected;
  expected.name = "@acme/tool";
  expected.version = "1.2.3";
  expected.description = "d";
  expected.main = "index.js";
  expected.license = "MIT";
  expected.scripts = {{"postinstall", "node a.js"}, {"test", "t"}};
  expected.dependencies = {{"a", "git+https://git.example/x"}, {"b", "^1"}};
  expected.optional_dependencies = {{"o", "1"}};
  expected.peer_dependencies = {{"p", "2"}};
  expected.dev_dependencies = {{"d", "3"}};
  expected.bundled = {"b"};
  expected.bin = {{"tool", "cli.js"}};
  expected.gypfile = false;
  expected.deprecated = "old";
  expected.repository = Repository{"git+https://git.example/x.git", "packages/tool"};
  expected.engines = {{"node", ">=18"}};
  expected.os = {"linux"};
  expected.cpu = {"x64"};
  expected.libc = {"glibc"};
  EXPECT_EQ(parsed.manifest, expected);
}

TEST(PackageJsonFields, TypesNobodyActsUponAreLeftOut) {
  const auto parsed = parse_package_json(
      R"({"name":1,"version":[],"main":["a"],"description":{},"license":7,"os":true,"engines":1,
          "gypfile":"no","repository":9,"bin":3,"bundleDependencies":false,"deprecated":false,
          "dependencies":["a"],"devDependencies":null})");
  ASSERT_FALSE(parsed.refusal);
  EXPECT_EQ(parsed.manifest, Manifest());
}

struct BinRow {
  const char* name;
  std::string bin;
  StringMap expected;
};

class Bin : public testing::TestWithParam<BinRow> {};

TEST_P(Bin, IsNormalisedAsNpmDoes) {
  const auto parsed = parse_package_json(R"({"name":"@acme/tool","bin":)" + GetParam().bin + "}");
  ASSERT_FALSE(parsed.refusal);
  EXPECT_EQ(parsed.manifest.bin, GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    PackageJson, Bin,
    testing::Values(BinRow{"Text", R"("./cli.js")", {{"tool", "cli.js"}}},
                    BinRow{"Map", R"({"a":"x","b":"y"})", {{"a", "x"}, {"b", "y"}}},
                    BinRow{"PathAsName", R"({"../../sh":"x"})", {{"sh", "x"}}},
                    BinRow{"BackslashName", R"({"..\\sh":"x"})", {{"sh", "x"}}},
                    BinRow{"ColonName", R"({"c:sh":"x"})", {{"sh", "x"}}},
                    BinRow{"ScopedName", R"({"@acme/run":"x"})", {{"run", "x"}}},
                    BinRow{"TrailingSlash", R"({"sh/":"x"})", {{"sh", "x"}}},
                    BinRow{"DotsOnly", R"({"..":"x",".":"y","":"z"})", {}},
                    BinRow{"EscapingPath", R"({"a":"../../etc/x"})", {{"a", "etc/x"}}},
                    BinRow{"RootedPath", R"({"a":"/bin/./x//y"})", {{"a", "bin/x/y"}}},
                    BinRow{"InnerDots", R"({"a":"b/../c"})", {{"a", "c"}}},
                    BinRow{"EmptyPath", R"({"a":"","b":"./"})", {}},
                    BinRow{"OtherTypes", R"({"a":1,"b":null,"c":"x"})", {{"c", "x"}}},
                    BinRow{"Array", R"(["bin/a","b.js"])", {{"a", "bin/a"}, {"b.js", "b.js"}}}),
    [](const auto& row) { return row.param.name; });

TEST(Bin, TextWithoutANameIsNoCommand) {
  EXPECT_TRUE(parse_package_json(R"({"bin":"cli.js"})").manifest.bin.empty());
}

TEST(Bin, TheNameMayFollow) {
  const StringMap expected = {{"n", "cli.js"}};
  EXPECT_EQ(parse_package_json(R"({"bin":"cli.js","name":"n"})").manifest.bin, expected);
}

struct BundledRow {
  const char* name;
  std::string members;
  std::vector<std::string> expected;
};

class Bundled : public testing::TestWithParam<BundledRow> {};

TEST_P(Bundled, IsReadInEveryForm) {
  const auto parsed =
      parse_package_json(R"({"dependencies":{"x":"1","y":"2"},)" + GetParam().members + "}");
  ASSERT_FALSE(parsed.refusal);
  EXPECT_EQ(parsed.manifest.bundled, GetParam().expected);
}

using Names = std::vector<std::string>;
INSTANTIATE_TEST_SUITE_P(
    PackageJson, Bundled,
    testing::Values(BundledRow{"Array", R"("bundleDependencies":["b","a"])", Names{"b", "a"}},
                    BundledRow{"OtherSpelling", R"("bundledDependencies":["b"])", Names{"b"}},
                    BundledRow{"Both",
                               R"("bundledDependencies":["b"],"bundleDependencies":["a","b"])",
                               Names{"a", "b"}},
                    BundledRow{"True", R"("bundleDependencies":true)", Names{"x", "y"}},
                    BundledRow{"False", R"("bundleDependencies":false)", Names{}},
                    BundledRow{"Map", R"("bundleDependencies":{"a":"1"})", Names{"a"}},
                    BundledRow{"Repeated", R"("bundleDependencies":["a","a"])", Names{"a"}},
                    BundledRow{"Word", R"("bundleDependencies":"a")", Names{}}),
    [](const auto& row) { return row.param.name; });

struct LicenseRow {
  const char* name;
  std::string members;
  std::string expected;
};

class License : public testing::TestWithParam<LicenseRow> {};

TEST_P(License, IsReadInEveryForm) {
  const auto parsed = parse_package_json("{" + GetParam().members + "}");
  ASSERT_FALSE(parsed.refusal);
  EXPECT_EQ(parsed.manifest.license, GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    PackageJson, License,
    testing::Values(LicenseRow{"Text", R"("license":"MIT")", "MIT"},
                    LicenseRow{"Object", R"("license":{"type":"MIT","url":"u"})", "MIT"},
                    LicenseRow{"ObjectWithName", R"("license":{"name":"MIT"})", "MIT"},
                    LicenseRow{"RepeatedType", R"("license":{"type":"MIT","type":"ISC"})", "ISC"},
                    LicenseRow{"OneInArray", R"("license":["MIT"])", "MIT"},
                    LicenseRow{"OldForm", R"("licenses":[{"type":"MIT"},{"type":"ISC"}])",
                               "(MIT OR ISC)"},
                    LicenseRow{"NewBeforeOld", R"("licenses":["ISC"],"license":"MIT")", "MIT"},
                    LicenseRow{"UrlOnly", R"("license":{"url":"u"})", ""},
                    LicenseRow{"Null", R"("license":null)", ""}),
    [](const auto& row) { return row.param.name; });

struct RepositoryRow {
  const char* name;
  std::string value;
  std::optional<Repository> expected;
};

class RepositoryField : public testing::TestWithParam<RepositoryRow> {};

TEST_P(RepositoryField, IsReadInEveryForm) {
  const auto parsed = parse_package_json(R"({"repository":)" + GetParam().value + "}");
  ASSERT_FALSE(parsed.refusal);
  EXPECT_EQ(parsed.manifest.repository, GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    PackageJson, RepositoryField,
    testing::Values(RepositoryRow{"Shorthand", R"("github:a/b")", Repository{"github:a/b", ""}},
                    RepositoryRow{"Object", R"({"url":"u"})", Repository{"u", ""}},
                    RepositoryRow{"OldArray", R"([{"type":"git","url":"u"}])", Repository{"u", ""}},
                    RepositoryRow{"ArrayInArray", R"([["u"]])", std::nullopt},
                    RepositoryRow{"EmptyArray", "[]", std::nullopt},
                    RepositoryRow{"NoUrl", R"({"type":"git"})", std::nullopt},
                    RepositoryRow{"OddUrl", R"({"url":["u"]})", std::nullopt},
                    RepositoryRow{"Null", "null", std::nullopt}),
    [](const auto& row) { return row.param.name; });

TEST(PackageJsonFields, EnginesOfOldPackages) {
  const auto engines = [](std::string_view value) {
    return parse_package_json(R"({"engines":)" + std::string(value) + "}").manifest.engines;
  };
  EXPECT_EQ(engines(R"(["node >= 0.6","rhino"])"), (StringMap{{"node", ">= 0.6"}, {"rhino", ""}}));
  EXPECT_EQ(engines(R"("node 0.4")"), (StringMap{{"node", "0.4"}}));
  EXPECT_EQ(engines(R"({"node":4,"npm":"1"})"), (StringMap{{"npm", "1"}}));
}

TEST(PackageJsonFields, Deprecated) {
  const auto deprecated = [](std::string_view value) {
    return parse_package_json(R"({"deprecated":)" + std::string(value) + "}").manifest.deprecated;
  };
  EXPECT_EQ(deprecated(R"("use b")"), "use b");
  EXPECT_EQ(deprecated("true"), "true");
  EXPECT_EQ(deprecated("\"\""), std::nullopt);
  EXPECT_EQ(deprecated("false"), std::nullopt);
}

// Whatever another strict parser refuses is refused here, and nothing is called "not JSON" that it
// accepts.
TEST(PackageJsonProperty, AgreesWithAnotherParserOnDamagedTexts) {
  JsonGenerator random(11);
  int accepted = 0, refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text = random.object(3, R"("name":"n","scripts":{"test":"t"})");
    for (std::size_t i = random.below(3); i > 0; --i) text = random.mutate(text);
    const ParsedManifest parsed = parse_package_json(text);
    // The other parser has its own limit for exponents.
    const bool valid = test::oracle(text) || test::oracle(json::replace_large_numbers(text));
    if (!parsed.refusal) {
      ++accepted;
      ASSERT_TRUE(valid) << text;
    } else if (parsed.refusal->rule == "not-json" || parsed.refusal->rule == "invalid-utf8") {
      ++refused;
      ASSERT_FALSE(valid) << text << "\n" << parsed.refusal->detail;
    }
  }
  EXPECT_GT(accepted, 5'000);
  EXPECT_GT(refused, 5'000);
}

std::string canonical(std::string_view text) {
  const auto result = canonical_manifest(text);
  return result ? *result : "error: " + result.error().context;
}

TEST(CanonicalManifest, IsCompactAndSorted) {
  EXPECT_EQ(
      canonical(R"({ "version": "1.0.0", "scripts": {"b": "2", "a": "1"}, "os": ["linux", "!aix"],
                           "name": "n", "dependencies": {"z": "1", "\u0061": "2"}, "hasInstallScript": true,
                           "peerDependenciesMeta": {"p": {"optional": true}},
                           "dist": {"tarball": "t", "shasum": "00", "integrity": "sha512-x", "signatures": []}})"),
      R"({"dependencies":{"a":"2","z":"1"},"dist":{"integrity":"sha512-x","shasum":"00"},)"
      R"("hasInstallScript":true,"os":["linux","!aix"],"peerDependenciesMeta":{"p":{"optional":true}},)"
      R"("scripts":{"a":"1","b":"2"}})");
  EXPECT_EQ(canonical("{}"), "{}");
  EXPECT_EQ(canonical(R"({"gypfile":false,"engines":null,"bin":[1,-2,1.5,18446744073709551615]})"),
            R"({"bin":[1,-2,1.5E0,18446744073709551615],"engines":null,"gypfile":false})");
}

TEST(CanonicalManifest, ChangesWithEveryFieldThatClientsActOn) {
  const std::string base = canonical(R"({"dist":{}})");
  for (const char* field : {"scripts", "dependencies", "optionalDependencies", "peerDependencies",
                            "peerDependenciesMeta", "bundleDependencies", "bundledDependencies",
                            "acceptDependencies", "bin", "directories", "engines", "os", "cpu",
                            "libc", "gypfile", "hasInstallScript", "_hasShrinkwrap"}) {
    const std::string one = canonical(R"({"dist":{},")" + std::string(field) + R"(":{"a":"1"}})");
    const std::string two = canonical(R"({"dist":{},")" + std::string(field) + R"(":{"a":"2"}})");
    EXPECT_NE(one, base) << field;
    EXPECT_NE(one, two) << field;
  }
  EXPECT_NE(canonical(R"({"dist":{"integrity":"a"}})"), canonical(R"({"dist":{"integrity":"b"}})"));
  EXPECT_NE(canonical(R"({"dist":{"shasum":"a"}})"), canonical(R"({"dist":{"shasum":"b"}})"));
}

TEST(CanonicalManifest, DoesNotChangeWithTheRest) {
  const std::string base = canonical(R"({"dist":{"shasum":"a"}})");
  for (const char* text :
       {R"({"dist":{"shasum":"a","tarball":"t"}})",
        R"({"dist":{"shasum":"a","signatures":[{"keyid":"k"}]}})",
        R"({"dist":{"shasum":"a","attestations":{"url":"u"}}})",
        R"({"readme":"r","dist":{"shasum":"a"}})",
        R"({"deprecated":"d","maintainers":[],"_npmUser":{},"dist":{"shasum":"a"}})"}) {
    EXPECT_EQ(canonical(text), base) << text;
  }
}

TEST(CanonicalManifest, RefusesWhatIsNotReadAlike) {
  EXPECT_TRUE(canonical("").starts_with("error: not-json"));
  EXPECT_TRUE(canonical("[]").starts_with("error: not-an-object"));
  EXPECT_TRUE(canonical(R"({"a":1,"a":2})").starts_with("error: duplicate-key"));
  EXPECT_TRUE(canonical(R"({"os":1e99999})").starts_with("error: number"));
  EXPECT_TRUE(canonical(R"({"a":"\ud800"})").starts_with("error: lone-surrogate"));
  const auto large =
      canonical_manifest("{\"a\":\"" + std::string(std::size_t{4} << 20, 'x') + "\"}");
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, Code::kTooLarge);
}

TEST(CanonicalManifest, OrderAndBlanksDoNotMatter) {
  JsonGenerator random(12);
  for (int round = 0; round < 500; ++round) {
    const std::string value = random.value(3);
    const std::string one = R"({"bin":)" + value + R"(,"os":1})";
    const std::string two = "{ \"os\" :1 ,\n\"bin\" : " + value + " } ";
    ASSERT_EQ(canonical(one), canonical(two)) << value;
  }
}

TEST(PackageJson, ScriptsThatNobodyRunsHideNoHook) {
  const auto parsed = parse_package_json(
      R"({"scripts":{"postinstall":"node x.js","blanket":{"pattern":"y"},"test":"mocha"}})");
  ASSERT_FALSE(parsed.refusal);
  EXPECT_EQ(parsed.manifest.scripts, (StringMap{{"postinstall", "node x.js"}, {"test", "mocha"}}));
}

struct ReleaseRow {
  const char* name;
  std::string members;
  std::string error;  // the start of the refusal, "" if it is accepted
};

class ReleaseShape : public testing::TestWithParam<ReleaseRow> {};

TEST_P(ReleaseShape, IsAcceptedOrRefused) {
  const auto release = parse_release(test::manifest_json("p", "1.0.0", GetParam().members));
  if (GetParam().error.empty()) {
    EXPECT_TRUE(release) << release.error().context;
  } else {
    ASSERT_FALSE(release);
    EXPECT_TRUE(release.error().context.starts_with(GetParam().error)) << release.error().context;
  }
}

INSTANTIATE_TEST_SUITE_P(
    ParseRelease, ReleaseShape,
    testing::Values(
        ReleaseRow{"Plain", "", ""},
        ReleaseRow{"AnyDuplicate", R"(,"x":{"a":1,"a":2})", "duplicate-key"},
        ReleaseRow{"HugeNumber", R"(,"x":1e99999)", "number"},
        ReleaseRow{"Proto", R"(,"x":{"__proto__":1})", "proto-key"},
        ReleaseRow{"Scripts", R"(,"scripts":{"install":1})", "scripts-not-strings"},
        ReleaseRow{"OtherScripts", R"(,"scripts":{"a":1,"travis-cov":{"threshold":100}})", ""},
        ReleaseRow{"EmptyScripts", R"(,"scripts":[])", ""},
        ReleaseRow{"Dependencies", R"(,"dependencies":{"a":{}})", "dependencies-not-strings"},
        ReleaseRow{"DependencyArray", R"(,"dependencies":["a"])", "dependencies-not-strings"},
        ReleaseRow{"NoDependencies", R"(,"dependencies":[])", ""},
        ReleaseRow{"NullDependencies", R"(,"optionalDependencies":null)", ""},
        ReleaseRow{"Optional", R"(,"optionalDependencies":{"a":1})", "dependencies-not-strings"},
        ReleaseRow{"Peer", R"(,"peerDependencies":7)", "dependencies-not-strings"},
        ReleaseRow{"Dev", R"(,"devDependencies":{"a":{}})", ""},
        ReleaseRow{"ClimbingName", R"(,"dependencies":{"../../x":"npm:a@1"})", "dependency-name"},
        ReleaseRow{"ClimbingInScope", R"(,"optionalDependencies":{"@s/..":"1"})",
                   "dependency-name"},
        ReleaseRow{"RootedName", R"(,"dependencies":{"/x":"1"})", "dependency-name"},
        ReleaseRow{"BackslashName", R"(,"peerDependencies":{"..\\x":"1"})", "dependency-name"},
        ReleaseRow{"OddNames", R"(,"dependencies":{"":"1","A..b":"1","@s/a":"1","a/b/":"1"})", ""},
        ReleaseRow{"OddMain", R"(,"main":["a"],"keywords":7,"author":[])", ""},
        ReleaseRow{"SecondDist", R"(,"dist":{})", "duplicate-key"}),
    [](const auto& row) { return row.param.name; });

TEST(ParseRelease, DistOfAnotherTypeIsRefused) {
  for (const char* dist : {"\"x\"", "[]", "null", R"({"tarball":1})", R"({"tarball":["u"]})",
                           R"({"integrity":{}})", R"({"shasum":7})"}) {
    const auto release = parse_release(R"({"dist":)" + std::string(dist) + "}");
    ASSERT_FALSE(release) << dist;
    EXPECT_TRUE(release.error().context.starts_with("dist")) << dist;
  }
  EXPECT_TRUE(parse_release(R"({"dist":{"integrity":null}})"));
  EXPECT_TRUE(parse_release("{}"));
}

TEST(ParseRelease, ReadsTheEvidence) {
  const auto release = parse_release(R"json(
    {"name":"p","version":"1.0.0","gitHead":"abc","hasInstallScript":true,"_hasShrinkwrap":true,
     "devDependencies":{"d":"1"},
     "maintainers":[{"name":"a","email":"a@b.example"},"B C <b@b.example> (https://b.example)",7],
     "_npmUser":{"name":"bot","email":"x@y.example","approver":{"name":"human"},
                 "trustedPublisher":{"id":"github","oidcConfigId":"oidc:1"}},
     "dist":{"tarball":"u","integrity":"i","shasum":"s","fileCount":3,
             "unpackedSize":18446744073709551615,
             "signatures":[{"keyid":"k","sig":"v"},{"keyid":"k"},7],
             "attestations":{"url":"au","provenance":{"predicateType":"pt"}}}} )json");
  ASSERT_TRUE(release) << release.error().context;
  Release expected;
  expected.manifest.name = "p";
  expected.manifest.version = "1.0.0";
  expected.git_head = "abc";
  expected.has_install_script = true;
  expected.has_shrinkwrap = true;
  expected.maintainers = std::vector<Person>{{"a", "a@b.example"}, {"B C", "b@b.example"}};
  expected.publisher = Publisher{{"bot", "x@y.example"}, "github", "human"};
  expected.dist.tarball = "u";
  expected.dist.integrity = "i";
  expected.dist.shasum = "s";
  expected.dist.unpacked_size = std::numeric_limits<std::uint64_t>::max();
  expected.dist.file_count = 3;
  expected.dist.signatures = std::vector<Dist::Signature>{{"k", "v"}};
  expected.dist.attestations_url = "au";
  expected.dist.provenance_predicate = "pt";
  EXPECT_EQ(*release, expected);
}

TEST(ParseRelease, AbsentIsUnknown) {
  const auto release = parse_release(R"({"name":"p","version":"1.0.0","dist":{"tarball":"u"}})");
  ASSERT_TRUE(release);
  EXPECT_EQ(release->publisher, std::nullopt);
  EXPECT_EQ(release->maintainers, std::nullopt);
  EXPECT_EQ(release->git_head, std::nullopt);
  EXPECT_EQ(release->has_install_script, std::nullopt);
  EXPECT_EQ(release->dist.signatures, std::nullopt);
  EXPECT_EQ(release->dist.attestations_url, std::nullopt);
  EXPECT_EQ(release->dist.unpacked_size, std::nullopt);
  EXPECT_FALSE(release->has_shrinkwrap);
}

TEST(ParseRelease, EmptySignaturesAreNotAbsentOnes) {
  const auto release = parse_release(R"({"dist":{"signatures":[]}})");
  ASSERT_TRUE(release && release->dist.signatures);
  EXPECT_TRUE(release->dist.signatures->empty());
}

TEST(ParseRelease, FlagsAreReadAsJavaScriptReadsThem) {
  const auto shrinkwrap = [](std::string_view value) {
    return parse_release(R"({"_hasShrinkwrap":)" + std::string(value) + "}")->has_shrinkwrap;
  };
  for (const char* yes : {"true", "1", "\"x\"", "{}", "[]", "-1.5"})
    EXPECT_TRUE(shrinkwrap(yes)) << yes;
  for (const char* no : {"false", "0", "\"\"", "null", "-0.0"}) EXPECT_FALSE(shrinkwrap(no)) << no;
}

TEST(ParseRelease, PersonsInOldForms) {
  const auto publisher = [](std::string_view value) {
    return parse_release(R"({"_npmUser":)" + std::string(value) + "}")->publisher;
  };
  EXPECT_EQ(publisher("\"a <a@b.example>\""), (Publisher{{"a", "a@b.example"}, {}, {}}));
  EXPECT_EQ(publisher("\"a\""), (Publisher{{"a", ""}, {}, {}}));
  EXPECT_EQ(publisher("\"a (site)\""), (Publisher{{"a", ""}, {}, {}}));
  EXPECT_EQ(publisher("\"a <broken\""), (Publisher{{"a", ""}, {}, {}}));
  EXPECT_EQ(publisher(R"({"name":"a","approver":"h"})"), (Publisher{{"a", ""}, {}, "h"}));
  EXPECT_EQ(publisher(R"({"name":"a","trustedPublisher":true})"), (Publisher{{"a", ""}, {}, {}}));
  EXPECT_EQ(publisher("null"), std::nullopt);
}

}  // namespace
}  // namespace npmgate
