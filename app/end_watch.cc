#include "app/end_watch.h"

#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

namespace npmgate {

struct EndWatch::State {
  std::function<void(const char*)> over;
  std::mutex mutex;
  std::condition_variable changed;
  std::chrono::steady_clock::time_point until = std::chrono::steady_clock::time_point::max();
  const char* what = "";
  bool started = false, done = false;

  void watch() {
    std::unique_lock lock(mutex);
    while (!done && std::chrono::steady_clock::now() < until) changed.wait_until(lock, until);
    if (done) return;
    const char* const waits_for = what;
    lock.unlock();
    over(waits_for);
  }
};

EndWatch::EndWatch(std::function<void(const char*)> over) : state_(std::make_shared<State>()) {
  state_->over = std::move(over);
}

void EndWatch::expect(const char* what, std::chrono::steady_clock::duration limit) {
  const std::lock_guard lock(state_->mutex);
  state_->what = what;
  state_->until = std::chrono::steady_clock::now() + limit;
  state_->changed.notify_all();
  // Nobody can join it: it watches the last steps, too.
  if (!std::exchange(state_->started, true)) {
    std::thread([state = state_] { state->watch(); }).detach();
  }
}

void EndWatch::then(const char* what) {
  const std::lock_guard lock(state_->mutex);
  state_->what = what;
}

void EndWatch::done() {
  const std::lock_guard lock(state_->mutex);
  state_->done = true;
  state_->changed.notify_all();
}

}  // namespace npmgate
