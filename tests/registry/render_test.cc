#include "registry/render.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <set>

#include "tests/registry/json_samples.h"

namespace npmgate {
namespace {

namespace bj = boost::json;
using test::JsonGenerator;
using test::manifest_json;
using test::packument_json;
using test::parse_packument;

constexpr std::string_view kBase = "https://gate.example/npm/";

std::shared_ptr<const Packument> packument_of(const std::string& text,
                                              std::string_view name = "p") {
  auto parsed = parse_packument(text, name);
  EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().context);
  return parsed ? *parsed : nullptr;
}

// Every version that is not refused, with the tags as they are.
RenderInput input_of(const Packument& packument, Form form = Form::kFull) {
  RenderInput input;
  input.packument = &packument;
  for (const auto& version : packument.versions()) {
    if (version.refusal) continue;
    input.versions.push_back({version.version, version.raw, false, std::nullopt});
  }
  input.dist_tags = packument.dist_tags();
  input.base_url = kBase;
  input.form = form;
  return input;
}

bj::object parsed(const std::string& text) {
  const auto value = test::oracle(text);
  EXPECT_TRUE(value && value->is_object()) << text;
  return value && value->is_object() ? value->as_object() : bj::object();
}

std::vector<std::string> keys_of(const bj::value& object) {
  std::vector<std::string> keys;
  for (const auto& member : object.as_object()) keys.emplace_back(member.key());
  return keys;
}

using Keys = std::vector<std::string>;

TEST(TarballPath, IsWhatNpmWouldWrite) {
  EXPECT_EQ(tarball_path(test::name_of("p"), "1.0.0"), "p/-/p-1.0.0.tgz");
  EXPECT_EQ(tarball_path(test::name_of("@s/p"), "1.0.0-rc.1+b"), "@s/p/-/p-1.0.0-rc.1+b.tgz");
}

// One manifest through render_manifest: every byte that is not named stays.
struct Edit {
  const char* name;
  std::string before;
  std::string after;  // @ stands for the gate's tarball URL
  bool has_install_script = false;
  std::optional<std::string> warning = std::nullopt;
};

// A refused manifest that is served by an admin's word: no second `dist` with the upstream's URL.
TEST(Render, OfRepeatedKeysTheLastStays) {
  const auto packument = packument_of(packument_json("p", {}));
  RenderInput input = input_of(*packument);
  const std::string raw =
      R"({"dist":{"tarball":"a"},"os":["x"],"d\u0069st":{"tarball":"b","tarball":"c","n":1},"os":[]})";
  VersionView view{"1.0.0", raw, false, std::nullopt, true};
  EXPECT_EQ(
      render_manifest(input, view),
      R"({"d\u0069st":{"tarball":"https://gate.example/npm/p/-/p-1.0.0.tgz","n":1},"os":[]})");
  input.form = Form::kAbbreviated;
  EXPECT_EQ(render_manifest(input, view),
            R"({"dist":{"tarball":"https://gate.example/npm/p/-/p-1.0.0.tgz","n":1},"os":[]})");
}

class ManifestEdit : public testing::TestWithParam<Edit> {};

TEST_P(ManifestEdit, ChangesNothingElse) {
  const auto packument = packument_of(packument_json("p", {}));
  const Edit& row = GetParam();
  RenderInput input = input_of(*packument);
  const VersionView view{"1.0.0", row.before, row.has_install_script, row.warning};
  std::string expected = row.after;
  const std::size_t at = expected.find('@');
  ASSERT_NE(at, std::string::npos);
  expected.replace(at, 1, "\"https://gate.example/npm/p/-/p-1.0.0.tgz\"");
  EXPECT_EQ(render_manifest(input, view), expected);
  EXPECT_TRUE(test::oracle(expected)) << "the row itself";
}

INSTANTIATE_TEST_SUITE_P(
    Render, ManifestEdit,
    testing::Values(
        Edit{"TarballOnly", R"({"a" : 1, "dist":{"x":1,"tarball" :"u" ,"y":2}})",
             R"({"a" : 1, "dist":{"x":1,"tarball" :@ ,"y":2}})"},
        Edit{"Spelling", R"({"\u0064ist":{"t\u0061rball":"u"}})",
             R"({"\u0064ist":{"t\u0061rball":@}})"},
        Edit{"OtherTarballsStay",
             R"({"tarball":"t","x":{"dist":{"tarball":"t"}},"dist":{"tarball":"u"}})",
             R"({"tarball":"t","x":{"dist":{"tarball":"t"}},"dist":{"tarball":@}})"},
        Edit{"DeeperInDistStays", R"({"dist":{"x":{"tarball":"t"},"tarball":"u"}})",
             R"({"dist":{"x":{"tarball":"t"},"tarball":@}})"},
        Edit{"TarballMissing", R"({"dist":{"shasum":"s"}})",
             R"({"dist":{"shasum":"s","tarball":@}})"},
        Edit{"DistEmpty", R"({"dist":{ }})", R"({"dist":{"tarball":@ }})"},
        Edit{"DistMissing", R"({"a":1})", R"({"a":1,"dist":{"tarball":@}})"},
        Edit{"DistOdd", R"({"dist":"x"})", R"({"dist":{"tarball":@}})"},
        Edit{"Empty", "{}", R"({"dist":{"tarball":@}})"},
        Edit{"TextIsNoMember", R"({"a":"\"dist\":{\"tarball\":\"t\"}","dist":{"tarball":"u"}})",
             R"({"a":"\"dist\":{\"tarball\":\"t\"}","dist":{"tarball":@}})"},
        Edit{"ShrinkwrapFirst", R"({"_hasShrinkwrap":true,"a":1,"dist":{"tarball":"u"}})",
             R"({"a":1,"dist":{"tarball":@}})"},
        Edit{"ShrinkwrapMiddle", R"({"a":1 , "_hasShrinkwrap" : true ,"dist":{"tarball":"u"}})",
             R"({"a":1 ,"dist":{"tarball":@}})"},
        Edit{"ShrinkwrapLast", R"({"dist":{"tarball":"u"},"_hasShrinkwrap":{"x":[]}})",
             R"({"dist":{"tarball":@}})"},
        Edit{"ShrinkwrapEscaped", R"({"\u005fhasShrinkwrap":true,"dist":{"tarball":"u"}})",
             R"({"dist":{"tarball":@}})"},
        Edit{"ShrinkwrapInsideStays", R"({"x":{"_hasShrinkwrap":true},"dist":{"tarball":"u"}})",
             R"({"x":{"_hasShrinkwrap":true},"dist":{"tarball":@}})"},
        Edit{"InlineShrinkwrap",
             R"({"_shrinkwrap":{"dependencies":{}},"dist":{"tarball":"u"},"_hasShrinkwrap":true})",
             R"({"dist":{"tarball":@}})"},
        Edit{"OnlyShrinkwrap", R"({"_hasShrinkwrap":true})", R"({"dist":{"tarball":@}})"},
        Edit{"SetScriptFlag", R"({"dist":{"tarball":"u"}})",
             R"({"dist":{"tarball":@},"hasInstallScript":true})", true},
        Edit{"KeepScriptFlag", R"({"hasInstallScript":true,"dist":{"tarball":"u"}})",
             R"({"hasInstallScript":true,"dist":{"tarball":@}})", true},
        Edit{"CorrectScriptFlag", R"({"hasInstallScript":false,"dist":{"tarball":"u"}})",
             R"({"hasInstallScript":true,"dist":{"tarball":@}})", true},
        Edit{"CorrectOddScriptFlag", R"({"hasInstallScript":"no","dist":{"tarball":"u"}})",
             R"({"hasInstallScript":true,"dist":{"tarball":@}})", true},
        Edit{"RemoveScriptFlag", R"({"hasInstallScript":true,"dist":{"tarball":"u"}})",
             R"({"dist":{"tarball":@}})"},
        Edit{"KeepFalseScriptFlag", R"({"hasInstallScript":false,"dist":{"tarball":"u"}})",
             R"({"hasInstallScript":false,"dist":{"tarball":@}})"},
        Edit{"TwoRemovalsFirst",
             R"({"hasInstallScript":true,"_hasShrinkwrap":1,"dist":{"tarball":"u"}})",
             R"({"dist":{"tarball":@}})"},
        Edit{"TwoRemovalsLast",
             R"({"dist":{"tarball":"u"},"hasInstallScript":true,"_hasShrinkwrap":1})",
             R"({"dist":{"tarball":@}})"},
        Edit{"RemovalsApart",
             R"({"hasInstallScript":true,"a":1,"_hasShrinkwrap":1,"dist":{"tarball":"u"}})",
             R"({"a":1,"dist":{"tarball":@}})"},
        Edit{"RemoveLastAndAdd", R"({"dist":{"tarball":"u"},"_hasShrinkwrap":1 })",
             R"({"dist":{"tarball":@},"hasInstallScript":true })", true},
        Edit{"Warning", R"({"dist":{"tarball":"u"}})",
             R"({"dist":{"tarball":@},"deprecated":"say \"no\""})", false, "say \"no\""},
        Edit{
            "WarningBeforeOwnWords", R"({"deprecated":"old\n","dist":{"tarball":"u"}})",
            R"json({"deprecated":"w (deprecated by its publisher: old\u000a)","dist":{"tarball":@}})json",
            false, "w"},
        Edit{"WarningOverOddValue", R"({"deprecated":false,"dist":{"tarball":"u"}})",
             R"({"deprecated":"w","dist":{"tarball":@}})", false, "w"},
        Edit{"WarningOverEmpty", R"({"deprecated":"","dist":{"tarball":"u"}})",
             R"({"deprecated":"w","dist":{"tarball":@}})", false, "w"},
        Edit{"WarningOfBrokenBytes", R"({"dist":{"tarball":"u"}})",
             "{\"dist\":{\"tarball\":@},\"deprecated\":\"\xef\xbf\xbd\"}", false, "\xff"},
        Edit{"DeprecatedStays", R"({"deprecated":"d","dist":{"tarball":"u"}})",
             R"({"deprecated":"d","dist":{"tarball":@}})"}),
    [](const auto& row) { return row.param.name; });

