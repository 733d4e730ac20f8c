// The few building blocks every coroutine uses. House rule (g++ 12.2 destroys some temporaries
// twice): in a statement with co_await every aggregate and every capturing lambda has a name and is
// moved in (scripts/check-coawait.sh).
#pragma once

#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/result.h"

namespace npmgate {

namespace net = boost::asio;
template <class T>
using Task = net::awaitable<T>;

inline constexpr auto kTuple = net::as_tuple(net::use_awaitable);

// The one pool for CPU and blocking disk work. Bounded: offload() fails with kUnavailable when
// `max_queue` jobs wait, instead of queueing without end. Thread-safe.
class Pool {
 public:
  Pool(std::size_t threads, std::size_t max_queue) : pool_(threads), max_queue_(max_queue) {}
  ~Pool() { pool_.join(); }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // Runs `work` on the pool and resumes the caller on its own executor. An exception of `work` is
  // kInternal.
  template <class T>
  Task<Result<T>> offload(std::function<Result<T>()> work) {
    if (queued_.fetch_add(1) >= max_queue_) {
      queued_.fetch_sub(1);
      co_return fail(Code::kUnavailable, Origin::kSelf,
                     "overloaded: too much work is waiting; try again shortly", true);
    }
    std::optional<Result<T>> result;
    co_await run(std::move(work), result);
    co_return std::move(*result);
  }
  // Waits for what runs and drops what waits; at the end of the process only.
  void finish() {
    pool_.stop();
    pool_.join();
  }
  std::size_t queued() const { return queued_.load(); }

 private:
  template <class T>
  Task<void> run(std::function<Result<T>()> work, std::optional<Result<T>>& result) {
    auto initiate = [this, &work, &result](auto handler) {
      auto shared = std::make_shared<decltype(handler)>(std::move(handler));
      auto job = [this, shared, &work, &result] {
        try {
          result.emplace(work());
        } catch (const std::exception& e) {
          result.emplace(
              fail(Code::kInternal, Origin::kSelf, std::string("unexpected: ") + e.what()));
        }
        queued_.fetch_sub(1);
        auto executor = net::get_associated_executor(*shared);
        net::post(executor, [shared] { (*shared)(); });
      };
      net::post(pool_, std::move(job));
    };
    co_await net::async_initiate<const net::use_awaitable_t<>, void()>(std::move(initiate),
                                                                       net::use_awaitable);
  }

  net::thread_pool pool_;
  std::size_t max_queue_;
  std::atomic<std::size_t> queued_{0};
};

// Starts a coroutine that nobody waits for; an exception that escapes it is logged under `what`.
template <class Executor>
void spawn_detached(const Executor& executor, std::string what, std::function<Task<void>()> body) {
  auto run = [what, body = std::move(body)]() -> Task<void> {
    try {
      co_await body();
    } catch (const std::exception& e) {
      log::error("unexpected", what + ": " + e.what());
    }
  };
  net::co_spawn(executor, std::move(run), net::detached);
}

// One piece of work per key however many ask: the first caller starts it detached on its own
// executor, so that it goes on when that caller leaves; all get its value. Thread-safe; waiters may
// live on different loops.
template <class Value>
class SingleFlight {
 public:
  using Work = std::function<Task<Value>()>;

  // nullopt where the work took longer than `limit`; it goes on.
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
    co_await timer->async_wait(kTuple);
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

  template <class Executor>
  void start(const Executor& executor, const std::string& key, std::shared_ptr<Flight> flight,
             Work work) {
    auto body = [this, key, flight, work = std::move(work)]() -> Task<void> {
      std::optional<Value> value;
      try {
        value = co_await work();
      } catch (const std::exception& e) {
        log::error("unexpected", key + ": " + e.what());
      }
      finish(key, *flight, std::move(value));
    };
    net::co_spawn(executor, std::move(body), net::detached);
  }

  void finish(const std::string& key, Flight& flight, std::optional<Value> value) {
    const std::lock_guard lock(mutex_);
    flight.value = std::move(value);
    flights_.erase(key);
    for (const auto& waiter : flight.waiters) {
      // Cancelled on the waiter's own loop: it armed the timer there, or is about to in the very
      // step that added it.
      net::post(waiter->get_executor(), [waiter] { waiter->cancel(); });
    }
  }

  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Flight>> flights_;
};

}  // namespace npmgate
