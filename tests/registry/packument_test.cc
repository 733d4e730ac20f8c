#include "registry/packument.h"

#include <gtest/gtest.h>

#include <algorithm>
#include "tests/registry/json_samples.h"

namespace npmgate {
namespace {

using test::JsonGenerator;
using test::manifest_json;
using test::packument_json;
using test::parse_packument;
using test::VersionText;

std::string plain(std::string_view version, std::string_view members = "") {
  return manifest_json("p", version, members);
}

std::vector<std::string> version_list(const Packument& packument) {
  std::vector<std::string> out;
  for (const auto& version : packument.versions()) out.push_back(version.version);
  return out;
}

using Texts = std::vector<std::string>;

TEST(Packument, ReadsAWholeDocument) {
  const std::string text = packument_json(
      "p",
      {{"1.10.0", plain("1.10.0")}, {"1.2.0", plain("1.2.0", R"(,"scripts":{"install":"x"})")}},
      R"(,"_id":"p","_rev":"3-x","dist-tags":{"latest":"1.10.0","old":"1.2.0"},
          "time":{"created":"2020-01-01T00:00:00.000Z","modified":"2021-01-01T00:00:00.000Z",
                  "1.2.0":"2020-02-01T00:00:00.000Z","1.10.0":"2020-03-01T00:00:00.000Z"},
          "maintainers":[{"name":"a","email":"a@b.example"}],"readme":"# p")");
  const auto parsed = parse_packument(text);
  ASSERT_TRUE(parsed) << parsed.error().context;
  const Packument& packument = **parsed;
  EXPECT_EQ(packument.name().str(), "p");
  EXPECT_EQ(packument.bytes(), text.size());
  EXPECT_EQ(version_list(packument), (Texts{"1.2.0", "1.10.0"}));
  EXPECT_EQ(packument.dist_tags(), (StringMap{{"latest", "1.10.0"}, {"old", "1.2.0"}}));
  EXPECT_EQ(packument.times().size(), 2u);
  EXPECT_EQ(packument.times().at("1.2.0"), "2020-02-01T00:00:00.000Z");
  EXPECT_EQ(packument.created(), "2020-01-01T00:00:00.000Z");
  EXPECT_EQ(packument.modified(), parse_time("2021-01-01T00:00:00.000Z"));
  EXPECT_EQ(packument.maintainers(), (std::vector<Person>{{"a", "a@b.example"}}));

  const PackumentVersion* version = packument.find("1.2.0");
  ASSERT_NE(version, nullptr);
  EXPECT_EQ(version->raw, plain("1.2.0", R"(,"scripts":{"install":"x"})"));
  EXPECT_FALSE(version->refusal);
  EXPECT_EQ(version->release.manifest.scripts, (StringMap{{"install", "x"}}));
  EXPECT_EQ(version->release.published, parse_time("2020-02-01T00:00:00.000Z"));
  EXPECT_EQ(packument.find("1.2.1"), nullptr);
}

TEST(Packument, ReleasesEqualThoseParsedAlone) {
  const std::string raw = plain("1.0.0", R"(,"dependencies":{"a":"1"},"gitHead":"x","bin":"b")");
  const auto parsed = parse_packument(packument_json("p", {{"1.0.0", raw}}));
  ASSERT_TRUE(parsed);
  EXPECT_EQ((*parsed)->versions()[0].release, parse_release(raw).value());
}

TEST(Packument, AReducedMirrorLeavesThingsUnknown) {
  const auto parsed = parse_packument(packument_json("p", {{"1.0.0", plain("1.0.0")}}));
  ASSERT_TRUE(parsed);
  EXPECT_FALSE((*parsed)->has_times());
  EXPECT_EQ((*parsed)->maintainers(), std::nullopt);
  EXPECT_EQ((*parsed)->modified(), std::nullopt);
  EXPECT_EQ((*parsed)->created(), std::nullopt);
  EXPECT_EQ((*parsed)->versions()[0].release.published, std::nullopt);
  EXPECT_TRUE((*parsed)->dist_tags().empty());
}

TEST(Packument, SlicesAreExactAndInsideTheBuffer) {
  const std::string text = "\xef\xbb\xbf {\n\"versions\" :\t{ \"1.0.0\" : " + plain("1.0.0") +
                           " \n} , \"readme\" : \"r\" , \"n\" : 12 , \"name\":\"p\" } \n";
  const auto parsed = parse_packument(text);
  ASSERT_TRUE(parsed) << parsed.error().context;
  EXPECT_EQ((*parsed)->versions()[0].raw, plain("1.0.0"));
  ASSERT_EQ((*parsed)->extras().size(), 2u);
  EXPECT_EQ((*parsed)->extras()[0].second, "\"r\"");
  EXPECT_EQ((*parsed)->extras()[1].second, "12");
}

TEST(Packument, AnUnpublishedStubHasNoVersions) {
  const auto parsed = parse_packument(
      R"({"_id":"p","name":"p","time":{"created":"2020-01-01T00:00:00.000Z",
          "unpublished":{"time":"2021-01-01T00:00:00.000Z","versions":["1.0.0"]}}})");
  ASSERT_TRUE(parsed) << parsed.error().context;
  EXPECT_TRUE((*parsed)->versions().empty());
  EXPECT_TRUE(parse_packument(R"({"name":"p","versions":{}})"));
}

