#include <gtest/gtest.h>

#include <set>

#include "registry/render.h"
#include "tests/registry/json_samples.h"

namespace npmgate {
namespace {

using Names = std::set<std::string, std::less<>>;
using History = std::map<std::string, std::vector<std::string>, std::less<>>;

// Versions by name; a '!' behind one means deprecated.
std::shared_ptr<const Packument> packument_of(const std::vector<std::string>& versions,
                                              const StringMap& tags) {
  std::vector<test::VersionText> texts;
  for (std::string version : versions) {
    const bool deprecated = version.ends_with('!');
    if (deprecated) version.pop_back();
    texts.push_back(
        {version, test::manifest_json("p", version, deprecated ? R"(,"deprecated":"d")" : "")});
  }
  std::string members = ",\"dist-tags\":{";
  for (const auto& [tag, version] : tags) {
    if (members.back() != '{') members += ',';
    members += "\"" + tag + "\":\"" + version + "\"";
  }
  return test::parse_packument(test::packument_json("p", texts, members + "}")).value();
}

StringMap moved(const std::vector<std::string>& versions, const StringMap& tags,
                const Names& left_out, const History& history = {}) {
  return move_dist_tags(
      *packument_of(versions, tags),
      [&left_out](std::string_view version) { return !left_out.contains(version); }, history);
}

struct TagRow {
  const char* name;
  std::vector<std::string> versions;
  std::string tag;
  std::string target;
  Names left_out;
  std::string expected;  // "" = dropped
};

class MoveTag : public testing::TestWithParam<TagRow> {};

TEST_P(MoveTag, GoesWhereTheContractSays) {
  const TagRow& row = GetParam();
  const StringMap tags = moved(row.versions, {{row.tag, row.target}}, row.left_out);
  const auto found = tags.find(row.tag);
  EXPECT_EQ(found == tags.end() ? "" : found->second, row.expected);
}

INSTANTIATE_TEST_SUITE_P(
    DistTags, MoveTag,
    testing::Values(
        TagRow{"Stays", {"1.0.0", "1.1.0"}, "latest", "1.0.0", {"1.1.0"}, "1.0.0"},
        TagRow{"NextLower", {"1.0.0", "1.1.0", "1.2.0"}, "latest", "1.2.0", {"1.2.0"}, "1.1.0"},
        TagRow{"SkipsTwo",
               {"1.0.0", "1.1.0", "1.2.0"},
               "latest",
               "1.2.0",
               {"1.2.0", "1.1.0"},
               "1.0.0"},
        TagRow{"NotHigher", {"1.0.0", "1.1.0", "1.2.0"}, "latest", "1.1.0", {"1.1.0"}, "1.0.0"},
        TagRow{"NoPrereleaseForStable",
               {"1.0.0", "1.2.0-rc.1", "1.2.0"},
               "latest",
               "1.2.0",
               {"1.2.0"},
               "1.0.0"},
        TagRow{"PrereleaseForPrerelease",
               {"1.9.0", "2.0.0-rc.1", "2.0.0-rc.2"},
               "next",
               "2.0.0-rc.2",
               {"2.0.0-rc.2"},
               "2.0.0-rc.1"},
        TagRow{"NoStableForPrerelease",
               {"2.0.0-rc.1", "1.9.0"},
               "next",
               "2.0.0-rc.1",
               {"2.0.0-rc.1"},
               ""},
        TagRow{"LatestCrossesMajors", {"1.0.0", "2.0.0"}, "latest", "2.0.0", {"2.0.0"}, "1.0.0"},
        TagRow{"OthersStayInTheMajor", {"1.0.0", "2.0.0"}, "lts", "2.0.0", {"2.0.0"}, ""},
        TagRow{"OthersWithinTheMajor",
               {"1.9.0", "2.0.0", "2.1.0"},
               "lts",
               "2.1.0",
               {"2.1.0"},
               "2.0.0"},
        TagRow{"NotDeprecatedFirst",
               {"1.0.0", "1.1.0!", "1.2.0"},
               "latest",
               "1.2.0",
               {"1.2.0"},
               "1.0.0"},
        TagRow{"DeprecatedRatherThanNone",
               {"1.0.0!", "1.1.0!", "1.2.0"},
               "latest",
               "1.2.0",
               {"1.2.0"},
               "1.1.0"},
        TagRow{"DeprecatedInTheMajorFirst",
               {"1.0.0", "2.0.0!", "2.1.0"},
               "lts",
               "2.1.0",
               {"2.1.0"},
               "2.0.0"},
        TagRow{"LatestUpwardsAtLast",
               {"1.0.0", "1.1.0", "1.2.0"},
               "latest",
               "1.0.0",
               {"1.0.0"},
               "1.2.0"},
        TagRow{"LatestUpwardsStableFirst",
               {"1.0.0", "1.1.0", "2.0.0-rc.1"},
               "latest",
               "1.0.0",
               {"1.0.0"},
               "1.1.0"},
        TagRow{"LatestUpwardsPrerelease",
               {"1.0.0", "2.0.0-rc.1"},
               "latest",
               "1.0.0",
               {"1.0.0"},
               "2.0.0-rc.1"},
        TagRow{"OthersNeverUpwards", {"1.0.0", "1.1.0"}, "old", "1.0.0", {"1.0.0"}, ""},
        TagRow{"LatestWithTheLast", {"1.0.0"}, "latest", "1.0.0", {"1.0.0"}, ""},
        TagRow{"EqualIsNotLower", {"1.0.0+a", "1.0.0+b"}, "next", "1.0.0+b", {"1.0.0+b"}, ""},
        TagRow{"ZeroMajorIsOneMajor", {"0.1.0", "0.2.0"}, "old", "0.2.0", {"0.2.0"}, "0.1.0"},
        TagRow{"TargetNotListed", {"1.0.0", "1.1.0"}, "latest", "1.5.0", {}, "1.1.0"},
        TagRow{"TargetNotAVersion", {"1.0.0", "1.1.0"}, "beta", "soon", {}, ""},
        TagRow{"LatestNotAVersion", {"1.0.0", "1.1.0"}, "latest", "soon", {}, "1.1.0"},
        TagRow{"LooseTarget",
               {"1.0.0", "1.1.0beta", "1.1.0rc"},
               "next",
               "1.1.0rc",
               {"1.1.0rc"},
               "1.1.0beta"}),
    [](const auto& row) { return row.param.name; });

TEST(DistTags, HistoryComesBeforeTheNextLower) {
  const std::vector<std::string> versions = {"1.0.0", "1.1.0", "1.2.0", "1.3.0"};
  const StringMap tags = {{"latest", "1.3.0"}};
  const auto latest = [&](const Names& left_out, const std::vector<std::string>& seen) {
    return moved(versions, tags, left_out, {{"latest", seen}, {"other", {"1.1.0"}}}).at("latest");
  };
  EXPECT_EQ(latest({"1.3.0"}, {"1.0.0"}), "1.0.0");
  EXPECT_EQ(latest({"1.3.0"}, {"1.3.0", "1.1.0", "1.0.0"}), "1.1.0");
  EXPECT_EQ(latest({"1.3.0", "1.1.0"}, {"1.1.0", "1.0.0"}), "1.0.0");
  EXPECT_EQ(latest({"1.3.0"}, {"0.9.0"}), "1.2.0") << "no longer listed";
  EXPECT_EQ(latest({"1.3.0"}, {}), "1.2.0");
  EXPECT_EQ(latest({}, {"1.0.0"}), "1.3.0") << "kept targets do not move";
}

TEST(DistTags, HistoryMayCrossMajors) {
  const History history = {{"lts", {"1.0.0"}}};
  EXPECT_EQ(moved({"1.0.0", "2.0.0"}, {{"lts", "2.0.0"}}, {"2.0.0"}, history).at("lts"), "1.0.0");
}

TEST(DistTags, EachMovesOnItsOwn) {
  const StringMap tags = {{"latest", "2.0.0"}, {"v1", "1.1.0"}, {"next", "3.0.0-rc.1"}};
  const StringMap expected = {{"latest", "1.1.0"}, {"v1", "1.1.0"}};
  EXPECT_EQ(moved({"1.0.0", "1.1.0", "2.0.0", "3.0.0-rc.1"}, tags, {"2.0.0", "3.0.0-rc.1"}),
            expected);
}

TEST(DistTags, RefusedManifestsAreNoTargets) {
  const auto packument = test::parse_packument(
      test::packument_json("p",
                           {{"1.0.0", test::manifest_json("p", "1.0.0")},
                            {"1.1.0", test::manifest_json("p", "1.1.0", R"(,"a":tru)")},
                            {"1.2.0", test::manifest_json("p", "1.2.0", R"(,"a":tru)")}},
                           R"(,"dist-tags":{"latest":"1.2.0"})"));
  ASSERT_TRUE(packument);
  const auto all = [](std::string_view) { return true; };
  EXPECT_EQ(move_dist_tags(**packument, all, {{"latest", {"1.1.0"}}}),
            (StringMap{{"latest", "1.0.0"}}));
}

TEST(DistTags, ManyTagsAndVersions) {
  std::vector<std::string> versions;
  StringMap tags;
  for (int i = 0; i < 20'000; ++i) versions.push_back("1.0." + std::to_string(i));
  for (int i = 0; i < 9'000; ++i) tags["t" + std::to_string(i)] = "1.0.19999";
  int asked = 0;
  const auto result = move_dist_tags(*packument_of(versions, tags),
                                     [&asked](std::string_view version) {
                                       ++asked;
                                       return version == "1.0.0";
                                     },
                                     {});
  EXPECT_EQ(result.size(), tags.size());
  EXPECT_EQ(result.at("t77"), "1.0.0");
  EXPECT_EQ(asked, 20'000) << "each version is judged once";
}

// Whatever is left out, no tag names it, and `latest` lives as long as any version does.
TEST(DistTagsProperty, TagsOnlyNameKeptVersions) {
  test::JsonGenerator random(41);
  const std::vector<std::string> all = {"0.9.0", "1.0.0-rc.1", "1.0.0",      "1.1.0!",
                                        "1.2.0", "2.0.0-rc.1", "2.0.0-rc.2", "2.0.0"};
  for (int round = 0; round < 500; ++round) {
    Names left_out;
    std::vector<std::string> plain;
    for (std::string version : all) {
      if (version.ends_with('!')) version.pop_back();
      plain.push_back(version);
      if (random.below(2) == 0) left_out.insert(version);
    }
    const StringMap tags = {{"latest", plain[random.below(8)]}, {"next", plain[random.below(8)]}};
    const StringMap result =
        moved(all, tags, left_out, {{"next", {plain[random.below(8)], plain[random.below(8)]}}});
    for (const auto& [tag, version] : result) {
      ASSERT_FALSE(left_out.contains(version)) << tag << " " << version;
      const bool target_kept = !left_out.contains(tags.at(tag));
      ASSERT_TRUE(!target_kept || version == tags.at(tag)) << tag;
    }
    ASSERT_EQ(result.contains("latest"), left_out.size() < all.size());
  }
}

}  // namespace
}  // namespace npmgate