TEST(RenderManifest, AbbreviatedFormToo) {
  const auto packument = packument_of(packument_json("p", {}));
  const RenderInput input = input_of(*packument, Form::kAbbreviated);
  EXPECT_EQ(render_manifest(input, {"1.0.0", R"({"scripts":{},"name":"p","dist":{}})", true, {}}),
            R"({"name":"p","dist":{"tarball":"https://gate.example/npm/p/-/p-1.0.0.tgz"},)"
            R"("hasInstallScript":true})");
}

TEST(RenderManifest, WhatIsNoObjectBecomesAnEmptyOne) {
  const auto packument = packument_of(packument_json("p", {}));
  for (const char* raw : {"", "[]", "{", "{} x"}) {
    EXPECT_EQ(render_manifest(input_of(*packument), {"1.0.0", raw, false, {}}), "{}") << raw;
  }
}

std::string sample() {
  return packument_json("@s/p",
                        {{"1.0.0", manifest_json("@s/p", "1.0.0", R"(,"readme":"r")")},
                         {"1.1.0", manifest_json("@s/p", "1.1.0", R"(,"scripts":{"install":"x"})")},
                         {"2.0.0", manifest_json("@s/p", "2.0.0")}},
                        R"(,"_id":"@s/p","_rev":"9-x","dist-tags":{"latest":"2.0.0","old":"1.0.0"},
          "time":{"created":"2020-01-01T00:00:00.000Z","modified":"2024-01-01T00:00:00.000Z",
                  "1.0.0":"2020-02-01T00:00:00.000Z","1.1.0":"2022-02-01T01:00:00+01:00",
                  "2.0.0":"2023-02-01T00:00:00.000Z","0.9.0":"2019-01-01T00:00:00.000Z"},
          "readme" : "# p", "users":{"a":true}, "_attachments":{})");
}

