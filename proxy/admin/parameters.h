// What requests to the admin API are asked with, and the answer to what cannot be understood.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace npmgate {

// kMalformed, of the client: answered as 400 with `what`, which names the parameter and what it may
// be.
Error bad_request(std::string what);

// The number in `text`, decimal and nothing beside it; nullopt for anything else.
std::optional<std::int64_t> whole_number(std::string_view text);

}  // namespace npmgate
