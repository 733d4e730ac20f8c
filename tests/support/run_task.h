// Runs a coroutine to its end on a loop of its own, or on the given one.
#pragma once

#include <optional>
#include <utility>

#include "proxy/net/async.h"

namespace npmgate::testing {

template <class T>
T run_task(net::io_context& context, Task<T> task) {
  std::optional<T> result;
  run_to_end(context, [&]() -> Task<void> { result.emplace(co_await std::move(task)); });
  return std::move(*result);
}

template <class T>
T run_task(Task<T> task) {
  net::io_context context{1};
  return run_task(context, std::move(task));
}

}  // namespace npmgate::testing
