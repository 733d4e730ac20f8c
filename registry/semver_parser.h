// Shared by semver.cc and semver_range.cc: the grammar of versions and partial versions, strict and
// loose.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "registry/semver.h"

namespace npmgate {

// semver cuts every repetition in its expressions at a limit (internal/re.js,
// safeRegexReplacements); what is longer does not match. They are kept so that a hostile text means
// the same to both.
inline constexpr std::size_t kMaxDigits = 256;
inline constexpr std::size_t kMaxIdentifier = 250;

// The texts of "1.2.3-beta", "1.x", "*": what is missing is empty.
struct PartialVersion {
  std::string_view major, minor, patch, prerelease;
};

class SemverParser {
 public:
  // How a text may begin, and what its numbers may be.
  enum class Form {
    kStrict,  // FULLPLAIN: "v1.2.3-pre+build"
    kLoose,   // LOOSEPLAIN: any run of "v", "=", blanks; leading zeros; the dash may be missing
    kStrictRange,  // XRANGEPLAIN: any run of "v", "=", blanks; parts may be x or missing
    kLooseRange,   // XRANGEPLAINLOOSE
  };

  // Matches the whole text; the parts point into it.
  static std::optional<PartialVersion> match(std::string_view text, Form form);
  // The end of the longest LOOSEPLAIN or else XRANGEPLAIN at the start of `text`, which begins
  // behind "v", "=" and blanks; 0 if there is none.
  static std::size_t plain_prefix(std::string_view text);

  static std::optional<Version> version(std::string_view text, bool loose);
  // nullopt if a number exceeds 2^53-1.
  static std::optional<Version> build(const PartialVersion& parts);
  static std::optional<Range> range(std::string_view text, bool loose);

  // Length in bytes of the blank that `text` starts with, as JavaScript's \s and trim() see it; 0
  // if it is none.
  static std::size_t blank(std::string_view text);
  // Trimmed, every run of blanks one space.
  static std::string collapse_blanks(std::string_view text);

  using Comparator = Range::Comparator;
  using Op = Range::Comparator::Op;
};

inline constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
inline constexpr bool is_letter_or_dash(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
}

// semver's MAX_LENGTH: no version text is longer.
inline constexpr std::size_t kMaxVersionLength = 256;

}  // namespace npmgate