RenderInput without_newest(const Packument& packument, Form form) {
  RenderInput input = input_of(packument, form);
  input.versions.pop_back();
  input.dist_tags = {{"latest", "1.1.0"}, {"old", "1.0.0"}};
  return input;
}

TEST(RenderPackument, FullForm) {
  const auto packument = packument_of(sample(), "@s/p");
  ASSERT_TRUE(packument);
  const bj::object out = parsed(render_packument(without_newest(*packument, Form::kFull)));
  EXPECT_EQ(keys_of(out), (Keys{"_id", "name", "dist-tags", "versions", "time", "users"}));
  EXPECT_EQ(out.at("_id"), "@s/p");
  EXPECT_EQ(out.at("dist-tags"), (bj::object{{"latest", "1.1.0"}, {"old", "1.0.0"}}));
  EXPECT_EQ(keys_of(out.at("versions")), (Keys{"1.0.0", "1.1.0"}));
  EXPECT_EQ(out.at("versions").at("1.0.0").at("readme"), "r");
  EXPECT_EQ(out.at("versions").at("1.1.0").at("dist").at("tarball"),
            "https://gate.example/npm/@s/p/-/p-1.1.0.tgz");
  EXPECT_EQ(out.at("time"), (bj::object{{"created", "2020-01-01T00:00:00.000Z"},
                                        {"modified", "2022-02-01T01:00:00+01:00"},
                                        {"1.0.0", "2020-02-01T00:00:00.000Z"},
                                        {"1.1.0", "2022-02-01T01:00:00+01:00"}}));
}

