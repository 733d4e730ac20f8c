// Text: what is UTF-8 (RFC 3629, Unicode table 3-7), and what strangers' text becomes before
// anybody reads it.
#include "base/text.h"

#include <gtest/gtest.h>

namespace npmgate {
namespace {

struct Sequence {
  const char* name;
  std::string_view bytes;
  bool valid;
  std::uint32_t value;
};

TEST(Text, DecodesWhatRfc3629Allows) {
  const Sequence rows[] = {
      {"ascii", "a", true, 'a'},
      {"two", "\xc3\xa9", true, 0xe9},
      {"smallest_of_two", "\xc2\x80", true, 0x80},
      {"overlong_of_two", "\xc1\xbf", false, 0xc1},
      {"smallest_of_three", "\xe0\xa0\x80", true, 0x800},
      {"overlong_of_three", "\xe0\x9f\xbf", false, 0xe0},
      {"before_surrogates", "\xed\x9f\xbf", true, 0xd7ff},
      {"surrogate", "\xed\xa0\x80", false, 0xed},
      {"after_surrogates", "\xee\x80\x80", true, 0xe000},
      {"smallest_of_four", "\xf0\x90\x80\x80", true, 0x10000},
      {"overlong_of_four", "\xf0\x8f\xbf\xbf", false, 0xf0},
      {"largest", "\xf4\x8f\xbf\xbf", true, 0x10ffff},
      {"too_large", "\xf4\x90\x80\x80", false, 0xf4},
      {"lone_continuation", "\x80", false, 0x80},
      {"cut_off", "\xe2\x82", false, 0xe2},
      {"no_lead", "\xff", false, 0xff},
  };
  for (const Sequence& row : rows) {
    const CodePoint point = first_code_point(row.bytes);
    EXPECT_EQ(point.valid, row.valid) << row.name;
    EXPECT_EQ(point.value, row.value) << row.name;
    EXPECT_EQ(point.size, row.valid ? row.bytes.size() : 1u) << row.name;
    EXPECT_EQ(is_utf8(row.bytes), row.valid) << row.name;
  }
}

TEST(Text, EncodesWhatItDecodes) {
  for (std::uint32_t value = 0; value <= 0x10ffff; ++value) {
    if (value >= 0xd800 && value <= 0xdfff) continue;
    std::string text;
    append_utf8(text, value);
    const CodePoint point = first_code_point(text);
    ASSERT_TRUE(point.valid && point.value == value && point.size == text.size()) << value;
  }
}

TEST(Text, LettersAndBlanksAreAsciiAlone) {
  EXPECT_EQ(lower_ascii("AZaz09_\xc3\x84"), "azaz09_\xc3\x84");
  EXPECT_TRUE(equal_ignoring_case("Content-TYPE", "content-type"));
  EXPECT_FALSE(equal_ignoring_case("a", "ab"));
  EXPECT_EQ(trimmed(" \t\r\n\v\fa b \n"), "a b");
  EXPECT_EQ(trimmed("\n a\n", " "), "\n a\n");
  EXPECT_EQ(trimmed(" \n "), "");
  EXPECT_EQ(trimmed("\xc2\xa0x"), "\xc2\xa0x");
}

TEST(Text, PercentEncodingIsTakenBack) {
  EXPECT_EQ(percent_encode("1.0.0-rc_1~x"), "1.0.0-rc_1~x");
  EXPECT_EQ(percent_encode(">=2 <3 || \"a\"/b"), "%3E%3D2%20%3C3%20%7C%7C%20%22a%22%2Fb");
  EXPECT_EQ(percent_encode("a/b+c@d e", "/+@"), "a/b+c@d%20e");
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  EXPECT_EQ(percent_decode(percent_encode(all)), all);
}

TEST(Text, InvalidPercentCodesStay) {
  EXPECT_EQ(percent_decode("%zz%4"), "%zz%4");
  EXPECT_EQ(percent_decode("%2f%2F+%00"), std::string_view("//+\0", 4));
}

TEST(Text, FindingsSpeakAscii) {
  EXPECT_EQ(ascii_line("a\tb\nc", 100), "a b c");
  EXPECT_EQ(ascii_line("caf\xc3\xa9 \xff\x1b", 100), "caf\\u{e9} \\xff\\u{1b}");
  EXPECT_EQ(ascii_line("abcdefgh", 6), "abc...");
  EXPECT_EQ(ascii_line("abcdefgh", 8), "abcdefgh");
}

TEST(Text, JsonStaysJsonWithoutControlsOfTheTerminal) {
  EXPECT_EQ(harmless_json("{\"a\":\"\xe2\x80\xae\xff\xc3\xa9\"}"),
            "{\"a\":\"\\u202e\\ufffd\xc3\xa9\"}");
}

TEST(Text, HtmlEndsNeitherTagNorAttribute) {
  EXPECT_EQ(html_escape("<a b=\"c\" d='e'>&\x1b"),
            "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;\\u001b");
}

}  // namespace
}  // namespace npmgate
