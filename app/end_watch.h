// A bound for the end of the process.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

namespace npmgate {

// The end waits for what it cannot hurry: a job in the pool, a disk that takes nothing, a child
// that the kernel has not cleared away. What has to be on disk is there before (or is found again,
// as after a power cut), so that waiting without end would only keep the next start from coming up.
class EndWatch {
 public:
  // `over` is called on a thread of its own, with what the end is waiting for, if a time set by
  // expect() passes; for the process it logs that and ends it.
  explicit EndWatch(std::function<void(const char* waits_for)> over);

  // From now on the end waits for `what` (a literal) and may take `limit`; for something else, with
  // what is left of that.
  void expect(const char* what, std::chrono::steady_clock::duration limit);
  void then(const char* what);
  // Nothing is waited for any more. Not called by the destructor: what comes after it is watched.
  void done();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace npmgate
