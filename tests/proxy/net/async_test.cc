// The building blocks of every coroutine: the bounded pool and single flight.
#include "proxy/net/async.h"

#include <gtest/gtest.h>

#include <future>
#include <stdexcept>
#include <thread>

#include "tests/support/run_task.h"

namespace npmgate {
namespace {

using testing::run_task;

TEST(Pool, ReturnsValuesAndErrors) {
  Pool pool(1, 8);
  std::function<Result<int>()> value = [] { return Result<int>(7); };
  EXPECT_EQ(*run_task(pool.offload(std::move(value))), 7);
  std::function<Result<int>()> error = []() -> Result<int> {
    return fail(Code::kNotFound, Origin::kDisk, "gone");
  };
  EXPECT_EQ(run_task(pool.offload(std::move(error))).error().code, Code::kNotFound);
}

TEST(Pool, AnExceptionIsInternal) {
  Pool pool(1, 8);
  auto work = []() -> Result<int> { throw std::runtime_error("bug"); };
  const auto result = run_task(pool.offload(std::move(work)));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kInternal);
  EXPECT_NE(result.error().context.find("bug"), std::string::npos);
}

TEST(Pool, FullMeansNoInsteadOfAQueueWithoutEnd) {
  Pool pool(1, 1);
  std::promise<void> release;
  std::shared_future<void> released = release.get_future().share();
  net::io_context context{1};
  std::optional<Result<int>> first, second;
  auto start = [&](std::optional<Result<int>>& out) {
    auto body = [&pool, &out, released]() -> Task<void> {
      auto work = [released] {
        released.wait();
        return Result<int>(1);
      };
      out.emplace(co_await pool.offload(std::move(work)));
    };
    spawn_detached(context.get_executor(), "test", std::move(body));
  };
  start(first);
  context.poll();
  start(second);
  context.poll();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->error().code, Code::kUnavailable);
  EXPECT_TRUE(second->error().retry);
  release.set_value();
  context.restart();
  while (!first) context.run_one();
  EXPECT_EQ(**first, 1);
}

// Who waits for a job that never began holds timers and sockets of a loop: gone with finish(),
// since the pool outlives the loops.
TEST(Pool, FinishLetsGoOfWhatWaits) {
  Pool pool(1, 8);
  std::promise<void> begun, release;
  auto context = std::make_unique<net::io_context>(1);
  const auto executor = context->get_executor();
  auto held = std::make_shared<net::steady_timer>(executor);
  const std::weak_ptr<net::steady_timer> watched = held;
  auto first = [&pool, &begun, &release]() -> Task<void> {
    auto work = [&begun, &release] {
      begun.set_value();
      release.get_future().wait();
      return Result<int>(1);
    };
    co_await pool.offload(std::move(work));
  };
  auto second = [&pool, held]() -> Task<void> {
    auto work = [] { return Result<int>(2); };
    co_await pool.offload(std::move(work));
    held->cancel();
  };
  spawn_detached(executor, "first", std::move(first));
  spawn_detached(executor, "second", std::move(second));
  held.reset();
  context->poll();
  begun.get_future().wait();
  std::thread ending([&pool] { pool.finish(); });
  std::this_thread::sleep_for(
      std::chrono::milliseconds(20));  // the pool is stopped; if not yet, the second job is done
  release.set_value();
  ending.join();
  context.reset();
  EXPECT_TRUE(watched.expired());
}

Task<std::optional<int>> join(SingleFlight<int>& flights, std::string key, int& runs,
                              std::chrono::milliseconds work_takes,
                              std::chrono::milliseconds limit) {
  SingleFlight<int>::Work work = [&runs, work_takes]() -> Task<int> {
    const int mine = ++runs;
    net::steady_timer timer(co_await net::this_coro::executor, work_takes);
    co_await wait_for(timer);
    co_return mine;
  };
  co_return co_await flights.join(std::move(key), std::move(work), limit);
}

using std::chrono::milliseconds;

TEST(SingleFlight, OneRunPerKeyHoweverManyAsk) {
  SingleFlight<int> flights;
  int runs = 0;
  net::io_context context{1};
  std::vector<std::optional<int>> got(50);
  for (auto& slot : got) {
    auto body = [&]() -> Task<void> {
      slot = co_await join(flights, "key", runs, milliseconds(5), std::chrono::hours(1));
    };
    spawn_detached(context.get_executor(), "test", std::move(body));
  }
  context.run();
  EXPECT_EQ(runs, 1);
  for (const auto& each : got) EXPECT_EQ(each, 1);
  EXPECT_EQ(flights.in_flight(), 0u);
}

