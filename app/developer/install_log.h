// What an install wanted and did not get, read from what npm, pnpm, yarn and bun printed. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace npmgate {

struct WantedRelease {
  std::string name;
  std::string spec;  // a version or a range
  friend bool operator==(const WantedRelease&, const WantedRelease&) = default;
};

// Each once, in the order in which the text names them, at most kMaxWanted. The lines that are
// understood are those of docs/refusals.md; anything else in the text is passed over.
inline constexpr std::size_t kMaxWanted = 1'000;
std::vector<WantedRelease> wanted_in_log(std::string_view text);

}  // namespace npmgate
