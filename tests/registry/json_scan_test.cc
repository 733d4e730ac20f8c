#include "registry/json_scan.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/registry/json_samples.h"

namespace npmgate::json {
namespace {

using test::JsonGenerator;

struct Scanned {
  std::vector<std::pair<std::string, std::string>> members;
  bool closed = false;
  std::size_t end = 0;
};

Scanned scan(std::string_view text) {
  Scanned scanned;
  MemberScanner scanner(text);
  Member member;
  while (scanner.next(member)) {
    scanned.members.emplace_back(member.key, member.value);
    EXPECT_EQ(text.substr(member.begin, 1), "\"");
    EXPECT_EQ(text.substr(0, member.end).substr(member.end - member.value.size()), member.value);
  }
  scanned.closed = scanner.closed();
  scanned.end = scanner.end();
  return scanned;
}

TEST(MemberScanner, FindsMembersWithExactValues) {
  const Scanned scanned =
      scan(" {\"a\" : 1 ,\n\"b\":\"x,}\" , \"c\":{\"d\":[1,{}]}\t,\"e\\\"\":true} tail");
  ASSERT_TRUE(scanned.closed);
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"a", "1"}, {"b", "\"x,}\""}, {"c", "{\"d\":[1,{}]}"}, {"e\\\"", "true"}};
  EXPECT_EQ(scanned.members, expected);
  EXPECT_EQ(
      scanned.end,
      std::string_view(" {\"a\" : 1 ,\n\"b\":\"x,}\" , \"c\":{\"d\":[1,{}]}\t,\"e\\\"\":true}")
          .size());
}

TEST(MemberScanner, AnEmptyObjectIsClosed) {
  EXPECT_TRUE(scan("{}").closed);
  EXPECT_TRUE(scan("{ \n }").closed);
  EXPECT_TRUE(scan("{}").members.empty());
}

struct OpenText {
  const char* name;
  std::string text;
};

class BrokenStructure : public testing::TestWithParam<OpenText> {};

TEST_P(BrokenStructure, IsNeverClosed) {
  EXPECT_FALSE(scan(GetParam().text).closed);
}

INSTANTIATE_TEST_SUITE_P(
    MemberScanner, BrokenStructure,
    testing::Values(OpenText{"Empty", ""}, OpenText{"Blanks", "  "}, OpenText{"Array", "[]"},
                    OpenText{"Number", "1"}, OpenText{"OpenOnly", "{"},
                    OpenText{"KeyOnly", R"({"a")"}, OpenText{"NoColon", R"({"a" 1})"},
                    OpenText{"NoValue", R"({"a":})"}, OpenText{"NoValueComma", R"({"a":,"b":1})"},
                    OpenText{"NoComma", R"({"a":1 "b":2})"},
                    OpenText{"LeadingComma", R"({,"a":1})"},
                    OpenText{"TrailingComma", R"({"a":1,})"}, OpenText{"BareKey", "{a:1}"},
                    OpenText{"OpenString", R"({"a":"x})"}, OpenText{"OpenKey", R"({"a:1})"},
                    OpenText{"OpenArray", R"({"a":[1})"}, OpenText{"OpenObject", R"({"a":{"b":1})"},
                    OpenText{"EscapedEnd", R"({"a":"\"})"}, OpenText{"Comment", R"({/**/"a":1})"}),
    [](const auto& row) { return row.param.name; });

// What skip_value promises for containers, one byte at a time.
std::size_t naive_container_end(std::string_view text) {
  std::size_t depth = 0;
  bool inside = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\') {
      // Disarms a quote or another backslash, nothing else.
      const std::string_view next = text.substr(i + 1, 1);
      if (next == "\"" || next == "\\") ++i;
    } else if (c == '"') {
      inside = !inside;
    } else if (!inside && (c == '{' || c == '[')) {
      ++depth;
    } else if (!inside && (c == '}' || c == ']') && --depth == 0) {
      return i + 1;
    }
  }
  return kBroken;
}

TEST(SkipValue, AgreesWithTheNaiveScannerOnRandomBytes) {
  JsonGenerator random(1);
  for (int round = 0; round < 20'000; ++round) {
    std::string text = random.pick({"{", "["});
    const std::size_t length = random.below(300);
    // Mostly letters, so that ends also lie beyond the first blocks of 64 bytes.
    for (std::size_t i = 0; i < length; ++i) {
      text += random.pick({"a", "a", "a", "a", "{", "[", "}", "\"", "\"", "\\", ",", " "});
    }
    ASSERT_EQ(skip_value(text, 0), naive_container_end(text)) << text;
  }
}

