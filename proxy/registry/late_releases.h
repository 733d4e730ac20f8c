// Releases whose inspection takes longer than a client waits.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"

namespace npmgate {

// A packument is not answered without a release that is still being inspected: a resolver would
// take an older one, on a busy machine only. Every client asks again for a packument that is
// answered 503 (docs/ARCHITECTURE.md, "Packuments"); one release must not keep a package away for
// longer than that, though. Thread-safe.
class LateReleases {
 public:
  // From the first time that it was late. Clients that ask again do so within 1 to 71 s; the second
  // and third try of the slowest fall into this.
  static constexpr Millis kPatience = std::chrono::minutes(3);

  // It is late at `now`. False: there is no more patience with it.
  bool note(const std::string& name, const std::string& version, Time now);
  // Those of a package with which there is no more patience at `now`.
  std::vector<std::string> given_up(const std::string& name, Time now) const;

 private:
  // Tried again after this.
  static constexpr Millis kForgotten = std::chrono::hours(1);
  static constexpr std::size_t kMax = 10'000;  // some MB; beyond it all begin anew

  mutable std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, Time> since_;
};

}  // namespace npmgate
