#include "registry/semver.h"

#include <algorithm>
#include <charconv>

#include "registry/semver_parser.h"

namespace npmgate {
namespace {

// Number.MAX_SAFE_INTEGER, the largest part of a version.
constexpr std::uint64_t kMaxSafe = 9'007'199'254'740'991;

std::size_t digit_run(std::string_view text) {
  std::size_t end = 0;
  while (end < text.size() && is_digit(text[end])) ++end;
  return end;
}

bool all_digits(std::string_view text) {
  return !text.empty() && digit_run(text) == text.size();
}

std::string_view without_leading_zeros(std::string_view digits) {
  return digits.substr(std::min(digits.find_first_not_of('0'), digits.size()));
}

// A digit run as a number up to 2^53-1.
std::optional<std::uint64_t> safe_number(std::string_view digits) {
  digits = without_leading_zeros(digits);
  if (digits.empty()) return 0;
  std::uint64_t value = 0;
  const auto error = std::from_chars(digits.data(), digits.data() + digits.size(), value).ec;
  if (error != std::errc{} || value > kMaxSafe) return std::nullopt;
  return value;
}

// NUMERICIDENTIFIER or its loose form.
bool is_number(std::string_view text, bool loose) {
  if (!all_digits(text)) return false;
  if (loose) return text.size() <= kMaxDigits;
  return text == "0" || (text.front() != '0' && text.size() <= kMaxDigits + 1);
}

bool is_x(std::string_view text) {
  return text == "x" || text == "X" || text == "*";
}

// PRERELEASEIDENTIFIER or its loose form.
bool is_identifier(std::string_view text, bool loose) {
  const std::size_t digits = digit_run(text);
  if (digits == text.size()) return is_number(text, loose);
  if (digits > kMaxDigits || text.size() - digits - 1 > kMaxIdentifier) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return is_digit(c) || is_letter_or_dash(c); });
}

