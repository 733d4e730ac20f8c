// The few building blocks every coroutine uses. House rule (g++ 12.2 destroys some temporaries
// twice): in a statement with co_await every aggregate and every capturing lambda has a name and is
// moved in (scripts/check-coawait.sh).
#pragma once

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/result.h"

namespace npmgate {

namespace net = boost::asio;
template <class T>
using Task = net::awaitable<T>;

inline constexpr auto kTuple = net::as_tuple(net::use_awaitable);

// Starts a coroutine that nobody waits for; an exception that escapes it is logged under `what`.
void spawn_detached(const net::any_io_executor& executor, std::string what,
                    std::function<Task<void>()> body);

// Runs one coroutine to its end on a loop that nothing else runs, and stops that loop. An exception
// of `body` comes out of here.
void run_to_end(net::io_context& context, std::function<Task<void>()> body);

// Resumes when `timer` expires or is cancelled; the error says which (operation_aborted).
Task<boost::system::error_code> wait_for(net::steady_timer& timer);

// The one pool for CPU and blocking disk work. Bounded: offload() fails with kUnavailable when
// `max_queue` jobs wait, instead of queueing without end. Thread-safe.
class Pool {
 public:
  Pool(std::size_t threads, std::size_t max_queue);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // Runs `work`, which returns a Result, on the pool and resumes the caller on its own executor. An
  // exception of `work` is kInternal.
  template <class Work>
  auto offload(Work work) {
    using Returned = std::invoke_result_t<Work&>;
    return offload_as<typename Returned::value_type>(std::function<Returned()>(std::move(work)));
  }
  // Waits for what runs and drops what waits; at the end of the process only.
  void finish();
  std::size_t queued() const { return queued_.load(); }

 private:
  template <class T>
  Task<Result<T>> offload_as(std::function<Result<T>()> work) {
    std::optional<Result<T>> result;
    std::function<void()> job = [&work, &result] { result.emplace(work()); };
    std::optional<Error> failure = co_await run(std::move(job));
    if (failure) co_return std::move(*failure);
    co_return std::move(*result);
  }
  // nullopt: `job` ran to its end.
  Task<std::optional<Error>> run(std::function<void()> job);

  struct Threads;
  std::unique_ptr<Threads> threads_;
  std::size_t max_queue_;
  std::atomic<std::size_t> queued_{0};
};

// Runs `loop` until it has nothing left to do or is stopped. An exception that a handler lets out
// (a library's own step between two of ours) ends what it belonged to and nothing else: it is
// logged, `escaped` is called (for a metric), and the loop goes on.
void run_loop(net::io_context& loop, const std::function<void()>& escaped = {});

// Cancels a timer from any thread: on the timer's own loop, which armed it or is about to in the
// very step that handed it out.
void cancel_on_its_loop(std::shared_ptr<net::steady_timer> timer);

// One piece of work per key however many ask: the first caller starts it detached on its own
// executor, so that it goes on when that caller leaves; all get its value. Thread-safe; waiters may
// live on different loops.
template <class Value>
class SingleFlight {
 public:
  using Work = std::function<Task<Value>()>;

  // nullopt if the work took longer than `limit`; it goes on.
  Task<std::optional<Value>> join(std::string key, Work work,
                                  std::chrono::steady_clock::duration limit) {
    auto executor = co_await net::this_coro::executor;
    std::shared_ptr<Flight> flight;
    auto timer = std::make_shared<net::steady_timer>(executor, limit);
    bool first = false;
    {
      const std::lock_guard lock(mutex_);
      auto [it, fresh] = flights_.try_emplace(key);
      if (fresh) it->second = std::make_shared<Flight>();
      first = fresh;
      flight = it->second;
      flight->waiters.push_back(timer);
    }
    // Outside the lock: work that never waits runs to its end in here, and finish() locks.
    if (first) start(executor, key, flight, std::move(work));
    co_await wait_for(*timer);
    const std::lock_guard lock(mutex_);
    co_return flight->value;
  }
  std::size_t in_flight() const {
    const std::lock_guard lock(mutex_);
    return flights_.size();
  }

 private:
  struct Flight {
    std::optional<Value> value;
    std::vector<std::shared_ptr<net::steady_timer>> waiters;
  };

  void start(const net::any_io_executor& executor, const std::string& key,
             std::shared_ptr<Flight> flight, Work work) {
    auto body = [this, key, flight, work = std::move(work)]() -> Task<void> {
      std::optional<Value> value;
      try {
        value = co_await work();
      } catch (const std::exception& e) {
        log::error("unexpected", key + ": " + e.what());
      }
      finish(key, *flight, std::move(value));
    };
    spawn_detached(executor, key, std::move(body));
  }

  void finish(const std::string& key, Flight& flight, std::optional<Value> value) {
    const std::lock_guard lock(mutex_);
    flight.value = std::move(value);
    flights_.erase(key);
    for (const auto& waiter : flight.waiters) cancel_on_its_loop(waiter);
  }

  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Flight>> flights_;
};

}  // namespace npmgate
