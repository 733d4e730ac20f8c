#include "inspect/code/pattern_scan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

#include "inspect/code/code_patterns.h"

namespace npmgate {
namespace {

using Hits = std::vector<std::pair<std::size_t, std::size_t>>;  // end, pattern

Hits hits_of(const std::vector<std::string_view>& patterns, std::string_view text) {
  Hits hits;
  PatternScanner(patterns).scan(
      text, [&](std::size_t index, std::size_t end) { hits.emplace_back(end, index); });
  return hits;
}

// What the automaton must agree with: every pattern looked for at every offset.
Hits hits_by_trying(const std::vector<std::string_view>& patterns, std::string_view text) {
  const auto fold = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  Hits hits;
  for (std::size_t begin = 0; begin < text.size(); ++begin) {
    for (std::size_t p = 0; p < patterns.size(); ++p) {
      const auto part = text.substr(begin, patterns[p].size());
      if (part.size() == patterns[p].size() &&
          std::equal(part.begin(), part.end(), patterns[p].begin(),
                     [&](char a, char b) { return fold(a) == fold(b); }))
        hits.emplace_back(begin + part.size(), p);
    }
  }
  std::sort(hits.begin(), hits.end());
  return hits;
}

TEST(PatternScanner, FindsOverlappingPatterns) {
  const std::vector<std::string_view> patterns{"he", "she", "his", "hers"};
  EXPECT_EQ(hits_of(patterns, "ushers"), (Hits{{4, 1}, {4, 0}, {6, 3}}));
}

TEST(PatternScanner, FoldsCase) {
  EXPECT_EQ(hits_of({"Abc"}, "xaBCx"), (Hits{{4, 0}}));
}

TEST(PatternScanner, EmptyTextAndShortTexts) {
  EXPECT_TRUE(hits_of({"abc"}, "").empty());
  EXPECT_TRUE(hits_of({"abc"}, "ab").empty());
  EXPECT_EQ(hits_of({"abc"}, "abc").size(), 1u);
}

// Texts around the size of a block and of its lanes, where the automaton is started anew in the
// middle.
class LongTexts : public ::testing::TestWithParam<std::size_t> {};
TEST_P(LongTexts, GiveTheSameAsTrying) {
  const std::vector<std::string_view> patterns{
      "a", "ab", "abab", "bbaabb", "aaaaaaaaaaaaaaaaaaaa", "ca", "cbcb"};
  std::mt19937 random(static_cast<unsigned>(GetParam()));
  std::string text;
  for (std::size_t i = 0; i < GetParam(); ++i) text += "aaaabbbc"[random() % 8];
  auto hits = hits_of(patterns, text);
  EXPECT_TRUE(
      std::is_sorted(hits.begin(), hits.end(), [](auto& a, auto& b) { return a.first < b.first; }));
  std::sort(hits.begin(), hits.end());
  EXPECT_EQ(hits, hits_by_trying(patterns, text));
}
INSTANTIATE_TEST_SUITE_P(Sizes, LongTexts,
                         ::testing::Values(1, 3, 4, 5, 41, 999, 8192, 32767, 32768, 32769, 70001));

TEST(PatternScanner, FindsAPatternAcrossEveryBorder) {
  const std::string pattern = "0123456789abcdef";
  for (const std::size_t border : {8192u, 16384u, 24576u, 32768u, 65536u}) {
    for (std::size_t shift = 0; shift <= pattern.size(); ++shift) {
      std::string text(100'000, '.');
      text.replace(border - shift, pattern.size(), pattern);
      EXPECT_EQ(hits_of({pattern}, text), (Hits{{border - shift + pattern.size(), 0}}))
          << border << " - " << shift;
    }
  }
}

TEST(PatternScanner, RefusesTooManyCharacters) {
  std::string all;
  for (char c = '!'; c <= '~'; ++c) all += c;
  EXPECT_THROW(PatternScanner(std::vector<std::string_view>{all}), std::logic_error);
}

TEST(CodePatterns, AreDistinctAndCanBeBuilt) {
  std::vector<std::string_view> texts;
  for (const auto& pattern : code_patterns()) texts.push_back(pattern.text);
  const auto hits = hits_of(texts, "x = require('a')");
  EXPECT_FALSE(hits.empty());
  std::sort(texts.begin(), texts.end());
  EXPECT_EQ(std::adjacent_find(texts.begin(), texts.end()), texts.end());
}

// A folded pattern is compared in lower case only by the automaton: it must be findable in both
// cases.
TEST(CodePatterns, ModulesAreLookedUpExactly) {
  EXPECT_TRUE(is_network_module("https"));
  EXPECT_FALSE(is_network_module("HTTPS"));
  EXPECT_FALSE(is_network_module(""));
  EXPECT_TRUE(is_process_module("child_process"));
  EXPECT_FALSE(is_process_module("child"));
}

}  // namespace
}  // namespace npmgate
