// What tests read from an answer of the gate.
#pragma once
#include <string>
#include <string_view>

#include "proxy/net/http.h"

namespace npmgate::testing {

// The value of the header with exactly this name; "" if the answer has none.
inline std::string header(const Response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) return value;
  }
  return {};
}

}  // namespace npmgate::testing
