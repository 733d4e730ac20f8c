#include "judge/candidate_index.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace npmgate {
namespace {

TEST(Ladder, NamesTheNextRungThatIsLeft) {
  Ladder ladder(4);
  EXPECT_EQ(ladder.below(4), 3u);
  EXPECT_EQ(ladder.below(1), 0u);
  EXPECT_EQ(ladder.below(0), std::nullopt);
  ladder.take_out(2);
  ladder.take_out(3);
  EXPECT_EQ(ladder.below(4), 1u);
  ladder.take_out(1);
  ladder.take_out(0);
  EXPECT_EQ(ladder.below(4), std::nullopt);
}

TEST(Ladder, AgreesWithASet) {
  std::mt19937 dice(7);
  constexpr std::size_t kSize = 300;
  Ladder ladder(kSize);
  std::set<std::size_t> left;
  for (std::size_t i = 0; i < kSize; ++i) left.insert(i);
  while (!left.empty()) {
    const std::size_t out = *std::next(left.begin(), static_cast<long>(dice() % left.size()));
    left.erase(out);
    ladder.take_out(out);
    const std::size_t from = dice() % (kSize + 1);
    const auto above = left.lower_bound(from);
    const auto expected =
        above == left.begin() ? std::nullopt : std::optional<std::size_t>(*std::prev(above));
    ASSERT_EQ(ladder.below(from), expected) << from;
  }
}

}  // namespace
}  // namespace npmgate