// True if `accept` takes every dot-separated part.
template <class Accept>
bool all_parts(std::string_view text, const Accept& accept) {
  while (true) {
    const std::size_t dot = text.find('.');
    if (!accept(text.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

bool is_prerelease_text(std::string_view text, bool loose) {
  return all_parts(text, [loose](std::string_view part) { return is_identifier(part, loose); });
}

bool is_build_text(std::string_view text) {
  return all_parts(text, [](std::string_view part) {
    return !part.empty() && part.size() <= kMaxIdentifier &&
           std::all_of(part.begin(), part.end(),
                       [](char c) { return is_digit(c) || is_letter_or_dash(c); });
  });
}

// Splits what follows "1.2." into patch, prerelease and build; false if it does not match.
bool match_patch_and_tail(std::string_view text, bool loose, bool range, PartialVersion& out) {
  const std::size_t plus = text.find('+');
  if (plus != std::string_view::npos && !is_build_text(text.substr(plus + 1))) return false;
  text = text.substr(0, plus);
  const bool x = range && is_x(text.substr(0, 1));
  std::size_t end = x ? 1 : digit_run(text);
  // "1.2.34.5" is loosely 1.2.3-4.5: semver's expression gives back one digit to make a prerelease
  // of the rest.
  if (loose && !x && end >= 2 && text.substr(end).starts_with('.')) --end;
  out.patch = text.substr(0, end);
  if (!x && !is_number(out.patch, loose)) return false;
  const std::string_view tail = text.substr(end);
  if (tail.empty()) return true;
  if (tail.front() == '-' && is_prerelease_text(tail.substr(1), loose)) {
    out.prerelease = tail.substr(1);
    return true;
  }
  out.prerelease = tail;
  return loose && is_prerelease_text(tail, loose);
}

// Length of the PRERELEASEIDENTIFIER at the start, as far as the expression takes it.
std::size_t identifier_prefix(std::string_view text, bool loose) {
  const std::size_t digits = digit_run(text);
  if (digits <= kMaxDigits && digits < text.size() && is_letter_or_dash(text[digits])) {
    std::size_t end = digits + 1;
    const std::size_t limit = std::min(text.size(), end + kMaxIdentifier);
    while (end < limit && (is_digit(text[end]) || is_letter_or_dash(text[end]))) ++end;
    return end;
  }
  if (loose) return std::min(digits, kMaxDigits);
  return text.starts_with('0') ? 1 : std::min(digits, kMaxDigits + 1);
}

// Length of the PRERELEASE at the start, dash included; 0 if there is none.
std::size_t prerelease_prefix(std::string_view text, bool loose) {
  std::size_t end = text.starts_with('-') ? 1 : 0;
  if (end == 0 && !loose) return 0;
  std::size_t length = identifier_prefix(text.substr(end), loose);
  if (length == 0) {
    if (!loose || end == 0) return 0;
    end = 0;
    length = identifier_prefix(text, loose);
  }
  end += length;
  while (end < text.size() && text[end] == '.') {
    length = identifier_prefix(text.substr(end + 1), loose);
    if (length == 0) break;
    end += 1 + length;
  }
  return end;
}

std::size_t loose_plain_prefix(std::string_view text) {
  std::size_t end = 0;
  for (int part = 0; part < 3; ++part) {
    if (part > 0 && !text.substr(end++).starts_with('.')) return 0;
    const std::size_t digits = std::min(digit_run(text.substr(end, kMaxDigits)), kMaxDigits);
    if (digits == 0) return 0;
    end += digits;
  }
  return end + prerelease_prefix(text.substr(end), true);
}

std::size_t x_range_plain_prefix(std::string_view text) {
  const auto part_length = [](std::string_view part) -> std::size_t {
    if (is_x(part.substr(0, 1)) || part.starts_with('0')) return 1;
    return digit_run(part.substr(0, kMaxDigits + 1));
  };
  std::size_t end = part_length(text);
  if (end == 0) return 0;
  for (int part = 1; part < 3; ++part) {
    if (!text.substr(end).starts_with('.')) return end;
    const std::size_t length = part_length(text.substr(end + 1));
    if (length == 0) return end;
    end += 1 + length;
  }
  return end + prerelease_prefix(text.substr(end), false);
}

// Precedence of digit runs of any length. semver compares them as doubles, so that two numbers
// above 2^53 can be equal and the order is then no order (what follows them is not looked at);
// exact comparison keeps sorting well defined.
std::strong_ordering compare_digits(std::string_view a, std::string_view b) {
  a = without_leading_zeros(a);
  b = without_leading_zeros(b);
  if (a.size() != b.size()) return a.size() <=> b.size();
  return a.compare(b) <=> 0;
}

std::string identifier_text(const Version::Identifier& id) {
  const auto* number = std::get_if<std::uint64_t>(&id);
  return number != nullptr ? std::to_string(*number) : std::get<std::string>(id);
}

std::strong_ordering compare_identifiers(const Version::Identifier& a,
                                         const Version::Identifier& b) {
  const auto* na = std::get_if<std::uint64_t>(&a);
  const auto* nb = std::get_if<std::uint64_t>(&b);
  if (na != nullptr && nb != nullptr) return *na <=> *nb;
  const std::string ta = identifier_text(a), tb = identifier_text(b);
  const bool da = all_digits(ta), db = all_digits(tb);
  if (da && db) return compare_digits(ta, tb);
  if (da != db) return da ? std::strong_ordering::less : std::strong_ordering::greater;
  return ta.compare(tb) <=> 0;
}

// JavaScript counts UTF-16 units; only whitespace, all of it below U+10000, gets past the grammar
// anyway.
std::size_t utf16_length(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

}  // namespace

std::size_t SemverParser::blank(std::string_view text) {
  if (text.empty()) return 0;
  if (text.front() == ' ' || (text.front() >= '\t' && text.front() <= '\r')) return 1;
  // ECMAScript WhiteSpace and LineTerminator above ASCII: U+00A0, 1680, 2000-200A, 2028, 2029,
  // 202F, 205F, 3000, FEFF.
  if (text.starts_with("\xc2\xa0")) return 2;
  for (const std::string_view wide :
       {"\xe1\x9a\x80", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f",
        "\xe3\x80\x80", "\xef\xbb\xbf"}) {
    if (text.starts_with(wide)) return 3;
  }
  const bool en_quad_to_hair_space = text.size() >= 3 && text.starts_with("\xe2\x80") &&
                                     static_cast<unsigned char>(text[2]) >= 0x80 &&
                                     static_cast<unsigned char>(text[2]) <= 0x8a;
  return en_quad_to_hair_space ? 3 : 0;
}

std::string SemverParser::collapse_blanks(std::string_view text) {
  std::string out;
  bool pending = false;
  while (!text.empty()) {
    if (const std::size_t length = blank(text); length > 0) {
      pending = !out.empty();
      text.remove_prefix(length);
      continue;
    }
    if (pending) out += ' ';
    pending = false;
    out += text.front();
    text.remove_prefix(1);
  }
  return out;
}

std::optional<PartialVersion> SemverParser::match(std::string_view text, Form form) {
  const bool loose = form == Form::kLoose || form == Form::kLooseRange;
  const bool range = form == Form::kStrictRange || form == Form::kLooseRange;
  if (form == Form::kStrict) {
    if (text.starts_with('v')) text.remove_prefix(1);
  } else {
    text.remove_prefix(std::min(text.find_first_not_of("v= "), text.size()));
  }
  PartialVersion out;
  for (std::string_view* part : {&out.major, &out.minor}) {
    const std::size_t end = text.find('.');
    *part = text.substr(0, end);
    if (!is_number(*part, loose) && !(range && is_x(*part))) return std::nullopt;
    if (end == std::string_view::npos) return range ? std::optional(out) : std::nullopt;
    text.remove_prefix(end + 1);
  }
  if (!match_patch_and_tail(text, loose, range, out)) return std::nullopt;
  return out;
}

std::size_t SemverParser::plain_prefix(std::string_view text) {
  const std::size_t loose = loose_plain_prefix(text);
  return loose > 0 ? loose : x_range_plain_prefix(text);
}

std::optional<Version> SemverParser::build(const PartialVersion& parts) {
  const auto major = safe_number(parts.major), minor = safe_number(parts.minor),
             patch = safe_number(parts.patch);
  if (!major || !minor || !patch) return std::nullopt;
  Version version;
  version.major_ = *major;
  version.minor_ = *minor;
  version.patch_ = *patch;
  if (parts.prerelease.empty()) return version;
  all_parts(parts.prerelease, [&version](std::string_view part) {
    const auto number = all_digits(part) ? safe_number(part) : std::nullopt;
    // 2^53-1 itself stays text, as in semver.
    if (number && *number < kMaxSafe) {
      version.prerelease_.emplace_back(*number);
    } else {
      version.prerelease_.emplace_back(std::string(part));
    }
    return true;
  });
  return version;
}

std::optional<Version> SemverParser::version(std::string_view text, bool loose) {
  if (utf16_length(text) > kMaxVersionLength) return std::nullopt;
  const std::string clean = collapse_blanks(text);
  const auto parts = match(clean, loose ? Form::kLoose : Form::kStrict);
  return parts ? build(*parts) : std::nullopt;
}

std::optional<Version> Version::parse(std::string_view text) {
  return SemverParser::version(text, false);
}

std::optional<Version> Version::parse_loose(std::string_view text) {
  return SemverParser::version(text, true);
}

std::string Version::str() const {
  std::string out =
      std::to_string(major_) + "." + std::to_string(minor_) + "." + std::to_string(patch_);
  char separator = '-';
  for (const Identifier& id : prerelease_) {
    out += separator;
    out += identifier_text(id);
    separator = '.';
  }
  return out;
}

std::strong_ordering operator<=>(const Version& a, const Version& b) {
  if (const auto order = a.major_ <=> b.major_; order != 0) return order;
  if (const auto order = a.minor_ <=> b.minor_; order != 0) return order;
  if (const auto order = a.patch_ <=> b.patch_; order != 0) return order;
  if (a.prerelease_.empty() != b.prerelease_.empty()) {
    return a.prerelease_.empty() ? std::strong_ordering::greater : std::strong_ordering::less;
  }
  const std::size_t common = std::min(a.prerelease_.size(), b.prerelease_.size());
  for (std::size_t i = 0; i < common; ++i) {
    const auto order = compare_identifiers(a.prerelease_[i], b.prerelease_[i]);
    if (order != 0) return order;
  }
  return a.prerelease_.size() <=> b.prerelease_.size();
}

bool operator==(const Version& a, const Version& b) {
  return (a <=> b) == 0;
}

std::string release_line(const Version& version) {
  if (version.major() > 0) return std::to_string(version.major());
  return "0." + std::to_string(version.minor());
}

}  // namespace npmgate
