#include "alert/retry.h"

#include <gtest/gtest.h>

namespace npmgate {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(RetryWait, DoublesUpToAnHourAndSpreads) {
  EXPECT_EQ(retry_wait(1, 0), seconds(5));
  EXPECT_EQ(retry_wait(1, 1), seconds(10));
  EXPECT_EQ(retry_wait(2, 1), seconds(20));
  EXPECT_EQ(retry_wait(5, 1), seconds(160));
  EXPECT_EQ(retry_wait(30, 1), hours(1));
  EXPECT_EQ(retry_wait(1'000'000, 0), minutes(30));
}

TEST(RetryWait, WaitsAtLeastWhatWasAskedForWithinReason) {
  EXPECT_EQ(retry_wait(1, 0, Millis(minutes(3))), minutes(3));
  EXPECT_EQ(retry_wait(30, 1, Millis(minutes(3))), hours(1));
  EXPECT_EQ(retry_wait(1, 0, Millis(hours(9000))), hours(24));
}

TEST(CompanyWait, GrowsWithWhatTheSinkGot) {
  EXPECT_EQ(batch_delay(seconds(30), minutes(10), 0), seconds(30));
  EXPECT_EQ(batch_delay(seconds(30), minutes(10), 2), minutes(2));
  EXPECT_EQ(batch_delay(seconds(30), minutes(10), 100), minutes(10));
  EXPECT_EQ(batch_delay(seconds(0), minutes(10), 100), seconds(0));
}

// 200 releases within an hour, one every 18 s: how many messages does a sink get?
TEST(CompanyWait, AWormIsSomeDigestsNotTwoHundredMessages) {
  int messages = 0;
  std::int64_t oldest = -1;
  for (std::int64_t second = 0; second < 3600; ++second) {
    if (second % 18 == 0 && oldest < 0) oldest = second;
    if (oldest < 0) continue;
    const auto wait = batch_delay(seconds(30), minutes(10), messages);
    if (seconds(second - oldest) < wait) continue;
    ++messages;
    oldest = -1;
  }
  EXPECT_LE(messages, 10);
  EXPECT_GE(messages, 2);
}

}  // namespace
}  // namespace npmgate