TEST(SingleFlight, WorkThatNeverWaitsIsFinishedToo) {
  SingleFlight<int> flights;
  auto ask = [&]() -> Task<std::optional<int>> {
    SingleFlight<int>::Work work = []() -> Task<int> { co_return 7; };
    co_return co_await flights.join("key", std::move(work), std::chrono::hours(1));
  };
  EXPECT_EQ(run_task(ask()), 7);
  EXPECT_EQ(flights.in_flight(), 0u);
}

TEST(SingleFlight, KeysDoNotWaitForEachOther) {
  SingleFlight<int> flights;
  int a = 0, b = 0;
  EXPECT_EQ(run_task(join(flights, "a", a, milliseconds(0), std::chrono::hours(1))), 1);
  EXPECT_EQ(run_task(join(flights, "b", b, milliseconds(0), std::chrono::hours(1))), 1);
}

TEST(SingleFlight, AFinishedFlightIsForgotten) {
  SingleFlight<int> flights;
  int runs = 0;
  EXPECT_EQ(run_task(join(flights, "key", runs, milliseconds(0), std::chrono::hours(1))), 1);
  EXPECT_EQ(run_task(join(flights, "key", runs, milliseconds(0), std::chrono::hours(1))), 2);
}

TEST(SingleFlight, WhoWaitsTooLongLeavesAndTheWorkGoesOn) {
  SingleFlight<int> flights;
  int runs = 0;
  net::io_context context{1};
  std::optional<std::optional<int>> impatient, patient;
  auto leave = [&]() -> Task<void> {
    impatient = co_await join(flights, "key", runs, milliseconds(50), milliseconds(1));
  };
  auto stay = [&]() -> Task<void> {
    patient = co_await join(flights, "key", runs, milliseconds(50), std::chrono::hours(1));
  };
  spawn_detached(context.get_executor(), "test", std::move(leave));
  spawn_detached(context.get_executor(), "test", std::move(stay));
  context.run();
  EXPECT_EQ(*impatient, std::nullopt);
  EXPECT_EQ(*patient, 1);
  EXPECT_EQ(runs, 1);
}

TEST(SingleFlight, AnExceptionWakesEverybodyEmptyHanded) {
  SingleFlight<int> flights;
  auto ask = [&]() -> Task<std::optional<int>> {
    SingleFlight<int>::Work work = []() -> Task<int> {
      net::steady_timer timer(co_await net::this_coro::executor, milliseconds(1));
      co_await wait_for(timer);
      throw std::runtime_error("bug");
    };
    co_return co_await flights.join("key", std::move(work), std::chrono::hours(1));
  };
  EXPECT_EQ(run_task(ask()), std::nullopt);
  EXPECT_EQ(flights.in_flight(), 0u);
}

// Waiters of one flight live on different loops, each on its own thread.
TEST(SingleFlight, AcrossLoops) {
  for (int round = 0; round < 50; ++round) {
    SingleFlight<int> flights;
    std::atomic<int> runs{0}, answered{0};
    std::vector<std::unique_ptr<net::io_context>> loops;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      loops.push_back(std::make_unique<net::io_context>(1));
      for (int j = 0; j < 8; ++j) {
        auto body = [&]() -> Task<void> {
          SingleFlight<int>::Work work = [&runs]() -> Task<int> {
            ++runs;
            net::steady_timer timer(co_await net::this_coro::executor, milliseconds(1));
            co_await wait_for(timer);
            co_return 1;
          };
          const auto value = co_await flights.join("key", std::move(work), std::chrono::hours(1));
          if (value == 1) ++answered;
        };
        spawn_detached(loops.back()->get_executor(), "test", std::move(body));
      }
    }
    for (auto& loop : loops) {
      // The loop that runs the work must live as long as any waiter: a guard, released together.
      threads.emplace_back([&loop, &answered] {
        while (answered < 32) loop->run_for(milliseconds(1));
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(answered, 32);
    EXPECT_GE(runs, 1);
  }
}

}  // namespace
}  // namespace npmgate
