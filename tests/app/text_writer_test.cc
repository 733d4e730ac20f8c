#include "app/report/text_writer.h"

#include <gtest/gtest.h>

namespace npmgate {
namespace {

TEST(TextWriter, CountsColumnsNotBytes) {
  EXPECT_EQ(columns_of("abc"), 3u);
  EXPECT_EQ(columns_of("né"), 2u);
  EXPECT_EQ(columns_of("e\u0301"), 1u);  // a combining accent
  EXPECT_EQ(columns_of("漢字"), 4u);
}

TEST(TextWriter, CutsAtCharacters) {
  EXPECT_EQ(cut_to("abcdef", 0), "abcdef");
  EXPECT_EQ(cut_to("abcdef", 6), "abcdef");
  EXPECT_EQ(cut_to("abcdef", 4), "abc…");
  EXPECT_EQ(cut_to("漢字漢", 4), "漢…");
}

TEST(TextWriter, WrapsAtBlanksAndIndents) {
  TextWriter writer(false, 30);
  writer.wrap(6, "  high", Paint::kAlarm, "one two three four five six seven");
  EXPECT_EQ(writer.take(), "  highone two three four five\n      six seven\n");
}

TEST(TextWriter, BreaksWordsThatAreLongerThanALine) {
  TextWriter writer(false, 24);
  writer.wrap(4, "", Paint::kPlain, std::string(45, 'x'));
  EXPECT_EQ(writer.take(), "    " + std::string(20, 'x') + "\n    " + std::string(20, 'x') +
                               "\n    " + std::string(5, 'x') + "\n");
}

TEST(TextWriter, EmptyTextIsALine) {
  TextWriter writer(false, 0);
  writer.wrap(2, "-", Paint::kRed, "");
  EXPECT_EQ(writer.take(), "- \n");
}

TEST(TextWriter, PaintsOnlyInColour) {
  EXPECT_EQ(TextWriter(false, 0).paint(Paint::kRed, "x"), "x");
  EXPECT_EQ(TextWriter(true, 0).paint(Paint::kRed, "x"), "\x1b[31mx\x1b[0m");
  EXPECT_EQ(TextWriter(true, 0).paint(Paint::kPlain, "x"), "x");
}

}  // namespace
}  // namespace npmgate