struct Malformed {
  const char* name;
  std::string text;
};

class MalformedPackument : public testing::TestWithParam<Malformed> {};

TEST_P(MalformedPackument, IsRefusedAsAWhole) {
  const auto parsed = parse_packument(GetParam().text);
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code, Code::kMalformed);
  EXPECT_EQ(parsed.error().origin, Origin::kUpstream);
  EXPECT_FALSE(parsed.error().context.empty());
}

INSTANTIATE_TEST_SUITE_P(
    Packument, MalformedPackument,
    testing::Values(
        Malformed{"Empty", ""}, Malformed{"Html", "<html></html>"}, Malformed{"Array", "[]"},
        Malformed{"Null", "null"},
        Malformed{"CutOff", R"({"name":"p","versions":{"1.0.0":{"a":1})"},
        Malformed{"TextBehind", R"({"name":"p","versions":{}} x)"},
        Malformed{"TwoObjects", R"({"name":"p","versions":{}}{})"},
        Malformed{"NulBehind", std::string(R"({"name":"p","versions":{}})") + '\0'},
        Malformed{"NoName", R"({"versions":{}})"},
        Malformed{"OddName", R"({"name":7,"versions":{}})"},
        Malformed{"OtherName", R"({"name":"q","versions":{}})"},
        Malformed{"OtherCase", R"({"name":"P","versions":{}})"},
        Malformed{"BrokenName", R"({"name":"p\x","versions":{}})"},
        Malformed{"NoVersions", R"({"name":"p"})"},
        Malformed{"ErrorAnswer", R"({"name":"p","error":"not_found"})"},
        Malformed{"VersionsArray", R"({"name":"p","versions":[]})"},
        Malformed{"VersionsNull", R"({"name":"p","versions":null})"},
        Malformed{"VersionsTwice", R"({"name":"p","versions":{},"versions":{}})"},
        Malformed{"VersionsTwiceEscaped", R"({"name":"p","versions":{},"\u0076ersions":{}})"},
        Malformed{"ReadmeTwice", R"({"name":"p","versions":{},"readme":"a","readme":"b"})"},
        Malformed{"BrokenVersionKey", R"({"name":"p","versions":{"1.0.0\ud800":{}}})"},
        Malformed{"BrokenMember", "{\"name\":\"p\",\"versions\":{},\"\xff\":1}"},
        Malformed{"TrailingComma", R"({"name":"p","versions":{},})"},
        Malformed{"VersionsTrailingComma", R"({"name":"p","versions":{"1.0.0":{},}})"},
        Malformed{"TagsArray", R"({"name":"p","versions":{},"dist-tags":[]})"},
        Malformed{"TagsBroken", R"({"name":"p","versions":{},"dist-tags":{"latest":tru}})"},
        Malformed{"TagTwice", R"({"name":"p","versions":{},"dist-tags":{"a":"1","a":"2"}})"},
        Malformed{"TagProto", R"({"name":"p","versions":{},"dist-tags":{"__proto__":"1"}})"}),
    [](const auto& row) { return row.param.name; });

