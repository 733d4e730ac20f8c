#include "feeds/advisory_index.h"

#include <gtest/gtest.h>

namespace npmgate {
namespace {

using Kind = OsvEvent::Kind;

struct RangeCase {
  const char* name;
  std::vector<OsvEvent> events;
  std::vector<std::string> in, out;
};

class Ranges : public ::testing::TestWithParam<RangeCase> {};

TEST_P(Ranges, Hold) {
  for (const std::string& version : GetParam().in)
    EXPECT_TRUE(in_range(GetParam().events, *Version::parse(version))) << version;
  for (const std::string& version : GetParam().out)
    EXPECT_FALSE(in_range(GetParam().events, *Version::parse(version))) << version;
}

INSTANTIATE_TEST_SUITE_P(
    Osv, Ranges,
    ::testing::Values(
        RangeCase{"Everything", {{Kind::kIntroduced, "0"}}, {"0.0.0", "0.0.0-a", "99.1.2"}, {}},
        RangeCase{"FixedIsOutside",
                  {{Kind::kIntroduced, "1.0.0"}, {Kind::kFixed, "1.2.0"}},
                  {"1.0.0", "1.1.9", "1.2.0-rc.1"},
                  {"0.9.0", "1.0.0-rc.1", "1.2.0", "2.0.0"}},
        RangeCase{"LastAffectedIsInside",
                  {{Kind::kIntroduced, "0"}, {Kind::kLastAffected, "0.2.5"}},
                  {"0.0.1", "0.2.5"},
                  {"0.2.6", "1.0.0"}},
        RangeCase{"TwoIntervalsInAnyOrder",
                  {{Kind::kFixed, "2.0.1"},
                   {Kind::kIntroduced, "2.0.0"},
                   {Kind::kFixed, "1.0.1"},
                   {Kind::kIntroduced, "1.0.0"}},
                  {"1.0.0", "2.0.0"},
                  {"1.0.1", "1.9.0", "2.0.1"}},
        RangeCase{
            "ReopenedWhereItWasFixed",
            {{Kind::kIntroduced, "1.0.0"}, {Kind::kFixed, "1.5.0"}, {Kind::kIntroduced, "1.5.0"}},
            {"1.0.0", "1.5.0", "3.0.0"},
            {"0.1.0"}},
        RangeCase{"OneVersion",
                  {{Kind::kIntroduced, "4.1.1"}, {Kind::kLastAffected, "4.1.1"}},
                  {"4.1.1", "4.1.1+build"},
                  {"4.1.0", "4.1.2"}},
        RangeCase{"NothingIntroduced", {{Kind::kFixed, "1.0.0"}}, {}, {"0.1.0", "1.0.0"}}),
    [](const auto& row) { return std::string(row.param.name); });

OsvAffected row(std::string package, std::string id) {
  OsvAffected out;
  out.package = std::move(package);
  out.id = std::move(id);
  return out;
}

AdvisoryIndex index_of(const std::vector<OsvAffected>& rows) {
  AdvisoryIndexBuilder builder(1 << 20);
  for (const OsvAffected& each : rows) EXPECT_TRUE(builder.add(each));
  return std::move(builder).finish();
}

std::vector<std::string> ids(const AdvisoryIndex& index, std::string_view package,
                             std::string_view version) {
  std::vector<std::string> out;
  for (const auto& advisory : index.find(package, version)) out.push_back(advisory.id);
  return out;
}

using Ids = std::vector<std::string>;

TEST(AdvisoryIndex, FindsByNameAndVersion) {
  OsvAffected listed = row("left", "MAL-1");
  listed.versions = {"1.0.0", "1.0.1"};
  OsvAffected ranged = row("left", "MAL-2");
  ranged.ranges = {{{Kind::kIntroduced, "1.0.1"}, {Kind::kFixed, "1.0.3"}}};
  OsvAffected scoped = row("@left/left", "MAL-3");
  scoped.versions = {"1.0.0"};
  const AdvisoryIndex index = index_of({ranged, scoped, listed});
  EXPECT_EQ(ids(index, "left", "1.0.0"), Ids{"MAL-1"});
  EXPECT_EQ(ids(index, "left", "1.0.1"), (Ids{"MAL-1", "MAL-2"}));
  EXPECT_EQ(ids(index, "left", "1.0.2"), Ids{"MAL-2"});
  EXPECT_EQ(ids(index, "left", "1.0.3"), Ids{});
  EXPECT_EQ(ids(index, "@left/left", "1.0.0"), Ids{"MAL-3"});
  EXPECT_EQ(ids(index, "lef", "1.0.0"), Ids{});
  EXPECT_EQ(ids(index, "leftt", "1.0.0"), Ids{});
  EXPECT_TRUE(index.names("left"));
  EXPECT_FALSE(index.names("@left"));
}

TEST(AdvisoryIndex, EmptyNamesNothing) {
  const AdvisoryIndex index;
  EXPECT_FALSE(index.names("left"));
  EXPECT_TRUE(index.find("left", "1.0.0").empty());
}

TEST(AdvisoryIndex, OtherSpellingsOfAListedVersionAreListed) {
  OsvAffected listed = row("left", "MAL-1");
  listed.versions = {"v1.0.0", "not a version"};
  const AdvisoryIndex index = index_of({listed});
  EXPECT_EQ(ids(index, "left", "1.0.0"), Ids{"MAL-1"});
  EXPECT_EQ(ids(index, "left", "1.0.0+build"), Ids{"MAL-1"});
  EXPECT_EQ(ids(index, "left", "not a version"), Ids{"MAL-1"});
  EXPECT_EQ(ids(index, "left", "1.0"), Ids{});
}

TEST(AdvisoryIndex, AnOpenRangeBesideAListIsOverBroad) {
  OsvAffected both = row("left", "MAL-1");
  both.versions = {"2.0.0"};
  both.ranges = {{{Kind::kIntroduced, "0"}}};
  OsvAffected bounded = row("right", "MAL-2");
  bounded.versions = {"2.0.0"};
  bounded.ranges = {{{Kind::kIntroduced, "0"}, {Kind::kLastAffected, "2.0.0"}}};
  OsvAffected open = row("up", "MAL-3");
  open.ranges = both.ranges;
  const AdvisoryIndex index = index_of({both, bounded, open});
  EXPECT_TRUE(index.find("left", "1.0.0").at(0).over_broad);
  EXPECT_FALSE(index.find("left", "2.0.0").at(0).over_broad);
  EXPECT_FALSE(index.find("right", "1.0.0").at(0).over_broad);
  EXPECT_FALSE(index.find("up", "1.0.0").at(0).over_broad);
}

TEST(AdvisoryIndex, TheSameAdvisoryFromTwoSourcesCountsOnceAndInFull) {
  OsvAffected broad = row("left", "MAL-1");
  broad.versions = {"2.0.0"};
  broad.ranges = {{{Kind::kIntroduced, "0"}}};
  OsvAffected exact = row("left", "MAL-1");
  exact.versions = {"1.0.0"};
  for (const auto& order : {std::vector{broad, exact}, std::vector{exact, broad}}) {
    const auto found = index_of(order).find("left", "1.0.0");
    ASSERT_EQ(found.size(), 1u);
    EXPECT_FALSE(found[0].over_broad);
  }
}

TEST(AdvisoryIndex, IsBounded) {
  AdvisoryIndexBuilder builder(100);
  OsvAffected large = row("left", "MAL-1");
  large.versions = {std::string(99, '1')};
  EXPECT_FALSE(builder.add(large));
  EXPECT_TRUE(builder.add(row("left", "MAL-1")));
}

}  // namespace
}  // namespace npmgate
