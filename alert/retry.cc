#include "alert/retry.h"

#include <algorithm>
#include <chrono>

namespace npmgate {
namespace {

constexpr Millis kFirst = std::chrono::seconds(10);
constexpr Millis kLongest = std::chrono::hours(1);
constexpr Millis kLongestAskedFor = std::chrono::hours(24);

Millis doubled(Millis start, int times, Millis limit) {
  Millis value = start;
  for (int i = 0; i < times && value < limit; ++i) value *= 2;
  return std::min(value, limit);
}

}  // namespace

Millis retry_wait(int attempts, double chance, std::optional<Millis> asked_for) {
  const Millis full = doubled(kFirst, std::max(0, attempts - 1), kLongest);
  const auto half = full.count() / 2;
  const Millis wait(half + static_cast<std::int64_t>(static_cast<double>(half) * chance));
  return asked_for ? std::max(wait, std::min(*asked_for, kLongestAskedFor)) : wait;
}

Millis batch_delay(Millis wait, Millis max_wait, int sent_last_hour) {
  return doubled(wait, sent_last_hour, std::max(wait, max_wait));
}

}  // namespace npmgate