TEST(PackumentSize, OverTheLimitIsTooLarge) {
  const std::string text = packument_json("p", {});
  EXPECT_TRUE(Packument::parse(text, test::name_of("p"), text.size()));
  const auto refused = Packument::parse(text, test::name_of("p"), text.size() - 1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kTooLarge);
}

struct Hidden {
  const char* name;
  std::string raw;
  std::string rule;
};

class HiddenVersion : public testing::TestWithParam<Hidden> {};

// The neighbours of a bad manifest stay, whatever is wrong with it.
TEST_P(HiddenVersion, HidesItselfOnly) {
  const auto parsed = parse_packument(packument_json(
      "p", {{"1.0.0", plain("1.0.0")}, {"1.1.0", GetParam().raw}, {"1.2.0", plain("1.2.0")}},
      R"(,"time":{"1.1.0":"2020-02-01T00:00:00.000Z","1.2.0":"2020-03-01T00:00:00.000Z"})"));
  ASSERT_TRUE(parsed) << parsed.error().context;
  EXPECT_EQ(version_list(**parsed), (Texts{"1.0.0", "1.1.0", "1.2.0"}));
  const PackumentVersion* bad = (*parsed)->find("1.1.0");
  ASSERT_TRUE(bad->refusal);
  EXPECT_EQ(bad->refusal->rule, GetParam().rule);
  EXPECT_EQ(bad->release.refusal, bad->refusal);
  EXPECT_EQ(bad->release.manifest.version, "1.1.0");
  const Texts copied = {"duplicate-key", "proto-key", "scripts-not-strings",
                        "dependencies-not-strings", "dist"};
  EXPECT_EQ(bad->servable,
            std::find(copied.begin(), copied.end(), GetParam().rule) != copied.end());
  EXPECT_FALSE((*parsed)->find("1.0.0")->refusal);
  EXPECT_FALSE((*parsed)->find("1.2.0")->refusal);
  EXPECT_EQ((*parsed)->times().contains("1.1.0"), bad->servable);
  EXPECT_TRUE((*parsed)->times().contains("1.2.0"));
}

