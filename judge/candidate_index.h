// The versions of a packument that may still become a baseline, as positions in their order.
// Finding the next one down costs the same however many were taken out in between: a package may
// have tens of thousands of versions of which none is fit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <vector>

namespace npmgate {

class CandidateIndex {
 public:
  explicit CandidateIndex(std::size_t size) : below_(size + 1) {
    std::iota(below_.begin(), below_.end(), std::uint32_t{0});
  }
  // The highest rung below `position` that is still there.
  std::optional<std::size_t> below(std::size_t position) {
    const std::uint32_t found = find(static_cast<std::uint32_t>(position));
    if (found == 0) return std::nullopt;
    return found - 1;
  }
  void take_out(std::size_t position) {
    below_[position + 1] = static_cast<std::uint32_t>(position);
  }

 private:
  // Disjoint sets with path halving; rung i is element i + 1, element 0 is the ground.
  std::uint32_t find(std::uint32_t element) {
    while (below_[element] != element) {
      below_[element] = below_[below_[element]];
      element = below_[element];
    }
    return element;
  }
  std::vector<std::uint32_t> below_;
};

}  // namespace npmgate
