#include "inspect/code/pattern_scan.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <stdexcept>

#include "base/text.h"

namespace npmgate {
namespace {

constexpr std::size_t kClasses = 64;
constexpr std::uint16_t kNone = std::numeric_limits<std::uint16_t>::max();

unsigned char fold(unsigned char c) {
  return static_cast<unsigned char>(lower_ascii(static_cast<char>(c)));
}

// Class 0 is every byte that no pattern holds.
std::array<std::uint8_t, 256> classes_of(std::span<const std::string_view> patterns) {
  std::array<std::uint8_t, 256> classes{};
  std::size_t used = 1;
  for (const auto pattern : patterns) {
    for (const char raw : pattern) {
      const auto c = fold(static_cast<unsigned char>(raw));
      if (classes[c] != 0) continue;
      if (used == kClasses) throw std::logic_error("PatternScanner: too many distinct characters");
      classes[c] = static_cast<std::uint8_t>(used++);
    }
  }
  for (unsigned c = 'A'; c <= 'Z'; ++c) classes[c] = classes[fold(static_cast<unsigned char>(c))];
  return classes;
}

struct Trie {
  std::vector<std::uint16_t> next = std::vector<std::uint16_t>(kClasses, kNone);
  std::vector<std::vector<std::uint16_t>> hits = std::vector<std::vector<std::uint16_t>>(1);

  std::uint16_t child(std::uint16_t state, std::uint8_t cls) {
    auto& slot = next[state * kClasses + cls];
    if (slot != kNone) return slot;
    if (hits.size() >= kNone) throw std::logic_error("PatternScanner: too many characters");
    slot = static_cast<std::uint16_t>(hits.size());
    const auto made = slot;
    next.resize(next.size() + kClasses, kNone);
    hits.emplace_back();
    return made;
  }
};

// Fills the missing transitions with those of the longest proper suffix, breadth first, and hands
// suffixes' hits down.
void close_over_suffixes(Trie& trie) {
  std::vector<std::uint16_t> queue, fail(trie.hits.size(), 0);
  for (std::size_t cls = 0; cls < kClasses; ++cls) {
    auto& slot = trie.next[cls];
    if (slot == kNone) {
      slot = 0;
    } else {
      queue.push_back(slot);
    }
  }
  for (std::size_t head = 0; head < queue.size(); ++head) {
    const auto state = queue[head];
    const auto& inherited = trie.hits[fail[state]];
    trie.hits[state].insert(trie.hits[state].end(), inherited.begin(), inherited.end());
    for (std::size_t cls = 0; cls < kClasses; ++cls) {
      auto& slot = trie.next[state * kClasses + cls];
      const auto fallback = trie.next[fail[state] * kClasses + cls];
      if (slot == kNone) {
        slot = fallback;
      } else {
        fail[slot] = fallback;
        queue.push_back(slot);
      }
    }
  }
}

}  // namespace

PatternScanner::PatternScanner(std::span<const std::string_view> patterns)
    : class_of_(classes_of(patterns)) {
  Trie trie;
  for (std::size_t p = 0; p < patterns.size(); ++p) {
    longest_ = std::max(longest_, patterns[p].size());
    std::uint16_t state = 0;
    for (const char c : patterns[p])
      state = trie.child(state, class_of_[static_cast<unsigned char>(c)]);
    trie.hits[state].push_back(static_cast<std::uint16_t>(p));
  }
  close_over_suffixes(trie);

  std::vector<std::uint16_t> order(trie.hits.size()), number(trie.hits.size());
  std::iota(order.begin(), order.end(), std::uint16_t{0});
  const auto accepting = std::stable_partition(
      order.begin(), order.end(), [&](std::uint16_t state) { return trie.hits[state].empty(); });
  first_accepting_ = static_cast<std::uint32_t>(accepting - order.begin());
  for (std::size_t i = 0; i < order.size(); ++i) number[order[i]] = static_cast<std::uint16_t>(i);

  next_.resize(trie.next.size());
  hit_begin_.push_back(0);
  for (std::size_t i = 0; i < order.size(); ++i) {
    for (std::size_t cls = 0; cls < kClasses; ++cls)
      next_[i * kClasses + cls] = number[trie.next[order[i] * kClasses + cls]];
    if (i < first_accepting_) continue;
    hits_.insert(hits_.end(), trie.hits[order[i]].begin(), trie.hits[order[i]].end());
    hit_begin_.push_back(static_cast<std::uint32_t>(hits_.size()));
  }
}

std::uint32_t PatternScanner::state_before(std::string_view text, std::size_t at) const {
  std::uint32_t state = 0;
  for (auto i = at - std::min(at, longest_); i < at; ++i) state = step(state, text[i]);
  return state;
}

void PatternScanner::scan_block(std::string_view text, std::size_t begin,
                                std::vector<Hit>& found) const {
  const auto size = std::min(kBlock, text.size() - begin);
  const auto length = size / kLanes;
  const auto start = [&](std::size_t lane) { return begin + lane * length; };
  std::uint32_t s0 = state_before(text, start(0)), s1 = state_before(text, start(1));
  std::uint32_t s2 = state_before(text, start(2)), s3 = state_before(text, start(3));
  std::array<std::vector<Hit>, kLanes> hits;
  // Locals: the compiler cannot know that storing a hit leaves the automaton alone.
  const auto* const table = next_.data();
  const auto* const classes = class_of_.data();
  const auto* const bytes = reinterpret_cast<const unsigned char*>(text.data()) + begin;
  const auto accepting = first_accepting_;
  const auto keep = [&](std::uint32_t state, std::size_t lane, std::size_t i) {
    hits[lane].push_back({state - accepting, start(lane) + i + 1});
  };
  for (std::size_t i = 0; i < length; ++i) {
    s0 = table[s0 << kShift | classes[bytes[i]]];
    s1 = table[s1 << kShift | classes[bytes[i + length]]];
    s2 = table[s2 << kShift | classes[bytes[i + 2 * length]]];
    s3 = table[s3 << kShift | classes[bytes[i + 3 * length]]];
    if (std::max({s0, s1, s2, s3}) < accepting) continue;
    if (s0 >= accepting) keep(s0, 0, i);
    if (s1 >= accepting) keep(s1, 1, i);
    if (s2 >= accepting) keep(s2, 2, i);
    if (s3 >= accepting) keep(s3, 3, i);
  }
  for (const auto& part : hits) found.insert(found.end(), part.begin(), part.end());
  for (auto at = begin + kLanes * length; at < begin + size; ++at) {
    s3 = step(s3, text[at]);
    if (s3 >= accepting) found.push_back({s3 - accepting, at + 1});
  }
}

}  // namespace npmgate
