// Many fixed strings searched in one pass (Aho-Corasick automaton with dense transitions).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace npmgate {

// Immutable once built; any number of threads may scan with it. ASCII letters are folded: a hit
// means "equal but for case", and the caller compares again if case matters.
class PatternScanner {
 public:
  // Patterns must not be empty; the views are only read here. At most 65,535 characters and 63
  // distinct ones in all.
  explicit PatternScanner(std::span<const std::string_view> patterns);

  // Calls on_hit(index of the pattern, offset just behind its last byte) in order of the ends. Time
  // is linear in the text and the hits.
  template <class OnHit>
  void scan(std::string_view text, OnHit&& on_hit) const {
    std::vector<Hit> found;
    for (std::size_t begin = 0; begin < text.size(); begin += kBlock) {
      found.clear();
      scan_block(text, begin, found);
      for (const auto& [slot, end] : found)
        for (auto h = hit_begin_[slot]; h < hit_begin_[slot + 1]; ++h) on_hit(hits_[h], end);
    }
  }

 private:
  static constexpr unsigned kShift = 6;  // 64 character classes
  // One automaton waits for memory at every byte; four, each on its part of a block, wait together.
  static constexpr std::size_t kLanes = 4;
  static constexpr std::size_t kLane = 8192;
  static constexpr std::size_t kBlock = kLanes * kLane;

  struct Hit {
    std::uint32_t slot;  // of the accepting state
    std::size_t end;
  };
  // Appends the hits that end in the block, in order.
  void scan_block(std::string_view text, std::size_t begin, std::vector<Hit>& found) const;
  // The state before `at`: what the longest pattern's length of bytes before it leads to.
  std::uint32_t state_before(std::string_view text, std::size_t at) const;
  std::uint32_t step(std::uint32_t state, char c) const {
    return next_[(state << kShift) | class_of_[static_cast<unsigned char>(c)]];
  }

  std::size_t longest_ = 0;

  std::array<std::uint8_t, 256> class_of_{};
  std::vector<std::uint16_t> next_;       // state * 64 + class
  std::uint32_t first_accepting_ = 0;     // states are numbered so that accepting ones come last
  std::vector<std::uint32_t> hit_begin_;  // per accepting state, into hits_
  std::vector<std::uint16_t> hits_;
};

}  // namespace npmgate
