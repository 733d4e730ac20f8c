// What could not be fetched lately: who asks again is answered at once, and the upstream is asked a
// few times a second at most however many ask.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/result.h"
#include "base/time.h"

namespace npmgate {

// Thread-safe.
class FailureMemory {
 public:
  // How long a failure is remembered: `first`, twice as long with each further one, `most` at most;
  // up to a quarter less by chance, so that gates that failed together do not ask together.
  struct Backoff {
    Millis first, most;
  };
  // The upstream is down or answers garbage. It is found well again within two seconds.
  static constexpr Backoff kTrouble{Millis(500), Millis(1500)};
  // It says that there is no such thing.
  static constexpr Backoff kAbsent{Millis(1000), Millis(1000)};
  // The bytes are not those that were promised, or could not be inspected: nobody makes the gate
  // repeat it at will.
  static constexpr Backoff kContent{Millis(5000), Millis(600'000)};

  // `random`: from 0 to 1.
  FailureMemory(const Clock& clock, std::function<double()> random)
      : clock_(clock), random_(std::move(random)) {}

  // The last failure of `key`, as long as it is not to be tried again.
  std::optional<Error> remembered(const std::string& key);
  void failed(const std::string& key, const Error& error, Backoff backoff);
  void succeeded(const std::string& key);

 private:
  struct Entry {
    Error error;
    Time until{};
    int times = 0;
  };
  static constexpr std::size_t kMaxEntries = 20'000;

  const Clock& clock_;
  std::function<double()> random_;
  std::mutex mutex_;
  std::unordered_map<std::string, Entry> entries_;
};

}  // namespace npmgate
