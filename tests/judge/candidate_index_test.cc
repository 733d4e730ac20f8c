#include "judge/candidate_index.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace npmgate {
namespace {

TEST(CandidateIndex, NamesTheNextRungThatIsLeft) {
  CandidateIndex candidates(4);
  EXPECT_EQ(candidates.below(4), 3u);
  EXPECT_EQ(candidates.below(1), 0u);
  EXPECT_EQ(candidates.below(0), std::nullopt);
  candidates.take_out(2);
  candidates.take_out(3);
  EXPECT_EQ(candidates.below(4), 1u);
  candidates.take_out(1);
  candidates.take_out(0);
  EXPECT_EQ(candidates.below(4), std::nullopt);
}

TEST(CandidateIndex, AgreesWithASet) {
  std::mt19937 dice(7);
  constexpr std::size_t kSize = 300;
  CandidateIndex candidates(kSize);
  std::set<std::size_t> left;
  for (std::size_t i = 0; i < kSize; ++i) left.insert(i);
  while (!left.empty()) {
    const std::size_t out = *std::next(left.begin(), static_cast<long>(dice() % left.size()));
    left.erase(out);
    candidates.take_out(out);
    const std::size_t from = dice() % (kSize + 1);
    const auto above = left.lower_bound(from);
    const auto expected =
        above == left.begin() ? std::nullopt : std::optional<std::size_t>(*std::prev(above));
    ASSERT_EQ(candidates.below(from), expected) << from;
  }
}

}  // namespace
}  // namespace npmgate
