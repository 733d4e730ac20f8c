#include "sandbox/job_clock.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace npmgate {
namespace {

using std::chrono::seconds;
using Moment = JobClock::Clock::time_point;

const Moment kStart{seconds(1000)};

TEST(JobClock, EndsOnceTheProcessorTimeIsUsed) {
  JobClock clock(seconds(20), kStart, seconds(7));
  EXPECT_EQ(clock.wait_until(kStart, seconds(7)), kStart + seconds(20));
  EXPECT_EQ(clock.wait_until(kStart + seconds(20), seconds(12)), kStart + seconds(35));
  EXPECT_EQ(clock.wait_until(kStart + seconds(35), seconds(26)), kStart + seconds(36));
  EXPECT_EQ(clock.wait_until(kStart + seconds(36), seconds(27)), kStart + seconds(36));
}

TEST(JobClock, EndsAfterOneLimitOfSleep) {
  JobClock clock(seconds(20), kStart, seconds(0));
  EXPECT_EQ(clock.wait_until(kStart + seconds(19), seconds(0)), kStart + seconds(20));
  EXPECT_EQ(clock.wait_until(kStart + seconds(20), seconds(0)), kStart + seconds(20));
}

TEST(JobClock, SleepLaterEndsItToo) {
  JobClock clock(seconds(20), kStart, seconds(0));
  EXPECT_GT(clock.wait_until(kStart + seconds(20), seconds(5)), kStart + seconds(20));
  EXPECT_EQ(clock.wait_until(kStart + seconds(40), seconds(5)), kStart + seconds(40));
}

// A tenth of a processor gets through; a hundredth ends at twelve times the limit.
TEST(JobClock, WaitsForAWorkerOfABusyMachine) {
  JobClock clock(seconds(20), kStart, seconds(0));
  for (int elapsed = 20; elapsed < 12 * 20; elapsed += 20)
    EXPECT_GT(clock.wait_until(kStart + seconds(elapsed), seconds(elapsed / 15)),
              kStart + seconds(elapsed))
        << elapsed;
  EXPECT_EQ(clock.wait_until(kStart + seconds(240), seconds(16)), kStart + seconds(240));
}

TEST(JobClock, ProcessorTimeIsOfTheProcess) {
  const auto before = processor_time(::getpid());
  volatile unsigned count = 0;
  for (int i = 0; i < 1'000'000; ++i) count = count + 1;
  EXPECT_GT(processor_time(::getpid()), before);
}

}  // namespace
}  // namespace npmgate
