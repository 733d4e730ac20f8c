#include "diff/line_diff.h"

#include <gtest/gtest.h>

namespace npmgate {
namespace {

std::string shown(const LineDiff& diff) {
  std::string out;
  for (const Hunk& hunk : diff.hunks) {
    out += "@\n";
    for (const DiffLine& line : hunk.lines)
      out += static_cast<char>(line.kind) + std::to_string(line.before) + "/" +
             std::to_string(line.after) + " " + line.text + "\n";
  }
  return out;
}

std::string diff_of(std::string_view before, std::string_view after, LineDiffLimits limits = {}) {
  static const Result<void> ready = prepare_line_diff();
  EXPECT_TRUE(ready);
  const auto diff = line_diff(before, after, limits);
  return diff ? shown(*diff) : to_string(diff.error());
}

TEST(LineDiff, NumbersLinesOfBothSides) {
  EXPECT_EQ(diff_of("a\nb\nc\n", "a\nB\nc\n"), "@\n 1/1 a\n-2/0 b\n+0/2 B\n 3/3 c\n");
}

TEST(LineDiff, EqualTextsHaveNoHunk) {
  EXPECT_EQ(diff_of("a\nb", "a\nb"), "");
}

TEST(LineDiff, AnAddedFileIsAllAdded) {
  EXPECT_EQ(diff_of("", "x\ny"), "@\n+0/1 x\n+0/2 y\n");
}

TEST(LineDiff, FarChangesAreTwoHunks) {
  std::string before, after;
  for (int i = 0; i < 40; ++i) {
    before += std::to_string(i) + "\n";
    after += (i == 3 || i == 30 ? "x" : std::to_string(i)) + std::string("\n");
  }
  const auto diff = line_diff(before, after, {});
  ASSERT_TRUE(diff);
  EXPECT_EQ(diff->hunks.size(), 2u);
  EXPECT_EQ(diff->added, 2u);
  EXPECT_EQ(diff->removed, 2u);
}

TEST(LineDiff, WhatIsNotKeptIsCounted) {
  std::string after;
  for (int i = 0; i < 100; ++i) after += std::to_string(i) + "\n";
  LineDiffLimits limits;
  limits.max_lines = 10;
  const auto diff = line_diff("", after, limits);
  ASSERT_TRUE(diff);
  EXPECT_TRUE(diff->cut);
  EXPECT_EQ(diff->added, 100u);
  ASSERT_EQ(diff->hunks.size(), 1u);
  EXPECT_EQ(diff->hunks[0].lines.size(), 10u);
}

TEST(LineDiff, LongLinesAreCutAndWrongBytesShown) {
  LineDiffLimits limits;
  limits.max_line_bytes = 4;
  EXPECT_EQ(diff_of("", "abcdefgh", limits), "@\n+0/1 abcd…\n");
  EXPECT_EQ(diff_of("", "a\xff\xc0", {}), "@\n+0/1 a\\xff\\xc0\n");
}

TEST(LineDiff, LineEndsOfOtherSystemsAreNoText) {
  EXPECT_EQ(diff_of("", "a\r\nb\r\n"), "@\n+0/1 a\n+0/2 b\n");
}

}  // namespace
}  // namespace npmgate