// Registries make the top level of the manifest that is `latest`.
TEST(RenderPackument, TheTopLevelIsServedWithTheReleaseItIsOf) {
  const auto packument = packument_of(sample(), "@s/p");
  RenderInput input = input_of(*packument);
  EXPECT_EQ(parsed(render_packument(input)).at("readme"), "# p");
  const std::string pinned = manifest_json("@s/p", "2.0.0", R"(,"x":"as first accepted")");
  input.versions.back().raw = pinned;
  EXPECT_FALSE(parsed(render_packument(input)).contains("readme"));
  EXPECT_TRUE(parsed(render_packument(input)).contains("users"));
}

TEST(RenderPackument, AbbreviatedForm) {
  const auto packument = packument_of(sample(), "@s/p");
  ASSERT_TRUE(packument);
  const bj::object out = parsed(render_packument(without_newest(*packument, Form::kAbbreviated)));
  EXPECT_EQ(keys_of(out), (Keys{"name", "dist-tags", "versions", "time", "modified"}));
  EXPECT_EQ(out.at("modified"), "2022-02-01T01:00:00+01:00");
  EXPECT_EQ(keys_of(out.at("versions").at("1.0.0")), (Keys{"name", "version", "dist"}));
  EXPECT_EQ(out.at("time").as_object().size(), 4u);
}

TEST(RenderPackument, TheVersionLeftOutIsNowhere) {
  const auto packument = packument_of(sample(), "@s/p");
  ASSERT_TRUE(packument);
  for (Form form : {Form::kFull, Form::kAbbreviated}) {
    const std::string out = render_packument(without_newest(*packument, form));
    EXPECT_EQ(out.find("2.0.0"), std::string::npos);
    EXPECT_EQ(out.find("2023-02-01"), std::string::npos);
    EXPECT_EQ(out.find("2024-01-01"), std::string::npos) << "modified tells of it";
    EXPECT_EQ(out.find("0.9.0"), std::string::npos);
    EXPECT_EQ(out.find("registry.example"), std::string::npos);
  }
}

