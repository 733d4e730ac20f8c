// Paths with parameters, and query strings, as the admin API reads them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "registry/manifest.h"

namespace npmgate {

// What `path` puts in the place of `pattern`'s parameters, percent-decoded; nullopt if it does
// not match. A parameter is one segment: "/api/v1/tokens/{id}". {name} is a package name in any
// spelling: "/left", "/@acme/left" or "/@acme%2fleft".
std::optional<StringMap> match_route(std::string_view pattern, std::string_view path);

// Percent-decoded, with "+" for a blank as in HTML forms; an invalid escape stays as it is.
std::string form_decode(std::string_view text);
// Value of one query parameter, percent-decoded; "" if absent.
std::string query_value(std::string_view query, std::string_view key);

// A request target as logs may have it: printable, and cut off if a token follows. Tokens stand
// in some paths (DELETE /-/user/token/…, /-/npm/v1/tokens/token/…), however they are spelled.
std::string loggable_target(std::string_view target);

}  // namespace npmgate
