// Small facts of the program itself.
// Thread-safe; every call may block on disk: call it off the loops. A call that returned success
// survives kill -9.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace npmgate {

class SettingStore {
 public:
  virtual ~SettingStore() = default;

  // Small facts of the program itself, such as the last feed loaded.
  virtual Result<void> put_setting(std::string_view key, std::string_view value) = 0;
  virtual Result<std::optional<std::string>> setting(std::string_view key) = 0;
};

}  // namespace npmgate