TEST(RenderPackument, AbbreviatedFieldsAreTheDocumentedOnes) {
  const Keys documented = {"name",
                           "version",
                           "deprecated",
                           "dependencies",
                           "optionalDependencies",
                           "devDependencies",
                           "bundleDependencies",
                           "peerDependencies",
                           "peerDependenciesMeta",
                           "acceptDependencies",
                           "bin",
                           "directories",
                           "dist",
                           "engines",
                           "cpu",
                           "os",
                           "libc",
                           "funding",
                           "hasInstallScript"};
  std::string members;
  for (const auto& key : documented) {
    if (key == "name" || key == "version" || key == "dist") continue;
    members += ",\"" + key + "\":" + (key == "hasInstallScript" ? "true" : "{}");
  }
  members +=
      R"(,"scripts":{},"readme":"r","_hasShrinkwrap":true,"gitHead":"x","_npmUser":{},"main":"m")";
  const auto packument =
      packument_of(packument_json("p", {{"1.0.0", manifest_json("p", "1.0.0", members)}}));
  RenderInput input = input_of(*packument, Form::kAbbreviated);
  input.versions[0].has_install_script = true;
  const bj::object out = parsed(render_packument(input));
  const Keys keys = keys_of(out.at("versions").at("1.0.0"));
  EXPECT_EQ(std::set<std::string>(keys.begin(), keys.end()),
            std::set<std::string>(documented.begin(), documented.end()));
}

TEST(RenderPackument, WithoutTimesThereIsNoTimeMember) {
  const auto packument = packument_of(packument_json(
      "p", {{"1.0.0", manifest_json("p", "1.0.0")}},
      R"(,"modified":"2021-01-01T00:00:00.000Z","time":{"created":"2020-01-01T00:00:00.000Z"})"));
  const bj::object full = parsed(render_packument(input_of(*packument)));
  EXPECT_FALSE(full.contains("time"));
  EXPECT_FALSE(full.contains("modified"));
  const bj::object abbreviated = parsed(render_packument(input_of(*packument, Form::kAbbreviated)));
  EXPECT_FALSE(abbreviated.contains("time"));
  EXPECT_EQ(abbreviated.at("modified"), "2021-01-01T00:00:00.000Z");
}

TEST(RenderPackument, ModifiedIsTheNewestInstantNotTheHighestVersion) {
  const auto packument = packument_of(packument_json(
      "p",
      {{"1.0.0", manifest_json("p", "1.0.0")},
       {"1.0.1", manifest_json("p", "1.0.1")},
       {"2.0.0", manifest_json("p", "2.0.0")}},
      R"(,"time":{"1.0.0":"2023-05-01T00:00:00.000Z","1.0.1":"2023-05-01T12:00:00.000+14:00",
                  "2.0.0":"2021-01-01T00:00:00.000Z"})"));
  const bj::object out = parsed(render_packument(input_of(*packument)));
  EXPECT_EQ(out.at("time").at("modified"), "2023-05-01T00:00:00.000Z");
}

TEST(RenderPackument, NoneOfTheUpstreamsUrlsIsServedForScopedNames) {
  const auto packument =
      packument_of(packument_json("@s/p", {{"1.0.0", manifest_json("@s/p", "1.0.0")}}), "@s/p");
  for (Form form : {Form::kFull, Form::kAbbreviated}) {
    const std::string out = render_packument(input_of(*packument, form));
    EXPECT_EQ(out.find("registry.example"), std::string::npos) << out;
    EXPECT_NE(out.find("https://gate.example/npm/@s/p/-/p-1.0.0.tgz"), std::string::npos) << out;
  }
}

TEST(RenderPackument, TagsAreWrittenAsGiven) {
  const auto packument =
      packument_of(packument_json("p", {{"1.0.0", manifest_json("p", "1.0.0")}}));
  RenderInput input = input_of(*packument);
  input.dist_tags = {{"latest", "1.0.0"}, {"od\"d\n", "1.0.0"}};
  const bj::object out = parsed(render_packument(input));
  EXPECT_EQ(out.at("dist-tags"), (bj::object{{"latest", "1.0.0"}, {"od\"d\n", "1.0.0"}}));
}

TEST(RenderPackument, TheSameInputGivesTheSameBytes) {
  const auto packument = packument_of(sample(), "@s/p");
  for (Form form : {Form::kFull, Form::kAbbreviated}) {
    const RenderInput input = input_of(*packument, form);
    EXPECT_EQ(render_packument(input), render_packument(input)) << "ETags are made of it";
  }
}

