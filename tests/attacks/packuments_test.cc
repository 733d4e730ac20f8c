// What people change in six packages of ten years, and what the shipped policy would have made of
// it on each day.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "tests/attacks/packument_replay.h"

namespace npmgate::testing {
namespace {

const std::string kRoot = NPM_GATE_SOURCE_DIR;

const std::vector<ReplayedPackument>& replayed() {
  static const auto all = replay_packuments(kRoot + "/tests/fixtures/packuments");
  return all;
}

TEST(Packuments, EveryReleaseIsReplayedAndNoneIsBlocked) {
  int releases = 0;
  for (const auto& one : replayed()) {
    releases += one.releases;
    EXPECT_EQ(one.blocked, 0) << one.name;
  }
  EXPECT_EQ(releases, 357);
}

// With NPM_GATE_RECORD=1 the document's table is written again instead, and the test is skipped.
TEST(Packuments, TheRatesAreWhatTheDocumentSays) {
  constexpr std::string_view kBegin = "<!-- begin: printed by packument-table -->\n";
  constexpr std::string_view kEnd = "<!-- end: packument-table -->\n";
  const std::string document = kRoot + "/docs/results-real.md";
  std::ifstream stream(document);
  std::string text{std::istreambuf_iterator<char>(stream), {}};
  stream.close();
  const auto begin = text.find(kBegin), end = text.find(kEnd);
  ASSERT_TRUE(begin != text.npos && end != text.npos && begin < end) << document;
  const auto from = begin + kBegin.size();
  const std::string printed = "\n" + replay_table(replayed()) + "\n";
  if (std::getenv("NPM_GATE_RECORD") != nullptr) {
    text.replace(from, end - from, printed);
    std::ofstream(document) << text;
    GTEST_SKIP() << "recorded";
  }
  EXPECT_EQ(text.substr(from, end - from), printed);
}

}  // namespace
}  // namespace npmgate::testing
