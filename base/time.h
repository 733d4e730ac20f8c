// Wall-clock time, durations and sizes as users write them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace npmgate {

using Millis = std::chrono::milliseconds;
using Time = std::chrono::sys_time<Millis>;

// The one source of wall-clock time. Thread-safe. Timeouts use steady timers, never this.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Time now() const = 0;
};

class SystemClock final : public Clock {
 public:
  Time now() const override;
};

// The earlier of two instants of which either may be missing; nullopt if both are.
constexpr std::optional<Time> earliest(std::optional<Time> a, std::optional<Time> b) {
  return !b || (a && *a <= *b) ? a : b;
}

// RFC 3339 / ISO 8601 date-times as registries write them ("2021-10-22T12:15:21.378Z", offsets, 0-9
// fraction digits) and plain dates ("2027-03-01" = that day's start, UTC). nullopt for anything
// else.
std::optional<Time> parse_time(std::string_view text);
// "2021-10-22T12:15:21.378Z"
std::string format_time(Time time);
// "2021-10-22 12:15 UTC", for people.
std::string format_minute(Time time);
// IMF-fixdate of RFC 9110, 5.6.7: "Fri, 22 Oct 2021 12:15:21 GMT". nullopt on anything else.
std::string format_http_date(Time time);
std::optional<Time> parse_http_date(std::string_view text);
// RFC 5322, 3.3: "Fri, 22 Oct 2021 12:15:21 +0000".
std::string format_mail_date(Time time);

// "30s" "5m" "24h" "14d" "2w" "500ms": a non-negative integer and a unit. nullopt for anything else
// or over 100 years.
std::optional<Millis> parse_duration(std::string_view text);
// The largest exact unit: "14d", "90s".
std::string format_duration(Millis duration);
// Rounded for people: "3 minutes", "2 hours", "14 days".
std::string human_duration(Millis duration);

// "512MiB" "50GiB" "4KiB" "100B" "1MB" (SI) or a plain integer (bytes). nullopt for anything else
// or overflow.
std::optional<std::uint64_t> parse_bytes(std::string_view text);
// "1.4 MiB"
std::string human_bytes(std::uint64_t bytes);

}  // namespace npmgate
