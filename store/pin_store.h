// What was accepted first and is served from then on.
// Thread-safe; every call may block on disk: call it off the loops. A call that returned success
// survives kill -9.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace npmgate {

// The manifest and bytes first accepted for a name@version: what every door serves from then on,
// never evicted.
struct Pin {
  std::string name, version;
  std::string content_id;
  std::string raw_manifest;
  Time accepted{};
};

class PinStore {
 public:
  virtual ~PinStore() = default;

  // Pins: the first call for a name@version wins; returns the pin in force.
  virtual Result<Pin> pin(const Pin& wanted) = 0;
  virtual Result<std::map<std::string, Pin, std::less<>>> pins_of(std::string_view name) = 0;
  virtual Result<bool> is_pinned(std::string_view sha512_hex) = 0;
};

}  // namespace npmgate
