#include "sandbox/job_clock.h"

#include <time.h>

#include <algorithm>

namespace npmgate {

std::chrono::steady_clock::duration processor_time(pid_t process) {
  clockid_t id{};
  timespec time{};
  if (::clock_getcpuclockid(process, &id) != 0 || ::clock_gettime(id, &time) != 0) return {};
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

JobClock::JobClock(Clock::duration limit, Clock::time_point now, Clock::duration used)
    : limit_(limit),
      began_(now),
      used_before_(used),
      window_began_(now),
      used_before_window_(used) {}

JobClock::Clock::time_point JobClock::wait_until(Clock::time_point now, Clock::duration used) {
  const auto left = limit_ - (used - used_before_);
  const auto end = began_ + kMostElapsed * limit_;
  if (left <= Clock::duration::zero() || now >= end) return now;
  if (now >= window_began_ + limit_) {
    if (used - used_before_window_ < limit_ / kLeastUseShare) return now;
    window_began_ = now;
    used_before_window_ = used;
  }
  // It has one thread: it cannot use more than elapses.
  return std::min({now + left, window_began_ + limit_, end});
}

}  // namespace npmgate
