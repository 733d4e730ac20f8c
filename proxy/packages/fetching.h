// What fetching packuments and tarballs have in common.
#pragma once

#include <chrono>
#include <cstdint>

namespace npmgate {

inline constexpr std::uint64_t kMinRate = 1024;          // bytes a second
inline constexpr auto kStall = std::chrono::seconds(8);  // twice within what a client waits

// Whether an upstream refuses the gate itself.
inline bool is_denial(int status) {
  return status == 401 || status == 403 || status == 451;
}

}  // namespace npmgate
