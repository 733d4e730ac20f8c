// What fetching packuments and tarballs have in common.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/metrics.h"
#include "proxy/packages/failure_memory.h"

namespace npmgate {

inline constexpr std::uint64_t kMinRate = 1024;          // bytes a second
inline constexpr auto kStall = std::chrono::seconds(8);  // twice within what a client waits
inline constexpr std::size_t kMaxPackument =
    std::size_t{256} << 20;  // docs/threats.md, R4; the largest real one seen is 21 MB

// Whether an upstream refuses the gate itself.
inline bool is_denial(int status) {
  return status == 401 || status == 403 || status == 451;
}

// Remembers that `what` could not be fetched, counts and logs it; errors of other origins than the
// upstream are not noted.
void note_failure(FailureMemory& failures, Metrics& metrics, const std::string& what,
                  const std::string& upstream, const Error& error);

}  // namespace npmgate
