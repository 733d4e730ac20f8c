// What people rely on, as tables. The long proof is semver_differential.mjs, which asks npm's own
// module.
#include "registry/semver.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

namespace npmgate {
namespace {

std::string shown(const std::optional<Version>& version) {
  return version ? version->str() : "-";
}

struct VersionRow {
  const char *text, *strict, *loose;  // "-" = invalid
};

TEST(Version, ParsesStrictAndLoose) {
  const std::vector<VersionRow> rows = {
      {"1.2.3", "1.2.3", "1.2.3"},
      {"v1.2.3", "1.2.3", "1.2.3"},
      {" 1.2.3\n", "1.2.3", "1.2.3"},
      {"\xc2\xa0"
       "1.2.3\xef\xbb\xbf",
       "1.2.3", "1.2.3"},
      {"=1.2.3", "-", "1.2.3"},
      {"v 1.2.3", "-", "1.2.3"},
      {" =v1.2.3", "-", "1.2.3"},
      {"V1.2.3", "-", "-"},
      {"1.2.3-alpha.1", "1.2.3-alpha.1", "1.2.3-alpha.1"},
      {"1.2.3+build.5", "1.2.3", "1.2.3"},
      {"1.2.3-a.b+c-d.001", "1.2.3-a.b", "1.2.3-a.b"},
      {"1.0.0beta", "-", "1.0.0-beta"},
      {"1.0.0rc.1+x", "-", "1.0.0-rc.1"},
      {"01.2.3", "-", "1.2.3"},
      {"1.2.3-01", "-", "1.2.3-1"},
      {"1.2.3-0a", "1.2.3-0a", "1.2.3-0a"},
      {"1.2.3--", "1.2.3--", "1.2.3--"},
      {"1.2.3-", "-", "1.2.3--"},
      {"1.2.3-.4", "-", "1.2.3--.4"},
      {"1.2.34.5", "-", "1.2.3-4.5"},
      {"1.2.3.4", "-", "-"},
      {"1.2.3-a..b", "-", "-"},
      {"1.2.3+", "-", "-"},
      {"1.2.3+a+b", "-", "-"},
      {"1.2.3-\xc3\xa9", "-", "-"},
      {"1.2.3 4", "-", "-"},
      {"1.2", "-", "-"},
      {"1", "-", "-"},
      {"1.x.3", "-", "-"},
      {"-1.2.3", "-", "-"},
      {"", "-", "-"},
      {"latest", "-", "-"},
      {"9007199254740991.0.0", "9007199254740991.0.0", "9007199254740991.0.0"},
      {"9007199254740992.0.0", "-", "-"},
      {"0.0.18446744073709551617", "-", "-"},
      {"1.0.0-9007199254740991", "1.0.0-9007199254740991", "1.0.0-9007199254740991"},
      // Too large to become a number, it keeps its zeros: the text that comes out is loose as well.
      {"1.0.01-0719925474099114099111", "-", "1.0.1-0719925474099114099111"},
      {"1.0.1-0719925474099114099111", "-", "1.0.1-0719925474099114099111"},
  };
  for (const VersionRow& row : rows) {
    EXPECT_EQ(shown(Version::parse(row.text)), row.strict) << row.text;
    EXPECT_EQ(shown(Version::parse_loose(row.text)), row.loose) << row.text;
  }
}

TEST(Version, LengthIsLimitedTo256) {
  EXPECT_TRUE(Version::parse("1.0.0-" + std::string(250, 'a')).has_value());
  EXPECT_FALSE(Version::parse("1.0.0-" + std::string(251, 'a')).has_value());
  EXPECT_TRUE(Version::parse("1.0.0" + std::string(251, ' ')).has_value());
  EXPECT_FALSE(Version::parse("1.0.0" + std::string(252, ' ')).has_value());
}

TEST(Version, NumbersOfAPrereleaseAreNumbers) {
  const auto version = Version::parse("1.2.3-rc.10.9007199254740991");
  ASSERT_TRUE(version.has_value());
  EXPECT_EQ(version->major(), 1U);
  EXPECT_EQ(version->minor(), 2U);
  EXPECT_EQ(version->patch(), 3U);
  EXPECT_TRUE(version->is_prerelease());
  const std::vector<Version::Identifier> expected = {std::string("rc"), std::uint64_t{10},
                                                     std::string("9007199254740991")};
  EXPECT_EQ(version->prerelease(), expected);
  EXPECT_FALSE(Version::parse("1.2.3+rc")->is_prerelease());
}

TEST(Version, PrecedenceIsTotal) {
  // Semver 2.0.0, section 11, and what lies beyond 2^53, in ascending order.
  const std::vector<std::string> order = {"0.0.0-0",
                                          "0.0.0",
                                          "0.0.1",
                                          "0.10.0",
                                          "1.0.0-0",
                                          "1.0.0-2",
                                          "1.0.0-10",
                                          "1.0.0-9007199254740990",
                                          "1.0.0-9007199254740991",
                                          "1.0.0-9007199254740992",
                                          "1.0.0-9007199254740993",
                                          "1.0.0-10000000000000000000000",
                                          "1.0.0--",
                                          "1.0.0-RC",
                                          "1.0.0-alpha",
                                          "1.0.0-alpha.1",
                                          "1.0.0-alpha.beta",
                                          "1.0.0-beta",
                                          "1.0.0-beta.2",
                                          "1.0.0-beta.11",
                                          "1.0.0-beta.11.0",
                                          "1.0.0-beta11",
                                          "1.0.0-rc.1",
                                          "1.0.0",
                                          "2.0.0",
                                          "10.0.0"};
  for (std::size_t i = 0; i < order.size(); ++i) {
    for (std::size_t k = 0; k < order.size(); ++k) {
      const Version a = *Version::parse(order[i]), b = *Version::parse(order[k]);
      EXPECT_EQ(a <=> b, i <=> k) << order[i] << " and " << order[k];
      EXPECT_EQ(a == b, i == k) << order[i] << " and " << order[k];
    }
  }
}

TEST(Version, BuildMetadataDoesNotCount) {
  EXPECT_EQ(*Version::parse("1.0.0+a"), *Version::parse("1.0.0+b"));
}

TEST(Version, ReleaseLine) {
  EXPECT_EQ(release_line(*Version::parse("4.17.21")), "4");
  EXPECT_EQ(release_line(*Version::parse("1.0.0-rc.1")), "1");
  EXPECT_EQ(release_line(*Version::parse("0.27.2")), "0.27");
  EXPECT_EQ(release_line(*Version::parse("0.0.3")), "0.0");
}

struct RangeRow {
  const char *text, *loose, *strict;  // the expansion; "-" = invalid, "" = as in loose mode
};

TEST(Range, ExpandsToComparators) {
  const std::vector<RangeRow> rows = {
      {"", "*", ""},
      {"*", "*", ""},
      {"x.x.x", "*", ""},
      {">=0.0.0", "*", ""},
      {"1.2.3", "1.2.3", ""},
      {"=1.2.3", "1.2.3", ""},
      {"v1.2.3", "1.2.3", ""},
      {"1", ">=1.0.0 <2.0.0-0", ""},
      {"1.x", ">=1.0.0 <2.0.0-0", ""},
      {"1.2.*", ">=1.2.0 <1.3.0-0", ""},
      {"^1.2.3", ">=1.2.3 <2.0.0-0", ""},
      {"^0.2.3", ">=0.2.3 <0.3.0-0", ""},
      {"^0.0.3", ">=0.0.3 <0.0.4-0", ""},
      {"^0.0", "<0.1.0-0", ""},
      {"^0.x", "<1.0.0-0", ""},
      {"^1.2.3-beta.2", ">=1.2.3-beta.2 <2.0.0-0", ""},
      {"^ 1.2", ">=1.2.0 <2.0.0-0", ""},
      {"^*", "*", ""},
      {"~1.2.3", ">=1.2.3 <1.3.0-0", ""},
      {"~>1.2", ">=1.2.0 <1.3.0-0", ""},
      {"~ 1", ">=1.0.0 <2.0.0-0", ""},
      {"~1.2.3-beta.2", ">=1.2.3-beta.2 <1.3.0-0", ""},
      {">1", ">=2.0.0", ""},
      {">1.2", ">=1.3.0", ""},
      {"<=1.2", "<1.3.0-0", ""},
      {"<=1", "<2.0.0-0", ""},
      {"<1.2", "<1.2.0-0", ""},
      {"> 1.2.3   < 2", ">1.2.3 <2.0.0-0", ""},
      {">*", "<0.0.0-0", ""},
      {"1.2.3 - 2.3.4", ">=1.2.3 <=2.3.4", ""},
      {"1.2 - 2.3", ">=1.2.0 <2.4.0-0", ""},
      {"1 - 2", ">=1.0.0 <3.0.0-0", ""},
      {"1.2.3 - x", ">=1.2.3", ""},
      {"x - 1.2.3", "<=1.2.3", ""},
      {"1.2.3 - 2.0.0-beta", ">=1.2.3 <=2.0.0-beta", ""},
      {"1.2.3+build - 2", ">=1.2.3 <3.0.0-0", ""},
      {"^1 || ^2", ">=1.0.0 <2.0.0-0||>=2.0.0 <3.0.0-0", ""},
      {"1.0.0||2.0.0", "1.0.0||2.0.0", ""},
      {"|| 1", "*", ""},
      {">x || 1.0.0", "1.0.0", ""},
      {">x || <x", "<0.0.0-0", ""},
      {"1.0.0 1.0.0", "1.0.0", ""},
      {"* 1.0.0", "1.0.0", ""},
      {"1.2.3*", "1.2.3", ""},
      {"1.0.0beta", "1.0.0-beta", "-"},
      {">01.02.03", ">1.2.3", "-"},
      {"1.2.34.5", "1.2.3-4.5", "-"},
      {"^1 foo", ">=1.0.0 <2.0.0-0", "-"},
      {"* foo", "*", "-"},
      {"foo || 1.0.0", "1.0.0", "-"},
      {"> = 1", ">=1.0.0 <2.0.0-0", "-"},
      {"==1.2.3", "1.2.3", "-"},
      {"latest", "-", "-"},
      {"1.x.3", "-", "-"},
      {"*.1", "-", "-"},
      {">", "-", "-"},
      {"^", "-", "-"},
      {"!1.0.0", "-", "-"},
      {"https://registry.example/a.tgz", "-", "-"},
      {"npm:other@1.0.0", "-", "-"},
      {"9007199254740992", "-", "-"},
      {"<=9007199254740991", "-", "-"},
  };
  for (const RangeRow& row : rows) {
    const auto loose = Range::parse(row.text), strict = Range::parse(row.text, false);
    const std::string expected_strict = *row.strict == '\0' ? row.loose : row.strict;
    EXPECT_EQ(loose ? loose->str() : "-", row.loose) << row.text;
    EXPECT_EQ(strict ? strict->str() : "-", expected_strict) << row.text;
  }
}

TEST(Range, IncludePrereleaseLowersBounds) {
  const std::vector<std::pair<const char*, const char*>> rows = {
      {"^1.2", ">=1.2.0-0 <2.0.0-0"},
      {"~1", ">=1.0.0-0 <2.0.0-0"},
      {"1.x", ">=1.0.0-0 <2.0.0-0"},
      {">1.2", ">=1.3.0-0"},
      {"^1.2.3", ">=1.2.3 <2.0.0-0"},
      {">=0.0.0-0", "*"},
      {">=0.0.0", ">=0.0.0"},
      {"1.2.3 - 2.3.4", ">=1.2.3-0 <2.3.5-0"},
      {"1.2.3-a - 2", ">=1.2.3-a <3.0.0-0"}};
  for (const auto& [text, expanded] : rows) {
    const auto range = Range::parse(text);
    ASSERT_TRUE(range.has_value()) << text;
    EXPECT_EQ(range->str(true), expanded) << text;
  }
}

struct MatchRow {
  const char *range, *version;
  bool plain, with_prereleases;
};

TEST(Range, Matches) {
  const std::vector<MatchRow> rows = {
      {"^1.2.3", "1.2.3", true, true},
      {"^1.2.3", "1.9.0", true, true},
      {"^1.2.3", "1.2.2", false, false},
      {"^1.2.3", "2.0.0", false, false},
      {"^1.2.3", "2.0.0-alpha", false, false},
      {"^1.2.3", "1.3.0-alpha", false, true},
      {"^1.2.3-beta", "1.2.3-beta.1", true, true},
      {"^1.2.3-beta", "1.2.3-alpha", false, false},
      {"^1.2.3-beta", "1.2.4-beta", false, true},
      {"*", "1.0.0", true, true},
      {"*", "1.0.0-rc.1", false, true},
      {">=1.0.0-rc.1", "1.0.0-rc.2", true, true},
      {">=1.0.0-rc.1 <2", "2.0.0-rc.1", false, false},
      {"1.0.0 || 3.x", "3.4.5", true, true},
      {"1.0.0 || 3.x", "2.0.0", false, false},
      {"<0.0.0", "0.0.0-0", false, true},
      {"1.2.3", "1.2.3+build", true, true},
      {">1.2", "1.2.9", false, false},
      {"<=1.2", "1.2.9", true, true},
  };
  for (const MatchRow& row : rows) {
    const auto range = Range::parse(row.range);
    const auto version = Version::parse(row.version);
    ASSERT_TRUE(range && version) << row.range;
    EXPECT_EQ(range->matches(*version), row.plain) << row.range << " : " << row.version;
    EXPECT_EQ(range->matches(*version, true), row.with_prereleases)
        << row.range << " : " << row.version;
  }
}

TEST(Range, NothingMatchesWhereOnlyThePrereleaseBoundOverflows) {
  const auto range = Range::parse("1.0.0 - 2.0.9007199254740991");
  ASSERT_TRUE(range.has_value());
  EXPECT_EQ(range->str(true), "");
  EXPECT_TRUE(range->matches(*Version::parse("1.5.0")));
  EXPECT_FALSE(range->matches(*Version::parse("1.5.0"), true));
}

TEST(Range, ExactTellsTheOneVersion) {
  for (const char* text : {"1.2.3-a", "=1.2.3-a", "v1.2.3-a", " 1.2.3-a+b ", "1.2.3-a 1.2.3-a"}) {
    EXPECT_EQ(shown(Range::parse(text)->exact()), "1.2.3-a") << text;
  }
  for (const char* text :
       {"*", "^1.2.3", "1.2", ">=1.2.3", "1.2.3 || 1.2.4", "1.2.3 <2", "<=1.2.3"}) {
    EXPECT_EQ(Range::parse(text)->exact(), std::nullopt) << text;
  }
}

TEST(Range, HostileTextsEndSoon) {
  // Each is as long as a range may be. All of them together take two seconds under a sanitizer; the
  // limit only catches work that explodes.
  const std::size_t size = 16'384;
  const auto filled = [size](std::string_view unit) {
    std::string out;
    while (out.size() + unit.size() <= size) out += unit;
    return out;
  };
  const auto start = std::chrono::steady_clock::now();
  for (const char* unit :
       {"v",  "=",  "0",  "1",    "<",         "~",  "^",    "||",   "|",  "* ", "1.0.0-", "00.00x",
        "a.", "+a", "- ", "1 - ", "1.0.0 || ", "> ", "<=v ", "1.1.", "x.", "-",  "0.0.0.0"}) {
    const auto range = Range::parse(filled(unit));
    EXPECT_TRUE(!range || !range->str().empty()) << unit;
  }
  const auto spent = std::chrono::steady_clock::now() - start;
  EXPECT_LT(spent, std::chrono::seconds(60));
  EXPECT_FALSE(Range::parse("1.0.0" + std::string(size, ' ')).has_value());
}

}  // namespace
}  // namespace npmgate