// A run of backslashes, a quote and a bracket at every place around the block borders.
TEST(SkipValue, EscapesAcrossBlockBorders) {
  for (std::size_t lead = 50; lead < 140; ++lead) {
    for (std::size_t backslashes = 0; backslashes < 6; ++backslashes) {
      const std::string text = "[\"" + std::string(lead, 'a') + std::string(backslashes, '\\') +
                               "\"]\"]" + std::string(70, ' ');
      ASSERT_EQ(skip_value(text, 0), naive_container_end(text)) << lead << " " << backslashes;
    }
  }
}

TEST(SkipValue, StartsAnywhere) {
  const std::string text = std::string(77, 'x') + "{\"a\":[1,2]}" + std::string(77, '}');
  EXPECT_EQ(skip_value(text, 77), 77u + 11u);
}

TEST(SkipValue, DeepNestingIsLinear) {
  const std::string text = test::nested(1'000'000, '[');
  EXPECT_EQ(skip_value(text, 0), text.size());
  EXPECT_EQ(skip_value(text.substr(0, text.size() - 1), 0), kBroken);
}

TEST(SkipValue, Scalars) {
  EXPECT_EQ(skip_value("12,", 0), 2u);
  EXPECT_EQ(skip_value("tru}", 0), 3u);  // the content is not judged here
  EXPECT_EQ(skip_value("\"a\\\"b\" ", 0), 6u);
  EXPECT_EQ(skip_value(",", 0), kBroken);
  EXPECT_EQ(skip_value("}", 0), kBroken);
  EXPECT_EQ(skip_value("", 0), kBroken);
  EXPECT_EQ(skip_value("1", 1), kBroken);
}

TEST(MemberScanner, SplitsRandomObjectsAsAnotherParserDoes) {
  JsonGenerator random(2);
  for (int round = 0; round < 2'000; ++round) {
    const std::string text = random.object(4, "");
    const auto expected = test::oracle(text);
    ASSERT_TRUE(expected) << text;
    const Scanned scanned = scan(text);
    ASSERT_TRUE(scanned.closed) << text;
    ASSERT_EQ(scanned.members.size(), expected->as_object().size());
    for (const auto& [key, value] : scanned.members) {
      const auto decoded = decode_string(key);
      ASSERT_TRUE(decoded) << key;
      ASSERT_EQ(test::oracle(value).value(), expected->as_object().at(*decoded)) << text;
    }
  }
}

struct Decoding {
  const char* name;
  std::string body;
  std::optional<std::string> text;
};

class DecodeString : public testing::TestWithParam<Decoding> {};

