#include "diff/visible.h"

#include <gtest/gtest.h>

namespace npmgate {
namespace {

TEST(VisibleCode, PlainCodeStaysAsItIs) {
  EXPECT_EQ(visible_code("const a = 'x < y & z';", 1000), "const a = 'x < y & z';");
  EXPECT_EQ(visible_code("// größer als 5 €, 数字", 1000), "// größer als 5 €, 数字");
  EXPECT_EQ(visible_code("\tif", 1000), "    if");
}

TEST(VisibleCode, OneScriptAloneIsNoDisguise) {
  EXPECT_EQ(visible_code("// привет мир", 1000), "// привет мир");
  EXPECT_EQ(visible_code("const α = 1", 1000), "const α = 1");
}

TEST(VisibleCode, MixedWordsShowTheirForeignLetters) {
  EXPECT_EQ(visible_code("p\u0430ypal()", 1000), "p\\u0430ypal()");
  EXPECT_EQ(visible_code("\uFF45val + e\u03BDal", 1000), "\\uFF45val + e\\u03BDal");
}

TEST(VisibleCode, NothingIsInvisible) {
  EXPECT_EQ(visible_code("a\u200Bb", 1000), "a\\u200bb");
  EXPECT_EQ(visible_code("x\u202Ey", 1000), "x\\u202ey");
  EXPECT_EQ(visible_code("\x1b[31m", 1000), "\\u001b[31m");
  EXPECT_EQ(visible_code("a\xff", 1000), "a\\xff");
}

TEST(VisibleCode, LongLinesAreCut) {
  EXPECT_EQ(visible_code("abcdef", 3), "abc…");
}

}  // namespace
}  // namespace npmgate