INSTANTIATE_TEST_SUITE_P(
    Packument, HiddenVersion,
    testing::Values(
        Hidden{"BadLiteral", plain("1.1.0", R"(,"a":tru)"), "not-json"},
        Hidden{"BadNumber", plain("1.1.0", R"(,"a":01)"), "not-json"},
        Hidden{"UnpairedBrackets", plain("1.1.0", R"(,"a":[})"), "not-json"},
        Hidden{"TrailingComma", plain("1.1.0", ","), "not-json"},
        Hidden{"MissingColon", plain("1.1.0", R"(,"a" 1)"), "not-json"},
        Hidden{"StrayBackslash", plain("1.1.0", R"(,"a":\1)"), "not-json"},
        Hidden{"ControlCharacter", plain("1.1.0", ",\"a\":\"\n\""), "not-json"},
        Hidden{"NulByte", plain("1.1.0", std::string_view(",\"a\":\"\0\"", 8)), "not-json"},
        Hidden{"InvalidUtf8", plain("1.1.0", ",\"a\":\"\xff\""), "invalid-utf8"},
        Hidden{"LoneSurrogate", plain("1.1.0", R"(,"a":"\ud800")"), "lone-surrogate"},
        Hidden{"HugeNumber", plain("1.1.0", R"(,"a":1e99999)"), "number"},
        Hidden{"DuplicateKey", plain("1.1.0", R"(,"a":1,"a":1)"), "duplicate-key"},
        Hidden{"DuplicateVersion", plain("1.1.0", R"(,"version":"1.1.0")"), "duplicate-key"},
        Hidden{"DuplicateEscaped", plain("1.1.0", R"(,"\u0061":1,"a":1)"), "duplicate-key"},
        Hidden{"DuplicateInside", plain("1.1.0", R"(,"x":[{"y":{"a":1,"b":0,"a":1}}])"),
               "duplicate-key"},
        Hidden{"Proto", plain("1.1.0", R"(,"__proto__":{})"), "proto-key"},
        Hidden{"ProtoInside", plain("1.1.0", R"(,"a":{"b":[{"\u005f_proto__":1}]})"), "proto-key"},
        Hidden{"Scripts", plain("1.1.0", R"(,"scripts":{"install":["x"]})"), "scripts-not-strings"},
        Hidden{"Dependencies", plain("1.1.0", R"(,"dependencies":{"a":1})"),
               "dependencies-not-strings"},
        Hidden{"Depth", plain("1.1.0", ",\"a\":" + test::nested(200, '[')), "depth"},
        Hidden{"DepthObjects", plain("1.1.0", ",\"a\":" + test::nested(5'000, '{')), "depth"},
        Hidden{"Size", plain("1.1.0", ",\"a\":\"" + std::string(std::size_t{4} << 20, 'a') + "\""),
               "size"},
        Hidden{"NoObject", "[]", "not-an-object"}, Hidden{"Null", "null", "not-an-object"},
        Hidden{"Text", "\"{}\"", "not-an-object"},
        Hidden{"OtherVersion", plain("1.0.0"), "identity"},
        Hidden{"OtherPackage", manifest_json("q", "1.1.0"), "identity"},
        Hidden{"NoIdentity", "{}", "identity"},
        Hidden{"OddDist", R"({"name":"p","version":"1.1.0","dist":{"tarball":[]}})", "dist"}),
    [](const auto& row) { return row.param.name; });

TEST(HiddenVersion, JustBelowTheLimitsStays) {
  for (const std::string& member :
       {",\"a\":" + test::nested(199, '['), ",\"a\":" + test::nested(199, '{'),
        ",\"a\":\"" + std::string((std::size_t{4} << 20) - 200, 'a') + "\""}) {
    const auto parsed = parse_packument(packument_json("p", {{"1.1.0", plain("1.1.0", member)}}));
    ASSERT_TRUE(parsed);
    EXPECT_FALSE((*parsed)->versions()[0].refusal) << (*parsed)->versions()[0].refusal->rule;
  }
}

TEST(PackumentVersions, OneKeyTwiceHidesThatVersion) {
  for (const char* spelling : {"1.1.0", "1.\\u0031.0"}) {
    const auto parsed = parse_packument(packument_json(
        "p", {{"1.1.0", plain("1.1.0")}, {"1.0.0", plain("1.0.0")}, {spelling, plain("1.1.0")}}));
    ASSERT_TRUE(parsed);
    EXPECT_EQ(version_list(**parsed), (Texts{"1.0.0", "1.1.0"})) << spelling;
    ASSERT_TRUE((*parsed)->find("1.1.0")->refusal);
    EXPECT_EQ((*parsed)->find("1.1.0")->refusal->rule, "duplicate-key");
    EXPECT_FALSE((*parsed)->find("1.1.0")->servable);
    EXPECT_FALSE((*parsed)->find("1.0.0")->refusal);
  }
}

// What is ambiguous is read as JSON.parse would, so that it can be judged.
TEST(PackumentVersions, RefusedOnesAreReadAllTheSame) {
  const auto parsed = parse_packument(packument_json(
      "p", {{"1.0.0", plain("1.0.0",
                            R"(,"scripts":{"install":"a"},"scripts":{"install":"b","preinstall":1},
                                "dist":{"shasum":"x"},"dist":{"integrity":"sha512-eA=="})")}}));
  ASSERT_TRUE(parsed);
  const PackumentVersion& version = (*parsed)->versions()[0];
  ASSERT_TRUE(version.refusal && version.servable);
  EXPECT_EQ(version.release.manifest.scripts, (StringMap{{"install", "b"}}));
  EXPECT_EQ(version.release.dist.integrity, "sha512-eA==");
  EXPECT_EQ(version.release.dist.shasum, "");
}

TEST(PackumentVersions, OrderIsBySemver) {
  std::vector<VersionText> versions;
  for (const char* version : {"10.0.0", "2.0.0", "2.0.0-rc.10", "2.0.0-rc.2", "9.9.9", "0.1.0",
                              "2.0.0-alpha", "1.0.0+b", "1.0.0+a"}) {
    versions.push_back({version, plain(version)});
  }
  const auto parsed = parse_packument(packument_json("p", versions));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(version_list(**parsed),
            (Texts{"0.1.0", "1.0.0+a", "1.0.0+b", "2.0.0-alpha", "2.0.0-rc.2", "2.0.0-rc.10",
                   "2.0.0", "9.9.9", "10.0.0"}));
}

TEST(PackumentVersions, OddOnesComeFirstAndAreRefused) {
  std::vector<VersionText> versions;
  for (const char* version :
       {"1.0.0", "latest", "1.0", "../1.0.0", "1.0.0 ", "", "1.0.0/..", "1.0.0%2f"}) {
    versions.push_back({version, plain(version)});
  }
  const auto parsed = parse_packument(packument_json("p", versions));
  ASSERT_TRUE(parsed) << parsed.error().context;
  ASSERT_EQ((*parsed)->versions().size(), versions.size());
  for (const auto& version : (*parsed)->versions()) {
    if (version.version == "1.0.0") continue;
    ASSERT_TRUE(version.refusal) << version.version;
    EXPECT_EQ(version.refusal->rule, "version") << version.version;
    EXPECT_FALSE(version.semver) << version.version;
  }
  EXPECT_EQ((*parsed)->versions().back().version, "1.0.0");
  EXPECT_FALSE((*parsed)->versions().back().refusal);
}

TEST(PackumentVersions, LooseOnesOfTheEarlyYearsStay) {
  const auto parsed = parse_packument(packument_json("p", {{"1.0.0beta", plain("1.0.0beta")}}));
  ASSERT_TRUE(parsed);
  EXPECT_FALSE((*parsed)->versions()[0].refusal);
  EXPECT_TRUE((*parsed)->versions()[0].semver->is_prerelease());
}

TEST(PackumentVersions, ManyAreReadInGoodTime) {
  std::vector<VersionText> versions;
  std::string time = ",\"time\":{\"created\":\"x\"";
  for (int i = 100'000; i > 0; --i) {
    const std::string version = "0.0." + std::to_string(i);
    versions.push_back({version, plain(version)});
    time += ",\"" + version + "\":\"2020-01-01T00:00:00.000Z\"";
  }
  const auto parsed = parse_packument(packument_json("p", versions, time + "}"));
  ASSERT_TRUE(parsed);
  EXPECT_EQ((*parsed)->versions().size(), 100'000u);
  EXPECT_EQ((*parsed)->times().size(), 100'000u);
  EXPECT_EQ((*parsed)->versions().back().version, "0.0.100000");
}

TEST(PackumentVersions, TooManyAreRefusedBeforeMemoryGrows) {
  std::string text = R"({"name":"p","versions":{"0":0)";
  for (int i = 0; i < 200'001; ++i) text += ",\"0\":0";
  const auto parsed = parse_packument(text + "}}");
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code, Code::kTooLarge);
}

Result<std::shared_ptr<const Packument>> with_members(std::string_view members) {
  return parse_packument(
      packument_json("p", {{"1.0.0", plain("1.0.0")}, {"2.0.0", plain("2.0.0")}}, members));
}

TEST(PackumentTimes, OtherKeysAndTypesAreLeftOut) {
  const auto parsed = with_members(
      R"(,"time":{"modified":"2021-01-01T00:00:00.000Z","1.0.0":"2020-01-01T00:00:00.000Z","3.0.0":"x",
          "2.0.0":{"time":1},"unpublished":{}})");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(
      (*parsed)->times(),
      (std::map<std::string, std::string, std::less<>>{{"1.0.0", "2020-01-01T00:00:00.000Z"}}));
}

TEST(PackumentTimes, UnreadableStampsStayAsWritten) {
  const auto parsed = with_members(R"(,"time":{"1.0.0":"yesterday"})");
  ASSERT_TRUE(parsed);
  EXPECT_EQ((*parsed)->times().at("1.0.0"), "yesterday");
  EXPECT_EQ((*parsed)->find("1.0.0")->release.published, std::nullopt);
}

TEST(PackumentTimes, AStampGivenTwiceIsUnknown) {
  const auto parsed = with_members(
      R"(,"time":{"1.0.0":"2010-01-01T00:00:00.000Z","2.0.0":"2011-01-01T00:00:00.000Z",
          "1.0.0":"2020-01-01T00:00:00.000Z"})");
  ASSERT_TRUE(parsed);
  EXPECT_FALSE((*parsed)->times().contains("1.0.0"));
  EXPECT_EQ((*parsed)->find("1.0.0")->release.published, std::nullopt);
  EXPECT_TRUE((*parsed)->times().contains("2.0.0"));
}

TEST(PackumentTimes, InvalidOnesAreDroppedAsAWhole) {
  for (const char* time : {R"({"1.0.0":tru})", "[]", "null", R"({"1.0.0":"\ud800"})",
                           R"({"__proto__":"x","1.0.0":"2020-01-01T00:00:00.000Z"})"}) {
    const auto parsed = with_members(",\"time\":" + std::string(time));
    ASSERT_TRUE(parsed) << time;
    EXPECT_FALSE((*parsed)->has_times()) << time;
  }
}

TEST(PackumentTimes, ModifiedOfTheAbbreviatedForm) {
  const auto parsed = with_members(R"(,"modified":"2021-01-01T00:00:00.000Z")");
  ASSERT_TRUE(parsed);
  EXPECT_EQ((*parsed)->modified(), parse_time("2021-01-01T00:00:00.000Z"));
  EXPECT_TRUE((*parsed)->extras().empty());
}

// The bytes behind a slice belong to the next version: they must neither be read nor repair
// anything.
TEST(PackumentVersions, NoManifestBorrowsFromItsNeighbour) {
  const std::vector<std::string> endings = {R"(,"a":"x\\")", R"(,"a":1.)",      R"(,"a":-)",
                                            R"(,"a":nul)",   ",\"a\":\"\xc3\"", R"(,"a":1e)"};
  for (const std::string& ending : endings) {
    const auto parsed = parse_packument(packument_json(
        "p", {{"1.0.0", plain("1.0.0", ending)}, {"1.0.1", plain("1.0.1", R"(,"b":"y")")}}));
    ASSERT_TRUE(parsed) << ending;
    const bool valid = test::oracle(plain("1.0.0", ending)).has_value();
    EXPECT_EQ((*parsed)->find("1.0.0")->refusal.has_value(), !valid) << ending;
    EXPECT_FALSE((*parsed)->find("1.0.1")->refusal) << ending;
  }
}

TEST(PackumentVersions, EverySplitOfSizesReadsAlike) {
  // Texts of every length around the parser's block size, in one buffer and alone.
  std::vector<VersionText> versions;
  for (int i = 0; i < 200; ++i) {
    const std::string version = "1.0." + std::to_string(i);
    const std::string filler(static_cast<std::size_t>(i), 'x');
    versions.push_back({version, plain(version, R"(,"description":")" + filler + "\"")});
  }
  const auto parsed = parse_packument(packument_json("p", versions));
  ASSERT_TRUE(parsed);
  for (const auto& [version, raw] : versions) {
    const PackumentVersion* found = (*parsed)->find(version);
    ASSERT_TRUE(found && !found->refusal) << version;
    ASSERT_EQ(found->raw, raw);
    ASSERT_EQ(found->release, parse_release(raw).value()) << version;
  }
}

TEST(PackumentVersions, ADocumentCutOffAnywhereIsRefused) {
  const std::string text = packument_json(
      "p", {{"1.0.0", plain("1.0.0", R"(,"a":"\\\"{[")")}, {"1.0.1", plain("1.0.1")}},
      R"(,"dist-tags":{"latest":"1.0.1"},"time":{"1.0.0":"2020-01-01T00:00:00.000Z"})");
  ASSERT_TRUE(parse_packument(text));
  for (std::size_t size = 0; size < text.size(); ++size) {
    ASSERT_FALSE(parse_packument(text.substr(0, size))) << text.substr(0, size);
  }
}

TEST(PackumentTags, OtherTypesAreLeftOut) {
  const auto parsed = with_members(R"(,"dist-tags":{"latest":"1.0.0","odd":1,"gone":"7.0.0"})");
  ASSERT_TRUE(parsed);
  EXPECT_EQ((*parsed)->dist_tags(), (StringMap{{"gone", "7.0.0"}, {"latest", "1.0.0"}}));
}

Texts extra_keys(const Packument& packument) {
  Texts keys;
  for (const auto& [key, value] : packument.extras()) keys.push_back(key);
  return keys;
}

TEST(PackumentExtras, KeepOrderAndLeaveOutWhatTheGateWrites) {
  const auto parsed = with_members(
      R"(,"_id":"p","_rev":"1","_attachments":{},"readme":"r","modified":"x","time":{},"dist-tags":{},
          "users":{"a":true},"\u006cicense":"MIT","n":null)");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(extra_keys(**parsed), (Texts{"readme", "users", "license", "n"}));
}

TEST(PackumentExtras, InvalidOnesAreDropped) {
  const auto parsed = with_members(
      ",\"a\":tru,\"b\":\"\\ud800\",\"c\":{\"x\":1,\"x\":1},\"d\":[1,],\"e\":\"\xff\","
      "\"__proto__\":{},\"f\":{\"__proto__\":1},\"g\":1e99999,\"h\":\"kept\",\"i\":[{]}," +
      std::string("\"j\":") + test::nested(201, '['));
  ASSERT_TRUE(parsed) << parsed.error().context;
  EXPECT_EQ(extra_keys(**parsed), (Texts{"h"}));
}

TEST(PackumentExtras, MaintainersOfOtherShapes) {
  const auto maintainers = [](std::string_view value) {
    return (*with_members(",\"maintainers\":" + std::string(value)))->maintainers();
  };
  EXPECT_EQ(maintainers("\"a <a@b.example>\""), (std::vector<Person>{{"a", "a@b.example"}}));
  EXPECT_EQ(maintainers("[]"), std::vector<Person>());
  EXPECT_EQ(maintainers("7"), std::nullopt);
  EXPECT_EQ(maintainers("[tru]"), std::nullopt);
}

// A damaged document is refused, or whatever is taken from it is JSON to another parser too and
// what it claims to be.
TEST(PackumentProperty, NothingInvalidIsTakenFromDamagedDocuments) {
  JsonGenerator random(21);
  int served = 0, hidden = 0, refused = 0;
  for (int round = 0; round < 5'000; ++round) {
    std::vector<VersionText> versions;
    for (int i = 0; i < 4; ++i) {
      const std::string version = "1.0." + std::to_string(i);
      const std::string members = R"("name":"p","version":")" + version + "\"";
      versions.push_back({version, random.object(3, members)});
    }
    std::string text = packument_json("p", versions, ",\"x\":" + random.value(2));
    for (std::size_t i = random.below(3); i > 0; --i) text = random.mutate(text);
    const auto parsed = parse_packument(text);
    if (!parsed) {
      ++refused;
      ASSERT_FALSE(test::oracle(text) && parsed.error().context == "packument: not one JSON object")
          << text;
      continue;
    }
    for (const auto& [key, value] : (*parsed)->extras()) ASSERT_TRUE(test::oracle(value)) << text;
    for (const auto& version : (*parsed)->versions()) {
      if (version.refusal) {
        ++hidden;
        continue;
      }
      ++served;
      const auto value = test::oracle(version.raw);
      ASSERT_TRUE(value && value->is_object()) << version.raw;
      ASSERT_EQ(value->at("version").as_string(), version.version);
    }
  }
  EXPECT_GT(served, 5'000);
  EXPECT_GT(hidden, 500);
  EXPECT_GT(refused, 500);
}

}  // namespace
}  // namespace npmgate
