#include "judge/nearest_served.h"

#include "tests/judge/judge_testing.h"

namespace npmgate::testing {
namespace {

class Nearest : public ::testing::Test {
 protected:
  // What is served of these versions; those behind `deprecated` are.
  Judge::Listing served(const std::vector<std::string>& versions,
                        const std::set<std::string>& deprecated = {}) {
    Judge::Listing listing;
    for (const std::string& version : versions) {
      releases_.push_back(std::make_unique<Release>());
      if (deprecated.contains(version)) releases_.back()->manifest.deprecated = "old";
      judged_.push_back(std::make_unique<Judged>());
      judged_.back()->version = version;
      judged_.back()->release = releases_.back().get();
      listing.kept.push_back(judged_.back().get());
    }
    return listing;
  }

 private:
  std::vector<std::unique_ptr<Release>> releases_;
  std::vector<std::unique_ptr<Judged>> judged_;
};

TEST_F(Nearest, TheHighestBelowOfTheLineChangesLeast) {
  EXPECT_EQ(nearest_served(served({"1.0.0", "1.2.0", "1.3.1", "2.0.0"}), "1.3.0"), "1.2.0");
  EXPECT_EQ(nearest_served(served({"0.1.9", "0.2.1"}), "0.2.2"), "0.2.1");
}

TEST_F(Nearest, ElseTheLowestAboveItElseTheHighestBelowOfAnotherLine) {
  EXPECT_EQ(nearest_served(served({"1.9.0", "2.0.2", "2.0.1", "3.0.0"}), "2.0.0"), "2.0.1");
  EXPECT_EQ(nearest_served(served({"1.8.0", "1.9.0", "3.0.0"}), "2.0.0"), "1.9.0");
  EXPECT_EQ(nearest_served(served({"4.0.0", "3.0.0"}), "2.0.0"), "3.0.0");
}

TEST_F(Nearest, DeprecatedOnesOnlyIfThereIsNoOtherAndNeverPrereleases) {
  EXPECT_EQ(nearest_served(served({"1.1.0", "1.2.0"}, {"1.2.0"}), "1.3.0"), "1.1.0");
  EXPECT_EQ(nearest_served(served({"1.2.0"}, {"1.2.0"}), "1.3.0"), "1.2.0");
  EXPECT_EQ(nearest_served(served({"1.3.0-rc.1"}), "1.3.0"), "");
  EXPECT_EQ(nearest_served(served({}), "1.3.0"), "");
  EXPECT_EQ(nearest_served(served({"1.0.0"}), "no version"), "");
}

TEST_F(Nearest, OfARangeTheHighestThatFits) {
  const Judge::Listing listing = served({"1.0.0", "1.4.0", "2.0.0"});
  EXPECT_EQ(highest_served(listing, *Range::parse("^1.0.0")), "1.4.0");
  EXPECT_EQ(highest_served(listing, *Range::parse("^3.0.0")), "");
}

}  // namespace
}  // namespace npmgate::testing
