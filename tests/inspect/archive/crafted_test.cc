// Every crafted package of tests/support/crafted.py must get the verdict its row states: from the
// archive profile, or, if the archive is fine, from the reader of package.json.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "inspect/archive/archive.h"
#include "registry/manifest.h"

namespace npmgate {
namespace {

struct Row {
  std::string name, what, expect, stage, rule;
  std::vector<std::string> near;  // rules that this case comes closest to and must not break
};

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in) << path;
  return {std::istreambuf_iterator<char>(in), {}};
}

const std::filesystem::path kFolder = NPM_GATE_CRAFTED_DIR;

std::vector<Row> rows() {
  std::vector<Row> rows;
  const auto text = [](const boost::json::value& value) {
    return value.is_null() ? std::string() : std::string(value.as_string());
  };
  const boost::json::value manifest = boost::json::parse(read_file(kFolder / "manifest.json"));
  for (const boost::json::value& value : manifest.as_array()) {
    const auto& row = value.as_object();
    rows.push_back({text(row.at("case")),
                    text(row.at("what")),
                    text(row.at("expect")),
                    text(row.at("stage")),
                    text(row.at("rule")),
                    {}});
    for (const boost::json::value& near : row.at("near").as_array())
      rows.back().near.push_back(text(near));
  }
  return rows;
}

// "accept", or stage and rule of what refuses.
std::string verdict_of(const Row& row) {
  const std::string file = read_file(kFolder / (row.name + ".tgz"));
  const ArchiveResult result = read_archive(std::as_bytes(std::span(file)), {});
  if (result.refusal) {
    EXPECT_FALSE(result.refusal->detail.empty()) << row.name;
    EXPECT_TRUE(result.archive.entries.empty()) << row.name;
    EXPECT_EQ(result.refusal->over_limit, result.refusal->rule.starts_with("limit-"));
    return "archive " + result.refusal->rule;
  }
  for (const ArchiveEntry& entry : result.archive.entries) {
    if (entry.path != result.archive.top + "/package.json") continue;
    const ParsedManifest parsed =
        parse_package_json({reinterpret_cast<const char*>(entry.body.data()), entry.body.size()});
    return parsed.refusal ? "package-json " + parsed.refusal->rule : "accept";
  }
  return "accepted without package.json";
}

TEST(CraftedPackages, GetTheVerdictOfTheStrictProfile) {
  const std::vector<Row> all = rows();
  ASSERT_GE(all.size(), 250u);
  for (const Row& row : all) {
    const std::string expected = row.expect == "accept" ? "accept" : row.stage + " " + row.rule;
    EXPECT_EQ(verdict_of(row), expected) << row.name << ": " << row.what;
  }
}

std::set<std::string_view> rule_ids() {
  std::set<std::string_view> ids;
  for (const ArchiveRule& rule : archive_rules()) ids.insert(rule.id);
  return ids;
}

// A rule that no package breaks would be untested. The others depend on limits that a small file
// cannot reach, or on a disagreement that no archive is known to cause; archive_test.cc has them.
TEST(CraftedPackages, BreakEveryRule) {
  std::set<std::string_view> untried = rule_ids();
  const std::vector<Row> all = rows();
  for (const Row& row : all) untried.erase(row.rule);
  EXPECT_EQ(untried, (std::set<std::string_view>{"limit-unpacked", "limit-held", "limit-entries",
                                                 "walk-differs"}));
}

// A rule that refuses more than it says would go unnoticed too: each has a package right beside it.
// Limits are tried from both sides in archive_test.cc (Limits).
TEST(CraftedPackages, ComeCloseToEveryRule) {
  std::set<std::string_view> untried = rule_ids();
  const std::vector<Row> all = rows();
  for (const Row& row : all) {
    for (const std::string& rule : row.near) {
      EXPECT_EQ(row.expect, "accept") << row.name;
      EXPECT_EQ(untried.erase(rule), 1u) << rule << " is no rule, or has two near misses";
    }
  }
  EXPECT_EQ(untried, (std::set<std::string_view>{"limit-unpacked", "limit-held", "limit-ratio",
                                                 "limit-entries", "limit-path", "limit-pax",
                                                 "walk-differs"}));
}

}  // namespace
}  // namespace npmgate
