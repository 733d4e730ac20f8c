#include "base/log.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <string>
#include <thread>
#include <vector>

#include "base/time.h"

namespace npmgate {
namespace {

using boost::json::object;
using log::Format;
using log::Level;
using log::printable;

// The lines that `body` writes to stderr.
template <class Body>
std::vector<std::string> lines_of(Level level, Format format, const Body& body) {
  testing::internal::CaptureStderr();
  log::configure(level, format);
  body();
  std::string text = testing::internal::GetCapturedStderr();
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1);
    lines.push_back(text.substr(0, end));
    text.erase(0, end + 1);
  }
  return lines;
}

struct PrintableRow {
  const char* name;
  std::string text, shown;
};

TEST(Printable, DisarmsWhatTerminalsObey) {
  const std::vector<PrintableRow> rows = {
      {"plain", "left-pad 1.0.0 äöü 日本 🎉", "left-pad 1.0.0 äöü 日本 🎉"},
      {"newline and tab", "a\nb\tc\rd", "a\\u000ab\\u0009c\\u000dd"},
      {"escape", "\x1b[31mred", "\\u001b[31mred"},
      {"nul", std::string("a\0b", 3), "a\\u0000b"},
      {"delete", "a\x7f", "a\\u007f"},
      {"c1 csi", "a\xc2\x9b", "a\\u009b"},
      {"bidi override", "a\xe2\x80\xae", "a\\u202e"},
      {"bidi isolate", "\xe2\x81\xa6", "\\u2066"},
      {"arabic letter mark", "\xd8\x9c", "\\u061c"},
      {"zero width space", "a\xe2\x80\x8b", "a\\u200b"},
      {"line separator", "\xe2\x80\xa8", "\\u2028"},
      {"byte order mark", "\xef\xbb\xbf", "\\ufeff"},
      {"soft hyphen", "\xc2\xad", "\\u00ad"},
      {"tag character", "\xf3\xa0\x81\x81", "\\udb40\\udc41"},
      {"stray byte", "a\xff", "a\\xff"},
      {"overlong", "\xc0\xaf", "\\xc0\\xaf"},
      {"surrogate", "\xed\xa0\x80", "\\xed\\xa0\\x80"},
      {"beyond Unicode", "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
      {"cut short", "\xe2\x80", "\\xe2\\x80"},
  };
  for (const PrintableRow& row : rows) EXPECT_EQ(printable(row.text), row.shown) << row.name;
}

TEST(Printable, CutsBetweenCharacters) {
  EXPECT_EQ(printable("abcdef", 6), "abcdef");
  EXPECT_EQ(printable("abcdef", 5), "abcde…");
  EXPECT_EQ(printable("aä", 2), "a…");
  EXPECT_EQ(printable("a\nb", 6), "a…");
  EXPECT_EQ(printable("a\nb", 7), "a\\u000a…");
  EXPECT_EQ(printable(std::string(501, 'x')), std::string(500, 'x') + "…");
}

TEST(Printable, EveryControlOfAsciiIsShown) {
  for (int c = 0; c < 0x20; ++c) {
    const std::string shown = printable(std::string(1, static_cast<char>(c)));
    ASSERT_EQ(shown.size(), 6U) << c;
    EXPECT_EQ(shown.substr(0, 4), "\\u00") << c;
    EXPECT_EQ(std::stoi(shown.substr(4), nullptr, 16), c);
  }
  for (int c = 0x20; c < 0x7f; ++c) {
    const std::string text(1, static_cast<char>(c));
    EXPECT_EQ(printable(text), text);
  }
}

TEST(Printable, NoByteSequenceLeavesInvalidUtf8) {
  // All pairs of bytes: what comes out is printed to the same again.
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      const std::string text{static_cast<char>(a), static_cast<char>(b)};
      const std::string shown = printable(text);
      ASSERT_EQ(printable(shown), shown) << a << " " << b;
    }
  }
}

TEST(Log, ParsesLevels) {
  EXPECT_EQ(log::parse_level("debug"), Level::kDebug);
  EXPECT_EQ(log::parse_level("error"), Level::kError);
  EXPECT_EQ(log::parse_level("Warn"), std::nullopt);
  EXPECT_EQ(log::parse_level(""), std::nullopt);
}

