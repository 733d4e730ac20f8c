// Every release pair is judged as its row says.
#include <gtest/gtest.h>

#include "tests/attacks/release_pairs.h"

namespace npmgate::testing {
namespace {

class Pairs : public ::testing::TestWithParam<const char*> {};
TEST_P(Pairs, AreJudgedAsWanted) {
  const auto rows =
      release_pairs(std::string(NPM_GATE_SOURCE_DIR) + "/tests/fixtures/" + GetParam() + ".json");
  ASSERT_FALSE(rows.empty());
  for (const PairRow& row : rows) EXPECT_TRUE(row.as_wanted()) << table_of({row});
}
INSTANTIATE_TEST_SUITE_P(Fixtures, Pairs,
                         ::testing::Values("release-pairs", "code-pairs", "hook-pairs",
                                           "metadata-pairs", "evasion-pairs"),
                         [](const auto& row) {
                           std::string name(row.param);
                           name.resize(name.find('-'));
                           return name;
                         });

TEST(Obfuscated, StandInsOfEveryToolAreHeld) {
  const auto rows =
      obfuscated_pairs(std::string(NPM_GATE_SOURCE_DIR) + "/tests/fixtures/obfuscated");
  EXPECT_GE(rows.size(), 16u);
  for (const PairRow& row : rows) EXPECT_TRUE(row.as_wanted()) << table_of({row});
}

}  // namespace
}  // namespace npmgate::testing
