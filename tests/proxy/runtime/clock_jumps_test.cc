#include "proxy/runtime/clock_jumps.h"

#include <gtest/gtest.h>

namespace npmgate {
namespace {

using namespace std::chrono_literals;

TEST(ClockJumps, OnlyWhatMovedApartFromTheSteadyClock) {
  const Time start = parse_time("2026-11-24T12:00:00Z").value();
  const std::chrono::steady_clock::time_point steady{};
  ClockJumps jumps;
  EXPECT_FALSE(jumps.look(start, steady));
  EXPECT_FALSE(jumps.look(start + 1h, steady + 1h)) << "time passes";
  EXPECT_FALSE(jumps.look(start + 1h + 59s, steady + 1h)) << "slewed";
  EXPECT_EQ(jumps.look(start, steady + 1h + 1s), std::optional<Millis>(-(1h + 1min)));
  EXPECT_FALSE(jumps.look(start + 1s, steady + 1h + 2s)) << "said once";
  EXPECT_EQ(jumps.look(start + 48h + 2s, steady + 1h + 3s), std::optional<Millis>(48h));
}

TEST(ClockJumps, TextRoundTrips) {
  const Time at = parse_time("2026-11-24T12:00:00Z").value();
  const auto jump = clock_jump_from_text(clock_jump_text(at, -3600s));
  ASSERT_TRUE(jump);
  EXPECT_EQ(jump->at, at);
  EXPECT_EQ(jump->by, -3600s);
  for (const char* text : {"", "x", "2026-11-24T12:00:00Z", "2026-11-24T12:00:00Z x", "x 1"})
    EXPECT_FALSE(clock_jump_from_text(text)) << text;
}

}  // namespace
}  // namespace npmgate
