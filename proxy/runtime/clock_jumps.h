// Notices that the wall clock was set: ages, cooldowns and expiries are counted from it.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/time.h"

namespace npmgate {

// Compares the wall clock with one that nobody can set (it stands still while the machine sleeps,
// so that waking up is a jump as well: ages have moved). One thread.
class ClockJumps {
 public:
  // By how much the wall clock moved apart from `steady` since the last look; nullopt below a
  // minute, which NTP slews and nobody's cooldown hangs on. The first look only remembers.
  std::optional<Millis> look(Time wall, std::chrono::steady_clock::time_point steady);

 private:
  std::optional<Time> wall_;
  std::chrono::steady_clock::time_point steady_;
};

// The setting that `doctor` reads: the last jump as text, "2026-11-24T12:00:00.000Z -3600".
inline constexpr std::string_view kClockJumpSetting = "clock-jump";
std::string clock_jump_text(Time at, Millis by);
struct ClockJump {
  Time at{};
  std::chrono::seconds by{};
};
std::optional<ClockJump> clock_jump_from_text(std::string_view text);

}  // namespace npmgate
