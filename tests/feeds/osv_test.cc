#include "feeds/osv.h"

#include <gtest/gtest.h>

namespace npmgate {
namespace {

struct Read {
  AdvisoryIndex index;
  FeedCounts counts;
};

Read read(std::string text) {
  Read out;
  AdvisoryIndexBuilder builder(1 << 20);
  OsvReader reader(builder, out.counts);
  EXPECT_TRUE(reader.read(text, "feed.json"));
  out.index = std::move(builder).finish();
  return out;
}

std::string record(const std::string& more, const std::string& id = "MAL-2026-1") {
  return R"({"schema_version":"1.7.0","id":")" + id + "\"," + more + "}";
}
std::string affected(const std::string& inside, const std::string& ecosystem = "npm") {
  return R"("affected":[{"package":{"ecosystem":")" + ecosystem + R"(","name":"left"},)" + inside +
         "}]";
}
const std::string kVersions = R"("versions":["1.0.1"])";

TEST(Osv, ReadsARecord) {
  const Read out = read(
      record(R"j("summary":"Malicious code in left (npm)","published":"2026-02-03T04:05:06Z",)j" +
             affected(kVersions)));
  const auto found = out.index.find("left", "1.0.1");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].id, "MAL-2026-1");
  EXPECT_EQ(found[0].summary, "Malicious code in left (npm)");
  EXPECT_EQ(format_time(found[0].published.value()), "2026-02-03T04:05:06.000Z");
  EXPECT_TRUE(out.index.find("left", "1.0.0").empty());
  EXPECT_EQ(out.counts.records, 1u);
  EXPECT_EQ(out.counts.malware, 1u);
}

TEST(Osv, ReadsSemverAndEcosystemRangesNoCommits) {
  for (const auto& [type, hits] : {std::pair("SEMVER", 1), {"ECOSYSTEM", 1}, {"GIT", 0}}) {
    const Read out =
        read(record(affected(R"("ranges":[{"type":")" + std::string(type) +
                             R"(","events":[{"introduced":"1.0.0"},{"fixed":"1.1.0"}]}])")));
    EXPECT_EQ(out.index.find("left", "1.0.5").size(), static_cast<std::size_t>(hits)) << type;
    EXPECT_TRUE(out.index.find("left", "1.1.0").empty());
    EXPECT_EQ(out.counts.unreadable, 0u);
  }
}

TEST(Osv, ALimitEndsARange) {
  const Read out = read(record(
      affected(R"("ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"limit":"2.0.0"}]}])")));
  EXPECT_EQ(out.index.find("left", "1.9.0").size(), 1u);
  EXPECT_TRUE(out.index.find("left", "2.0.0").empty());
}

TEST(Osv, WithdrawnNamesNothing) {
  const Read out = read(record(R"("withdrawn":"2026-03-01T00:00:00Z",)" + affected(kVersions)));
  EXPECT_FALSE(out.index.names("left"));
  EXPECT_EQ(out.counts.withdrawn, 1u);
  EXPECT_EQ(out.counts.malware, 0u);
}

TEST(Osv, OtherEcosystemsNameNothing) {
  const Read out = read(record(affected(kVersions, "PyPI")));
  EXPECT_FALSE(out.index.names("left"));
  EXPECT_EQ(out.counts.malware, 0u);
}

TEST(Osv, OnlyMalwareCounts) {
  const std::string plain = affected(kVersions);
  EXPECT_FALSE(read(record(plain, "GHSA-aaaa-bbbb-cccc")).index.names("left"));
  EXPECT_TRUE(read(record(R"("aliases":["MAL-2026-9"],)" + plain, "GHSA-aaaa-bbbb-cccc"))
                  .index.names("left"));
  EXPECT_TRUE(
      read(record(R"("database_specific":{"cwe_ids":["CWE-506"]},)" + plain, "GHSA-aaaa-bbbb-cccc"))
          .index.names("left"));
  EXPECT_FALSE(
      read(record(R"("database_specific":{"cwe_ids":["CWE-79"]},)" + plain, "GHSA-aaaa-bbbb-cccc"))
          .index.names("left"));
}

TEST(Osv, ReadsAnArray) {
  const Read out = read("[" + record(affected(kVersions)) + "," +
                        record(affected(kVersions), "MAL-2026-2") + "]");
  EXPECT_EQ(out.index.find("left", "1.0.1").size(), 2u);
  EXPECT_EQ(out.counts.records, 2u);
}

struct BadCase {
  const char* name;
  std::string text;
  const char* problem;
  bool still_named;  // what could be read counts
};

class BadRecords : public ::testing::TestWithParam<BadCase> {};

TEST_P(BadRecords, AreToldAndCounted) {
  const BadCase& bad = GetParam();
  const Read out = read(bad.text);
  EXPECT_EQ(out.counts.unreadable, 1u);
  ASSERT_EQ(out.counts.problems.size(), 1u);
  EXPECT_NE(out.counts.problems[0].find(bad.problem), std::string::npos) << out.counts.problems[0];
  EXPECT_EQ(out.counts.problems[0].find("feed.json: "), 0u);
  EXPECT_EQ(out.index.names("left"), bad.still_named);
}

INSTANTIATE_TEST_SUITE_P(
    Osv, BadRecords,
    ::testing::Values(
        BadCase{"NotJson", "{\"id\":", "not JSON", false}, BadCase{"Empty", "", "not JSON", false},
        BadCase{"ANumber", "7", "neither", false},
        BadCase{"ArrayOfNumbers", "[7]", "array element", false},
        BadCase{"NoId", "{" + affected(kVersions) + "}", "without an id", false},
        BadCase{"NothingAffected", record(R"("affected":{})"), "no list", false},
        BadCase{"NoName",
                record(R"("affected":[{"package":{"ecosystem":"npm"},"versions":["1.0.0"]}])"),
                "in part", false},
        BadCase{
            "EventIsNoVersion",
            record(affected(kVersions +
                            R"(,"ranges":[{"type":"SEMVER","events":[{"introduced":"one"}]}])")),
            "in part", true},
        BadCase{
            "VersionsAreNumbers",
            record(affected(
                R"("versions":[1],"ranges":[{"type":"SEMVER","events":[{"introduced":"0"}]}])")),
            "in part", true}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(Osv, AVersionWithALineFeedCannotForgeARow) {
  const Read out = read(record(affected(R"("versions":["9.9.9\n1.0.0"])")));
  EXPECT_FALSE(out.index.names("left"));
}

TEST(Osv, AFullIndexIsAnError) {
  AdvisoryIndexBuilder builder(10);
  FeedCounts counts;
  OsvReader reader(builder, counts);
  std::string text = record(affected(kVersions));
  const auto done = reader.read(text, "feed.json");
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kTooLarge);
}

}  // namespace
}  // namespace npmgate
