// How long a worker may take for one job, counted in the processor time that it uses: a busy
// machine then judges what an idle one judges.
#pragma once

#include <sys/types.h>

#include <chrono>

namespace npmgate {

// What a process of this machine has used of its processors; zero if it has ended.
std::chrono::steady_clock::duration processor_time(pid_t process);

// Started with the job. Both limits below are multiples of the job's own: a worker on a machine
// with twelve jobs per core still gets through, one that sleeps or waits for what never comes does
// not hold its slot.
class JobClock {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr int kMostElapsed = 12;  // elapsed time, as a multiple of `limit`
  static constexpr int kLeastUseShare =
      100;  // within each `limit` elapsed at least a hundredth of it is used

  // `used`: by the worker's process so far, here and below.
  JobClock(Clock::duration limit, Clock::time_point now, Clock::duration used);

  // Until when to wait for the worker before asking again; `now`: it had its time.
  Clock::time_point wait_until(Clock::time_point now, Clock::duration used);

 private:
  const Clock::duration limit_;
  const Clock::time_point began_;
  const Clock::duration used_before_;
  Clock::time_point window_began_;
  Clock::duration used_before_window_;
};

}  // namespace npmgate