TEST(RenderPackument, UnreadableStampsAreServedAsWritten) {
  const auto packument = packument_of(packument_json("p", {{"1.0.0", manifest_json("p", "1.0.0")}},
                                                     R"(,"time":{"1.0.0":"so\"on"})"));
  const bj::object out = parsed(render_packument(input_of(*packument)));
  EXPECT_EQ(out.at("time"), (bj::object{{"1.0.0", "so\"on"}}));
}

TEST(RenderPackument, NoVersionsAtAll) {
  const auto packument = packument_of(packument_json("p", {}));
  EXPECT_EQ(render_packument(input_of(*packument)),
            R"({"_id":"p","name":"p","dist-tags":{},"versions":{}})");
  EXPECT_EQ(render_packument(input_of(*packument, Form::kAbbreviated)),
            R"({"name":"p","dist-tags":{},"versions":{}})");
}

TEST(RenderPackument, APinnedManifestReplacesTheSlice) {
  const auto packument =
      packument_of(packument_json("p", {{"1.0.0", manifest_json("p", "1.0.0")}}));
  const std::string pinned = manifest_json("p", "1.0.0", R"(,"x":"pinned")");
  RenderInput input = input_of(*packument);
  input.versions[0].raw = pinned;
  const bj::object out = parsed(render_packument(input));
  EXPECT_EQ(out.at("versions").at("1.0.0").at("x"), "pinned");
}

TEST(RenderPackument, ABrokenManifestIsLeftOutEverywhere) {
  const auto packument = packument_of(packument_json(
      "p", {{"1.0.0", manifest_json("p", "1.0.0")}, {"1.1.0", manifest_json("p", "1.1.0")}},
      R"(,"time":{"1.0.0":"2020-02-01T00:00:00.000Z","1.1.0":"2021-02-01T00:00:00.000Z"})"));
  for (std::size_t broken : {0, 1}) {
    RenderInput input = input_of(*packument);
    input.versions[broken].raw = "{\"name\":";
    const bj::object out = parsed(render_packument(input));
    EXPECT_EQ(out.at("versions").as_object().size(), 1u);
    EXPECT_EQ(out.at("time").as_object().size(), 2u);
    EXPECT_FALSE(out.at("versions").as_object().contains(input.versions[broken].version));
  }
}

// What the gate serves must pass the gate's own reading, and only the named changes may show.
class RenderProperty {
 public:
  explicit RenderProperty(unsigned seed) : random_(seed) {}

  void round() {
    make_document();
    const auto packument = packument_of(text_);
    ASSERT_TRUE(packument) << text_;
    for (Form form : {Form::kFull, Form::kAbbreviated}) {
      RenderInput input = choose(*packument, form);
      const std::string out = render_packument(input);
      const auto value = test::oracle(out);
      ASSERT_TRUE(value) << text_ << "\n" << out;
      check_document(*packument, input, value->as_object());
      check_own_reading(*packument, input, out);
    }
  }

 private:
  void make_document() {
    std::vector<test::VersionText> versions;
    std::string times = R"(,"time":{"modified":"2030-01-01T00:00:00.000Z")";
    const std::size_t count = 1 + random_.below(5);
    for (std::size_t i = 0; i < count; ++i) {
      const std::string version = "1." + std::to_string(i) + random_.pick({".0", ".0-rc.1"});
      versions.push_back({version, make_manifest(version)});
      if (random_.below(4) == 0) continue;
      times += ",\"" + version + "\":\"202" + std::to_string(random_.below(9)) +
               "-01-01T00:00:00.000Z\"";
    }
    text_ = packument_json("p", versions, times + "},\"x\":" + random_.value(2));
  }