TEST(Log, TextLineHasTimeLevelEventMessageFields) {
  const auto lines = lines_of(Level::kInfo, Format::kText, [] {
    log::warn("upstream-down", "serving stale",
              {{"url", "https://registry.example/"}, {"age", 12}});
    log::error("x", "y");
  });
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_TRUE(parse_time(lines[0].substr(0, 24)).has_value()) << lines[0];
  EXPECT_EQ(lines[0].substr(24),
            " warn  upstream-down  serving stale  url=https://registry.example/ age=12");
  EXPECT_EQ(lines[1].substr(24), " error x  y");
}

TEST(Log, TextFieldsCannotForgeLinesOrFields) {
  const auto lines = lines_of(Level::kInfo, Format::kText, [] {
    log::info(
        "request", "a\nb",
        {{"agent", "x\n2026 error fake"}, {"name", "a b=\"c\""}, {"empty", ""}, {"null", nullptr}});
  });
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].substr(24),
            " info  request  a\\u000ab  agent=\"x\\u000a2026 error fake\" name=\"a b=\\\"c\\\"\" "
            "empty=\"\" "
            "null=null");
}

TEST(Log, JsonLineIsOneValidObject) {
  const auto lines = lines_of(Level::kDebug, Format::kJson, [] {
    log::debug("e", "m\x1b\n\xe2\x80\xae\xff",
               {{"n", 1}, {"level", "forged"}, {"o", object{{"k", "\xc2\x9b"}}}});
  });
  ASSERT_EQ(lines.size(), 1U);
  for (const unsigned char c : lines[0]) EXPECT_TRUE(c >= 0x20 && c < 0x7f) << lines[0];
  const object line = boost::json::parse(lines[0]).as_object();
  EXPECT_TRUE(parse_time(std::string(line.at("time").as_string())).has_value());
  EXPECT_EQ(line.at("level").as_string(), "debug");
  EXPECT_EQ(line.at("event").as_string(), "e");
  EXPECT_EQ(line.at("message").as_string(), "m\x1b\n\xe2\x80\xae\xef\xbf\xbd");
  EXPECT_EQ(line.at("n").as_int64(), 1);
  EXPECT_EQ(line.at("o").at("k").as_string(), "\xc2\x9b");
}

TEST(Log, JsonFieldsKeepTheirTypes) {
  const auto lines = lines_of(Level::kInfo, Format::kJson, [] {
    log::info("e", "m", {{"list", {1, 2}}, {"yes", true}, {"none", nullptr}, {"ratio", 0.5}});
  });
  ASSERT_EQ(lines.size(), 1U);
  const object line = boost::json::parse(lines[0]).as_object();
  EXPECT_EQ(line.at("list").as_array().size(), 2U);
  EXPECT_TRUE(line.at("yes").as_bool());
  EXPECT_TRUE(line.at("none").is_null());
  EXPECT_EQ(line.at("ratio").as_double(), 0.5);
  // The four of every line come first, in this order.
  const char* const expected[] = {"time", "level", "event", "message"};
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ((line.begin() + i)->key(), expected[i]);
}

TEST(Log, LongTextsAreCutInTextLines) {
  const auto lines = lines_of(Level::kInfo, Format::kText, [] {
    log::info("e", std::string(10000, 'm'), {{"f", std::string(10000, 'f')}});
  });
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_LT(lines[0].size(), 8200U);
  EXPECT_NE(lines[0].find("…"), std::string::npos);
}

TEST(Log, LevelHidesWhatIsBelow) {
  const auto lines = lines_of(Level::kWarn, Format::kJson, [] {
    log::debug("d", "");
    log::info("i", "");
    log::warn("w", "");
    log::error("e", "");
  });
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_NE(lines[0].find("\"w\""), std::string::npos);
  EXPECT_NE(lines[1].find("\"e\""), std::string::npos);
}

TEST(Log, LinesOfThreadsStayWhole) {
  const auto lines = lines_of(Level::kInfo, Format::kJson, [] {
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([] {
        for (int i = 0; i < 100; ++i) log::info("thread", std::string(200, 'x'), {{"i", i}});
      });
    }
    for (std::thread& thread : threads) thread.join();
  });
  ASSERT_EQ(lines.size(), 400U);
  for (const std::string& line : lines) EXPECT_TRUE(boost::json::parse(line).is_object());
}

}  // namespace
}  // namespace npmgate
