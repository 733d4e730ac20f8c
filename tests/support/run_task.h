// Runs a coroutine to its end on a loop of its own, or on the given one.
#pragma once

#include <optional>
#include <utility>

#include "proxy/net/async.h"

namespace npmgate::testing {

template <class T>
T run_task(net::io_context& context, Task<T> task) {
  std::optional<T> result;
  auto body = [&result, task = std::move(task)]() mutable -> Task<void> {
    result.emplace(co_await std::move(task));
  };
  net::co_spawn(context, std::move(body), [&context](std::exception_ptr failure) {
    context.stop();
    if (failure) std::rethrow_exception(failure);
  });
  context.restart();
  context.run();
  return std::move(*result);
}

template <class T>
T run_task(Task<T> task) {
  net::io_context context{1};
  return run_task(context, std::move(task));
}

}  // namespace npmgate::testing