TEST_P(DecodeString, Decodes) {
  EXPECT_EQ(decode_string(GetParam().body), GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(
    JsonScan, DecodeString,
    testing::Values(Decoding{"Empty", "", ""}, Decoding{"Plain", "dist", "dist"},
                    Decoding{"Escaped", R"(\u0064ist)", "dist"},
                    Decoding{"AllSimple", R"(\"\\\/\b\f\n\r\t)", "\"\\/\b\f\n\r\t"},
                    Decoding{"TwoBytes", R"(\u00e9)", "\xc3\xa9"},
                    Decoding{"ThreeBytes", R"(\u20AC)", "\xe2\x82\xac"},
                    Decoding{"Pair", R"(\ud83d\ude00)", "\xf0\x9f\x98\x80"},
                    Decoding{"Nul", R"(a\u0000b)", std::string("a\0b", 3)},
                    Decoding{"LastPoint", R"(\udbff\udfff)", "\xf4\x8f\xbf\xbf"},
                    Decoding{"LoneHigh", R"(\ud83d)", std::nullopt},
                    Decoding{"LoneHighThenText", R"(\ud83dxx)", std::nullopt},
                    Decoding{"HighTwice", R"(\ud83d\ud83d)", std::nullopt},
                    Decoding{"LoneLow", R"(\ude00)", std::nullopt},
                    Decoding{"ShortHex", R"(\u12)", std::nullopt},
                    Decoding{"BadHex", R"(\u12g4)", std::nullopt},
                    Decoding{"UnknownEscape", R"(\x41)", std::nullopt},
                    Decoding{"EndsInBackslash", "a\\", std::nullopt},
                    Decoding{"BareQuote", "a\"b", std::nullopt},
                    Decoding{"ControlCharacter", "a\nb", std::nullopt}),
    [](const auto& row) { return row.param.name; });

TEST(KeyIs, ComparesDecodedText) {
  EXPECT_TRUE(key_is("dist", "dist"));
  EXPECT_TRUE(key_is(R"(\u0064ist)", "dist"));
  EXPECT_TRUE(key_is(R"(\u0064\u0069\u0073\u0074)", "dist"));
  EXPECT_FALSE(key_is("Dist", "dist"));
  EXPECT_FALSE(key_is("dis", "dist"));
  EXPECT_FALSE(key_is(R"(\u0065ist)", "dist"));
  EXPECT_FALSE(key_is("dist ", "dist"));
}

TEST(HasLoneSurrogate, SeesHalvesOnly) {
  EXPECT_TRUE(has_lone_surrogate(R"({"a":"\ud800"})"));
  EXPECT_TRUE(has_lone_surrogate(R"({"a":"\udc00"})"));
  EXPECT_TRUE(has_lone_surrogate(R"({"a":"\ud800\ud800\udc00"})"));
  EXPECT_FALSE(has_lone_surrogate(R"({"a":"\ud800\udc00"})"));
  EXPECT_FALSE(has_lone_surrogate(R"({"a":"\\ud800"})"));
  EXPECT_FALSE(has_lone_surrogate(R"({"a":"\x"})"));
  EXPECT_FALSE(has_lone_surrogate("\\"));
}

TEST(AppendString, EscapesAndRepairs) {
  const auto quoted = [](std::string_view text) {
    std::string out;
    append_string(out, text);
    return out;
  };
  EXPECT_EQ(quoted(""), R"("")");
  EXPECT_EQ(quoted("a\"b\\c"), R"("a\"b\\c")");
  EXPECT_EQ(quoted("\n\x1f"), R"("\u000a\u001f")");
  EXPECT_EQ(quoted("\xc3\xa9\xf0\x9f\x98\x80"), "\"\xc3\xa9\xf0\x9f\x98\x80\"");
  constexpr std::string_view kReplaced = "\xef\xbf\xbd";
  for (std::string_view broken : {"\xc3", "\xff", "\xc0", "\x80"}) {
    EXPECT_EQ(quoted(broken), "\"" + std::string(kReplaced) + "\"");
  }
  EXPECT_FALSE(quoted("\xed\xa0\x80").find("\xed\xa0\x80") != std::string::npos);  // a surrogate
  EXPECT_TRUE(test::oracle(quoted("\xf4\x90\x80\x80 \xe0\x80\xaf \xf0\x80\x80\x80")));
}

TEST(AppendString, EveryByteSequenceBecomesValidJson) {
  JsonGenerator random(3);
  for (int round = 0; round < 5'000; ++round) {
    std::string text;
    for (std::size_t i = random.below(8); i > 0; --i) text += static_cast<char>(random.below(256));
    std::string out;
    append_string(out, text);
    ASSERT_TRUE(test::oracle(out)) << out;
  }
}

struct Number {
  const char* name;
  std::string text;
  std::string replaced;
};

class LargeNumbers : public testing::TestWithParam<Number> {};

TEST_P(LargeNumbers, AreReplaced) {
  EXPECT_EQ(replace_large_numbers(GetParam().text), GetParam().replaced);
}

INSTANTIATE_TEST_SUITE_P(
    JsonScan, LargeNumbers,
    testing::Values(Number{"Small", "[1,-2.5,0]", "[1,-2.5,0]"},
                    Number{"Exponent", R"({"a":1e99999})", R"({"a":-1})"},
                    Number{"SignedExponent", "[-1.5E+400]", "[-1]"},
                    Number{"Long", "[" + std::string(400, '7') + "]", "[-1]"},
                    Number{"InString", R"(["1e99999"])", R"(["1e99999"])"},
                    Number{"AfterEscape", R"(["\"",1e9])", R"(["\"",-1])"},
                    Number{"LeadingZero", "[01e5]", "[01e5]"},
                    Number{"NoFraction", "[1.e5]", "[1.e5]"}, Number{"NoExponent", "[1e]", "[1e]"},
                    Number{"Plus", "[+1e5]", "[+1e5]"}, Number{"TwoMinus", "[--1e5]", "[--1e5]"},
                    Number{"Word", "[true1e5]", "[true1e5]"},
                    Number{"LongWithLeadingZero", "[0" + std::string(30, '1') + "]",
                           "[0" + std::string(30, '1') + "]"},
                    Number{"OpenString", "[\"1e5", "[\"1e5"}),
    [](const auto& row) { return row.param.name; });

TEST(Trim, RemovesJsonBlanksOnly) {
  EXPECT_EQ(trim(" \t\r\n x y \n"), "x y");
  EXPECT_EQ(trim("\v1"), "\v1");
  EXPECT_EQ(trim("  "), "");
}

}  // namespace
}  // namespace npmgate::json
