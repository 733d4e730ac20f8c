// The process's environment as a value, so that what reads it can be tested.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace npmgate {

// Looks up one environment variable; nullopt if it is not set.
using EnvReader = std::function<std::optional<std::string>(const std::string& name)>;

}  // namespace npmgate
