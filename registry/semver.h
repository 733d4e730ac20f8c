// npm's semantic versions and ranges, as the `semver` module (7.x) reads them. Proven
// differentially against it in tests/registry.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace npmgate {

// A version; numbers up to 2^53-1, text up to 256 characters (semver's own limits). Linear time, no
// regular expressions.
class Version {
 public:
  using Identifier = std::variant<std::uint64_t, std::string>;

  // Strict: what `semver.valid(text)` accepts (one leading "v", blanks around; no "=").
  static std::optional<Version> parse(std::string_view text);
  // What `semver.valid(text, {loose: true})` accepts: "=v1.0.0beta" and the like from the
  // registry's early years.
  static std::optional<Version> parse_loose(std::string_view text);

  std::uint64_t major() const { return major_; }
  std::uint64_t minor() const { return minor_; }
  std::uint64_t patch() const { return patch_; }
  const std::vector<Identifier>& prerelease() const { return prerelease_; }
  bool is_prerelease() const { return !prerelease_.empty(); }
  std::string str() const;  // normalised, without build metadata
  // Precedence of semver 2.0.0, section 11; build metadata does not count.
  friend std::strong_ordering operator<=>(const Version& a, const Version& b);
  friend bool operator==(const Version& a, const Version& b);

 private:
  std::uint64_t major_ = 0, minor_ = 0, patch_ = 0;
  std::vector<Identifier> prerelease_;
  friend class SemverParser;
};

// The release line of the contract: major for >= 1.0.0, "0.minor" below.
std::string release_line(const Version& version);

class Range {
 public:
  // What `new semver.Range(text, {loose})` accepts; nullopt if it throws and above 16,384 bytes.
  // "" and "*" match every stable version.
  static std::optional<Range> parse(std::string_view text, bool loose = true);
  // `range.test(version)`; with include_prerelease = semver's includePrerelease option.
  bool matches(const Version& version, bool include_prerelease = false) const;
  // The version, if the range is exactly one ("1.2.3", "=1.2.3").
  std::optional<Version> exact() const;
  // What semver's `validRange` prints: comparators, "*" for anything; "" if only the expansion
  // under includePrerelease is invalid. For tests and explanations.
  std::string str(bool include_prerelease = false) const;

 private:
  struct Comparator {
    enum class Op { kLess, kLessEqual, kGreater, kGreaterEqual, kEqual, kAny } op = Op::kAny;
    Version version;
  };
  using Sets = std::vector<std::vector<Comparator>>;
  // semver expands partial versions differently under includePrerelease (">=1.0.0-0" for "1.x"):
  // both expansions are kept.
  Sets sets_, prerelease_sets_;
  friend class SemverParser;
  friend class RangeBuilder;
};

}  // namespace npmgate
