#include "proxy/runtime/clock_jumps.h"

#include <charconv>

namespace npmgate {
namespace {

constexpr Millis kJump = std::chrono::minutes(1);

}  // namespace

std::optional<Millis> ClockJumps::look(Time wall, std::chrono::steady_clock::time_point steady) {
  std::optional<Millis> jump;
  if (wall_) {
    const Millis apart = (wall - *wall_) - std::chrono::duration_cast<Millis>(steady - steady_);
    if (std::chrono::abs(apart) >= kJump) jump = apart;
  }
  wall_ = wall;
  steady_ = steady;
  return jump;
}

std::string clock_jump_text(Time at, Millis by) {
  return format_time(at) + " " +
         std::to_string(std::chrono::duration_cast<std::chrono::seconds>(by).count());
}

std::optional<ClockJump> clock_jump_from_text(std::string_view text) {
  const auto blank = text.find(' ');
  if (blank == text.npos) return std::nullopt;
  const auto at = parse_time(text.substr(0, blank));
  std::int64_t seconds = 0;
  const auto [end, error] =
      std::from_chars(text.data() + blank + 1, text.data() + text.size(), seconds);
  if (!at || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return ClockJump{*at, std::chrono::seconds(seconds)};
}

}  // namespace npmgate
