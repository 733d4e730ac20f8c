// Measures of hidden text, on stand-ins and on harmless text that looks alike.
#include "inspect/code/hidden_text.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace npmgate {
namespace {

HiddenText measured(const std::string& text) {
  return measure_hidden(text, plain_code(text, Syntax::kScript));
}
std::string times_over(const std::string& text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

TEST(HiddenBlanks, AreThoseInFrontOfCode) {
  const std::string far(200, ' ');
  EXPECT_EQ(measured("a = 1;" + far + "eval(x);\n").blanks, 200u);
  EXPECT_EQ(measured(far + "eval(x);\n").blanks, 200u);
  EXPECT_EQ(measured("a = 1;" + std::string(120, '\t') + "f(x);").blanks, 120u);
  EXPECT_EQ(measured("a = 1;" + far + "// eval(x);\n").blanks, 0u);
  EXPECT_EQ(measured("a = 1;" + far + "\n").blanks, 0u);
  EXPECT_EQ(measured("a = 1;" + std::string(90, ' ') + "f(x);\n").blanks, 0u);
  EXPECT_EQ(measured("'name" + far + "what it is'\n").blanks, 0u);
}

// 1,600 bytes of each kind.
TEST(BigramEntropy, TellsShuffledTextFromCode) {
  std::mt19937 random(7);
  std::string shuffled = "var a = '";
  for (int i = 0; i < 1800; ++i) {
    shuffled += static_cast<char>(' ' + 1 + random() % 90);
    if (i % 7 == 0) shuffled += ' ';
    if (shuffled.back() == '\'' || shuffled.back() == '\\') shuffled.back() = '(';
  }
  shuffled += "'";
  EXPECT_GE(measured(shuffled).bigram_entropy, 940u);
  const std::string code = times_over("exports.add = function (a, b) { return a + b };\n", 60);
  EXPECT_LT(measured(code).bigram_entropy, 600u);
  EXPECT_EQ(measured("short").bigram_entropy, 0u);
  std::string encoded = "const font = '";
  for (int i = 0; i < 4000; ++i)
    encoded += "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[random() % 64];
  EXPECT_LT(measured(code + encoded + "'").bigram_entropy, 600u);
}

TEST(OddCharacters, AreCountedWhereTheyStandClose) {
  const std::string selectors = times_over("\xF3\xA0\x85\x93", 7) + ".";
  EXPECT_GE(measured("s = `" + times_over(selectors, 20) + "`").odd_density, 48u);
  EXPECT_GE(measured("s = '" + times_over("\xEE\x81\xA3", 80) + "'").odd_density, 60u);
  EXPECT_GE(measured("s = '" + times_over("a\xE2\x80\x8B", 80) + "'").odd_density, 30u);
  // Emoji with their selectors and joiners, an icon font's map, Persian joiners.
  EXPECT_LT(measured("s = '" + times_over("\xE2\x9D\xA4\xEF\xB8\x8F", 80) + "'").odd_density, 2u);
  EXPECT_LT(measured(times_over("'icon': '\xEE\x80\x81',\n", 80)).odd_density, 8u);
  EXPECT_LT(
      measured(
          "s='" +
          times_over("\xD9\x85\xDB\x8C\xE2\x80\x8C\xD8\xAE\xD9\x88\xD8\xA7\xD9\x87\xD9\x85 ", 40) +
          "'")
          .odd_density,
      12u);
}

TEST(MixedNames, AreNamesInTwoScripts) {
  EXPECT_EQ(measured("const requ\xD1\x96re = 1; // \xD1\x96x").mixed_names, 1u);
  EXPECT_EQ(measured("const s = 'requ\xD1\x96re'").mixed_names, 0u);
  EXPECT_EQ(measured("x = /[A-Za-z\xD0\x90-\xD0\xAF]/").mixed_names, 0u);
}

TEST(SymbolRun, IsCodeWithoutAWord) {
  EXPECT_EQ(measured(times_over("(![]+[])[+!+[]]+", 30)).symbol_run, 480u);
  EXPECT_EQ(measured("x = [" + times_over(",", 400) + "]").symbol_run, 0u);
  EXPECT_EQ(measured("x = '" + times_over("=-", 400) + "'; // " + times_over("=-", 400)).symbol_run,
            0u);
}

TEST(DataKind, KnowsHeadsOfFiles) {
  EXPECT_EQ(data_kind("iVBORw0KGgoAAAANSUhEUg"), "png");
  EXPECT_EQ(data_kind("AGFzbQEAAAABBg"), "wasm");
  EXPECT_EQ(data_kind("d09GMgABAAAAA"), "woff2");
  EXPECT_EQ(data_kind("Y29uc29sZS5sb2coMSk="), "");
}

}  // namespace
}  // namespace npmgate
