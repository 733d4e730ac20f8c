#include "diff/content_diff.h"

#include <gtest/gtest.h>

#include "tests/inspect/archive/tar_builder.h"

namespace npmgate {
namespace {

using namespace std::string_literals;
using testing::bytes_of;
using testing::tar_entry;
using testing::tgz;

std::string tarball(std::initializer_list<std::pair<std::string, std::string>> files) {
  std::string entries = tar_entry("package/package.json", R"({"name":"x","version":"1.0.0"})");
  for (const auto& [path, body] : files) entries += tar_entry("package/" + path, body);
  return tgz(entries);
}

class ContentDiffs : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(prepare_line_diff()); }
  ContentDiff diff(const std::string& before, const std::string& after,
                   std::vector<std::string> paths, DiffLimits limits = {}) {
    const auto made = content_diff(bytes_of(before), bytes_of(after), paths, limits);
    EXPECT_TRUE(made) << (made ? "" : to_string(made.error()));
    return made ? *made : ContentDiff();
  }
};

TEST_F(ContentDiffs, ShowsChangedLines) {
  const auto made =
      diff(tarball({{"a.js", "one\ntwo\n"}}), tarball({{"a.js", "one\n2\n"}}), {"a.js"});
  ASSERT_EQ(made.files.size(), 1u);
  EXPECT_EQ(made.files[0].shown, Shown::kLines);
  EXPECT_EQ(made.files[0].lines.added, 1u);
  EXPECT_EQ(made.files[0].lines.removed, 1u);
  EXPECT_TRUE(made.files[0].in_before && made.files[0].in_after);
}

TEST_F(ContentDiffs, KeepsTheOrderAskedForAndLeavesOutWhatIsEqualOrNowhere) {
  const auto made = diff(tarball({{"a.js", "1"}, {"b.js", "1"}, {"same", "1"}}),
                         tarball({{"a.js", "2"}, {"c.js", "2"}, {"same", "1"}}),
                         {"c.js", "same", "nowhere", "b.js", "a.js"});
  ASSERT_EQ(made.files.size(), 3u);
  EXPECT_EQ(made.files[0].path, "c.js");
  EXPECT_FALSE(made.files[0].in_before);
  EXPECT_EQ(made.files[1].path, "b.js");
  EXPECT_FALSE(made.files[1].in_after);
}

TEST_F(ContentDiffs, WithoutABaselineEverythingIsAdded) {
  const auto made = diff("", tarball({{"a.js", "1\n2\n"}}), {"a.js"});
  ASSERT_EQ(made.files.size(), 1u);
  EXPECT_EQ(made.files[0].lines.added, 2u);
  EXPECT_FALSE(made.files[0].in_before);
}

TEST_F(ContentDiffs, BreaksMinifiedCodeIntoLines) {
  std::string before, after;
  for (int i = 0; i < 400; ++i) before += "f(" + std::to_string(i) + ");";
  after = before + "steal();";
  const auto made =
      diff(tarball({{"a.min.js", before}}), tarball({{"a.min.js", after}}), {"a.min.js"});
  ASSERT_EQ(made.files.size(), 1u);
  EXPECT_EQ(made.files[0].shown, Shown::kReadable);
  EXPECT_EQ(made.files[0].lines.added, 1u);
  ASSERT_EQ(made.files[0].lines.hunks.size(), 1u);
  EXPECT_EQ(made.files[0].lines.hunks[0].lines.back().text, "steal();");
}

TEST_F(ContentDiffs, NamesBinariesAndTheirNewStrings) {
  const auto made = diff(tarball({{"a.node",
                                   "\x7F"
                                   "ELF\0\0known string\0"s}}),
                         tarball({{"a.node",
                                   "\x7F"
                                   "ELF\0\0known string\0curl evil.example\0"s}}),
                         {"a.node"});
  ASSERT_EQ(made.files.size(), 1u);
  EXPECT_EQ(made.files[0].shown, Shown::kBinary);
  EXPECT_EQ(made.files[0].kind, "ELF");
  EXPECT_EQ(made.files[0].strings, std::vector<std::string>{"curl evil.example"});
  EXPECT_TRUE(made.files[0].lines.hunks.empty());
}

// Of a large archive the bodies of binaries are not held: what differs is told all the same.
TEST_F(ContentDiffs, LargeBinariesAreToldApartWithoutBeingHeld) {
  std::string body =
      "\x7F"
      "ELF\0\0"s;
  for (int i = 0; i < 1200; ++i) body += std::string(99, static_cast<char>('a' + i % 26)) + '\0';
  std::string other = body;
  other[other.size() - 50] = '!';
  DiffLimits limits;
  limits.archive.hold_whole = 1024;
  const std::string before = tarball({{"a.node", body}, {"b.node", body}, {"c.js", "1\n"}}),
                    after = tarball({{"a.node", other}, {"b.node", body}, {"c.js", "2\n"}});
  const auto made = diff(before, after, {"a.node", "b.node", "c.js"}, limits);
  ASSERT_EQ(made.files.size(), 2u) << "the second is the same";
  EXPECT_EQ(made.files[0].shown, Shown::kBinary);
  EXPECT_EQ(made.files[0].kind, "ELF");
  EXPECT_EQ(made.files[0].after_size, other.size());
  EXPECT_TRUE(made.files[0].strings.empty());
  EXPECT_EQ(made.files[1].lines.added, 1u);
  // One that is larger than what is read for strings has its kind, too.
  limits = DiffLimits();
  limits.max_file = 1000;
  const auto large = diff(before, after, {"a.node"}, limits);
  EXPECT_EQ(large.files[0].shown, Shown::kBinary);
  EXPECT_TRUE(large.files[0].strings.empty());
}

TEST_F(ContentDiffs, LimitsAreUsedUpInTheOrderAskedFor) {
  std::string long_text;
  for (int i = 0; i < 50; ++i) long_text += "line\n";
  DiffLimits limits;
  limits.max_lines = 60;
  auto made = diff("", tarball({{"a", long_text}, {"b", long_text}, {"c", long_text}}),
                   {"b", "c", "a"}, limits);
  ASSERT_EQ(made.files.size(), 3u);
  EXPECT_FALSE(made.files[0].lines.cut);
  EXPECT_TRUE(made.files[1].lines.cut);
  EXPECT_EQ(made.files[2].shown, Shown::kNothing);
  EXPECT_EQ(made.files[2].after_size, long_text.size());
  limits.max_file = 10;
  made = diff("", tarball({{"a", long_text}}), {"a"}, limits);
  EXPECT_EQ(made.files[0].shown, Shown::kNothing);
}

TEST_F(ContentDiffs, ARefusedArchiveIsAnError) {
  const auto made = content_diff(bytes_of("no gzip"), bytes_of(tarball({})), {"a"}, {});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Code::kMalformed);
  EXPECT_NE(made.error().context.find("baseline"), std::string::npos);
}

}  // namespace
}  // namespace npmgate
