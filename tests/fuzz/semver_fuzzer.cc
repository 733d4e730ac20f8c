// Versions and ranges: a total order, texts that read back as themselves, and ranges that mean the
// same in their normal form. Input: one range and up to four versions, a line each.
#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "registry/semver.h"
#include "registry/semver_parser.h"
#include "tests/fuzz/check.h"

namespace npmgate::fuzz {
namespace {

std::string_view take_line(std::string_view& rest) {
  const std::size_t end = std::min(rest.find('\n'), rest.size());
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return line;
}

// A numeric identifier above 2^53-1 keeps the leading zeros that a loose version may have, in npm's
// semver as here: only a loose reader takes its text back, and another text can be equal to it.
bool keeps_zeros(const Version& version) {
  return std::any_of(version.prerelease().begin(), version.prerelease().end(), [](const auto& id) {
    const auto* text = std::get_if<std::string>(&id);
    return text != nullptr && text->starts_with('0') &&
           text->find_first_not_of("0123456789") == std::string::npos;
  });
}

std::optional<Version> read_version(std::string_view text) {
  const auto strict = Version::parse(text);
  const auto loose = Version::parse_loose(text);
  NPM_GATE_PROMISE(!strict || loose);
  if (strict) NPM_GATE_PROMISE(*strict == *loose);
  if (!loose) return loose;
  const std::string normal = loose->str();
  // A dash that was missing makes it longer, past what any reader takes.
  if (normal.size() > kMaxVersionLength) return loose;
  const bool zeros = keeps_zeros(*loose);
  const auto again = zeros ? Version::parse_loose(normal) : Version::parse(normal);
  NPM_GATE_PROMISE(again && *again == *loose && again->str() == normal);
  if (zeros) NPM_GATE_PROMISE(!strict && !Version::parse(normal));
  return loose;
}

void check_order(const std::vector<Version>& versions) {
  for (const Version& a : versions) {
    for (const Version& b : versions) {
      const auto order = a <=> b;
      NPM_GATE_PROMISE((order == 0) == (a == b));
      NPM_GATE_PROMISE((order < 0) == ((b <=> a) > 0));
      if (a.str() == b.str()) NPM_GATE_PROMISE(a == b);
      if (a == b && !keeps_zeros(a) && !keeps_zeros(b)) NPM_GATE_PROMISE(a.str() == b.str());
      for (const Version& c : versions) {
        if (order <= 0 && (b <=> c) <= 0) NPM_GATE_PROMISE((a <=> c) <= 0);
      }
    }
  }
}

void check_range(const Range& range, const std::vector<Version>& versions) {
  const std::string text = range.str();
  if (text.size() > 16'384) return;
  const auto again = Range::parse(text);
  NPM_GATE_PROMISE(again.has_value());
  // "~0" is written ">=0.0.0 <1.0.0-0", of which npm (and so we) drops the first part when it is
  // read: the text settles after one more reading. Until then prereleases may match differently
  // (">=0.0.02.0-" for "0.0.0-0est.0", as in npm).
  const std::string settled = again->str();
  const auto third = Range::parse(settled);
  NPM_GATE_PROMISE(third.has_value() && third->str() == settled);
  // That prereleases are included lets a range match no more in all cases: "~0.0.0 ~0.0.0-a" then
  // keeps its ">=0.0.0", which 0.0.0-b is below (as in npm).
  const auto exact = range.exact();
  for (const Version& version : versions) {
    const bool matches = range.matches(version);
    if (!version.is_prerelease() && matches) NPM_GATE_PROMISE(range.matches(version, true));
    NPM_GATE_PROMISE(third->matches(version) == again->matches(version));
    if (settled == text) NPM_GATE_PROMISE(again->matches(version) == matches);
    if (exact && matches) NPM_GATE_PROMISE(version == *exact);
  }
}

void run(std::string_view input) {
  const std::string_view range_text = take_line(input);
  std::vector<Version> versions;
  for (int i = 0; i < 4 && !input.empty(); ++i) {
    if (auto version = read_version(take_line(input))) versions.push_back(std::move(*version));
  }
  check_order(versions);
  const auto strict = Range::parse(range_text, false);
  const auto loose = Range::parse(range_text, true);
  NPM_GATE_PROMISE(!strict || loose);
  if (loose) check_range(*loose, versions);
}

}  // namespace
}  // namespace npmgate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  npmgate::fuzz::run(npmgate::fuzz::as_text(data, size));
  return 0;
}
