// What a worker must not be able to do, tried from inside: a worker that gets a request with an
// attempt's name tries it and answers with the errno. For tests and for whoever wants to see it.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace npmgate {

struct Attempt {
  std::string_view name;
  bool fatal;    // the process is expected to die of it (SIGSYS); else errno is not 0
  int (*run)();  // 0: it succeeded, which must not be
};
std::span<const Attempt> attempts();
// The errno of an attempt; nullopt if there is none of that name.
std::optional<int> try_attempt(std::string_view name);

}  // namespace npmgate
