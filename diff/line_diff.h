// The difference of two texts as hunks of lines, made by libgit2 (its xdiff, with the indent
// heuristic that git uses).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace npmgate {

enum class LineKind : char { kContext = ' ', kAdded = '+', kRemoved = '-' };

struct DiffLine {
  LineKind kind = LineKind::kContext;
  // Line numbers from 1 in the old and in the new text; 0 if the line is not in it.
  std::uint32_t before = 0, after = 0;
  std::string text;  // valid UTF-8 without the line's end; "…" at its end if it was cut
  friend bool operator==(const DiffLine&, const DiffLine&) = default;
};

struct Hunk {
  std::vector<DiffLine> lines;
  friend bool operator==(const Hunk&, const Hunk&) = default;
};

struct LineDiffLimits {
  unsigned context = 3;
  std::size_t max_lines = 3'000;       // lines of hunks that are kept; what follows is counted only
  std::size_t max_line_bytes = 2'000;  // of one line
};

struct LineDiff {
  std::vector<Hunk> hunks;
  // Over the whole difference, also what was not kept.
  std::uint32_t added = 0, removed = 0;
  bool cut = false;  // hunks hold less than the whole difference
  friend bool operator==(const LineDiff&, const LineDiff&) = default;
};

// Takes what libgit2 needs at its first use (its own initialisation reads files), so that later
// calls work if there are none. kInternal if it cannot be used.
Result<void> prepare_line_diff();

// Bytes that are not UTF-8 appear as \xNN. kTooLarge if memory does not suffice. Thread-safe.
Result<LineDiff> line_diff(std::string_view before, std::string_view after,
                           const LineDiffLimits& limits);

// `text` with every byte that is not part of valid UTF-8 written as \xNN, at most `limit` bytes,
// then "…".
std::string valid_text(std::string_view text, std::size_t limit);

}  // namespace npmgate
