#include "proxy/net/async.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

namespace npmgate {

void spawn_detached(const net::any_io_executor& executor, std::string what,
                    std::function<Task<void>()> body) {
  auto run = [what = std::move(what), body = std::move(body)]() -> Task<void> {
    try {
      co_await body();
    } catch (const std::exception& e) {
      log::error("unexpected", what + ": " + e.what());
    }
  };
  net::co_spawn(executor, std::move(run), net::detached);
}

void run_to_end(net::io_context& context, std::function<Task<void>()> body) {
  auto done = [&context](std::exception_ptr failure) {
    context.stop();
    if (failure) std::rethrow_exception(failure);
  };
  net::co_spawn(context, std::move(body), std::move(done));
  auto guard = net::make_work_guard(context);
  context.restart();
  context.run();
}

void run_loop(net::io_context& loop, const std::function<void()>& escaped) {
  for (;;) {
    std::string what = "no std::exception";
    try {
      loop.run();
      return;
    } catch (const std::exception& e) {
      what = e.what();
    } catch (...) {
    }
    log::error("unexpected", "an exception left a handler: " + what);
    if (escaped) escaped();
  }
}

Task<boost::system::error_code> wait_for(net::steady_timer& timer) {
  auto [error] = co_await timer.async_wait(kTuple);
  co_return error;
}

void cancel_on_its_loop(std::shared_ptr<net::steady_timer> timer) {
  auto executor = timer->get_executor();
  net::post(executor, [timer = std::move(timer)] { timer->cancel(); });
}

struct Pool::Threads {
  explicit Threads(std::size_t count) : pool(count) {}
  net::thread_pool pool;
};

Pool::Pool(std::size_t threads, std::size_t max_queue)
    : threads_(std::make_unique<Threads>(threads)), max_queue_(max_queue) {}

Pool::~Pool() {
  if (threads_) threads_->pool.join();
}

// What waits holds the coroutines that wait for it, and with them timers and sockets of the loops:
// it goes now, not with the pool, which outlives the loops.
void Pool::finish() {
  threads_->pool.stop();
  threads_->pool.join();
  threads_.reset();
}

Task<std::optional<Error>> Pool::run(std::function<void()> job) {
  if (!threads_) co_return fail(Code::kUnavailable, Origin::kSelf, "the gate ends", true);
  if (queued_.fetch_add(1) >= max_queue_) {
    queued_.fetch_sub(1);
    co_return fail(Code::kUnavailable, Origin::kSelf,
                   "overloaded: too much work is waiting; try again shortly", true);
  }
  std::optional<Error> failure;
  auto initiate = [this, &job, &failure](auto handler) {
    auto shared = std::make_shared<decltype(handler)>(std::move(handler));
    auto guarded = [this, shared, &job, &failure] {
      try {
        job();
      } catch (const std::exception& e) {
        failure = fail(Code::kInternal, Origin::kSelf, std::string("unexpected: ") + e.what());
      } catch (...) {
        failure = fail(Code::kInternal, Origin::kSelf, "unexpected: no std::exception");
      }
      queued_.fetch_sub(1);
      auto executor = net::get_associated_executor(*shared);
      net::post(executor, [shared] { (*shared)(); });
    };
    net::post(threads_->pool, std::move(guarded));
  };
  co_await net::async_initiate<const net::use_awaitable_t<>, void()>(std::move(initiate),
                                                                     net::use_awaitable);
  co_return failure;
}

}  // namespace npmgate