  std::string make_manifest(const std::string& version) {
    std::vector<std::string> members = {R"("name":"p")", R"("version":")" + version + "\"",
                                        R"("dist":{"a":1,"tarball")" + random_.blanks() + ":" +
                                            random_.string() + R"(,"b":"dist"})"};
    if (random_.below(2) == 0) members.push_back(R"("_hasShrinkwrap":)" + random_.value(1));
    if (random_.below(2) == 0) members.push_back(R"("hasInstallScript":)" + random_.value(1));
    if (random_.below(2) == 0) members.push_back(R"("deprecated":)" + random_.value(1));
    if (random_.below(2) == 0) members.push_back(R"("funding":)" + random_.value(2));
    for (std::size_t i = members.size(); i > 1; --i)
      std::swap(members[i - 1], members[random_.below(i)]);
    std::string joined;
    for (const auto& member : members) {
      if (!joined.empty()) joined += "," + random_.blanks();
      joined += member;
    }
    return random_.object(2, joined);
  }

  RenderInput choose(const Packument& packument, Form form) {
    RenderInput input = input_of(packument, form);
    std::vector<VersionView> kept;
    for (VersionView& view : input.versions) {
      if (random_.below(3) == 0) continue;
      view.has_install_script = random_.below(2) == 0;
      if (random_.below(3) == 0) view.warning = "w";
      kept.push_back(view);
    }
    input.versions = std::move(kept);
    return input;
  }

  static bj::object expected_manifest(const RenderInput& input, const VersionView& view) {
    bj::object manifest = test::oracle(view.raw).value().as_object();
    manifest.at("dist").as_object()["tarball"] =
        input.base_url + tarball_path(input.packument->name(), view.version);
    manifest.erase("_hasShrinkwrap");
    if (view.has_install_script) {
      manifest["hasInstallScript"] = true;
    } else if (manifest.contains("hasInstallScript") && manifest.at("hasInstallScript") != false) {
      manifest.erase("hasInstallScript");
    }
    if (view.warning) {
      const bj::value* own = manifest.if_contains("deprecated");
      const bool words = own && own->is_string() && !own->as_string().empty();
      manifest["deprecated"] =
          words ? "w (deprecated by its publisher: " + std::string(own->as_string()) + ")" : "w";
    }
    if (input.form == Form::kAbbreviated) keep_only_known(manifest);
    return manifest;
  }

  static void keep_only_known(bj::object& manifest) {
    const std::set<std::string_view> known = {"name",       "version", "dist", "hasInstallScript",
                                              "deprecated", "funding"};
    bj::object kept;
    for (const auto& member : manifest) {
      if (known.contains(member.key())) kept.emplace(member.key(), member.value());
    }
    manifest = std::move(kept);
  }

  void check_document(const Packument& packument, const RenderInput& input,
                      const bj::object& out) const {
    const bj::object& versions = out.at("versions").as_object();
    ASSERT_EQ(versions.size(), input.versions.size());
    bj::object stamps;
    for (const VersionView& view : input.versions) {
      ASSERT_EQ(versions.at(view.version), expected_manifest(input, view)) << text_;
      const auto stamp = packument.times().find(view.version);
      if (stamp != packument.times().end()) stamps.emplace(view.version, stamp->second);
    }
    bj::object time = out.contains("time") ? out.at("time").as_object() : bj::object();
    time.erase("modified");
    ASSERT_EQ(time, stamps) << text_;
  }

  void check_own_reading(const Packument& packument, const RenderInput& input,
                         const std::string& out) const {
    const auto again = packument_of(out);
    ASSERT_TRUE(again) << out;
    ASSERT_EQ(again->versions().size(), input.versions.size());
    for (std::size_t i = 0; i < input.versions.size(); ++i) {
      const PackumentVersion& version = again->versions()[i];
      ASSERT_FALSE(version.refusal) << out;
      ASSERT_EQ(version.version, input.versions[i].version);
      ASSERT_FALSE(version.release.has_shrinkwrap);
      ASSERT_EQ(version.release.has_install_script.value_or(false),
                input.versions[i].has_install_script);
      ASSERT_EQ(version.release.published, packument.find(version.version)->release.published);
    }
  }

  JsonGenerator random_;
  std::string text_;
};

TEST(RenderPackument, ReadAgainItIsWhatWasMeant) {
  RenderProperty property(31);
  for (int round = 0; round < 1'500 && !testing::Test::HasFatalFailure(); ++round) property.round();
}

}  // namespace
}  // namespace npmgate
