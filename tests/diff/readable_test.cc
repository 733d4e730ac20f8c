#include "diff/readable.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace npmgate {
namespace {

struct Row {
  const char* name;
  std::string code, readable;
};
void PrintTo(const Row& row, std::ostream* out) {
  *out << row.name;
}

class Readable : public ::testing::TestWithParam<Row> {};

TEST_P(Readable, BreaksWherePeopleWould) {
  EXPECT_EQ(readable_code(GetParam().code), GetParam().readable);
}

INSTANTIATE_TEST_SUITE_P(
    Code, Readable,
    ::testing::Values(Row{"statements", "a();b();", "a();\nb();\n"},
                      Row{"blocks", "if(a){b();c()}d()", "if(a){\n  b();\n  c()\n}\nd()"},
                      Row{"strings", "a(';{}');b(\"\\\"};\")", "a(';{}');\nb(\"\\\"};\")"},
                      Row{"templates", "a(`;{\n}`);b()", "a(`;{\n}`);\nb()"},
                      Row{"regular_expressions", "a=/[/;]{2};/g;b()", "a=/[/;]{2};/g;\nb()"},
                      Row{"divisions", "a=b/c;d=e/f;", "a=b/c;\nd=e/f;\n"},
                      Row{"comments", "/*;{*/a();//;{\nb()", "/*;{*/a();\n//;{\nb()"},
                      Row{"head_of_a_for", "for(i=0;i<3;i++){a()}", "for(i=0;i<3;i++){\n  a()\n}"},
                      Row{"function_in_brackets", "f(function(){a;b});c",
                          "f(function(){\n  a;\n  b\n});\nc"},
                      Row{"unclosed", "a('b;", "a('b;"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(Readable, KeepsEveryByteButWhiteSpace) {
  std::string code;
  unsigned seed = 7;
  for (int i = 0; i < 20'000; ++i) {
    seed = seed * 1103515245 + 12345;
    code += "abc(){};,'\"`/\\*[]\n=+ "[(seed >> 16) % 22];
  }
  const auto bare = [](std::string text) {
    std::erase_if(text, [](char c) { return c == ' ' || c == '\n' || c == '\t'; });
    return text;
  };
  EXPECT_EQ(bare(readable_code(code)), bare(code));
}

TEST(Readable, TellsMinifiedFromWritten) {
  std::string written;
  for (int i = 0; i < 1000; ++i) written += "  const value = compute(value, 12);\n";
  EXPECT_FALSE(is_minified(written));
  EXPECT_FALSE(is_minified(written + std::string(5000, 'x')));
  EXPECT_TRUE(is_minified("/* licence */\n" + std::string(5000, 'x')));
  EXPECT_FALSE(is_minified(""));
}

}  // namespace
}  // namespace npmgate
