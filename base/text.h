// Text: UTF-8, letter case, blanks, percent codes, and what makes strangers' text safe to print.
// Each of these is written here and nowhere else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace npmgate {

// ---- UTF-8 (RFC 3629: shortest form, no surrogates, up to U+10FFFF)

// One code point, or one byte that is no UTF-8.
struct CodePoint {
  std::uint32_t value = 0;  // of the byte if it is not valid
  std::size_t size = 1;     // bytes
  bool valid = true;
};
// The first of a non-empty text.
CodePoint first_code_point(std::string_view text);
bool is_utf8(std::string_view text);
inline constexpr std::string_view kUtf8Bom = "\xef\xbb\xbf";
// `point` up to U+10FFFF.
void append_utf8(std::string& out, std::uint32_t point);

// ---- Letters and blanks; ASCII only, whatever the locale

constexpr char lower_ascii(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}
std::string lower_ascii(std::string_view text);
bool equal_ignoring_case(std::string_view a, std::string_view b);

template <std::size_t N>
constexpr bool one_of(std::string_view word, const std::string_view (&words)[N]) {
  for (const std::string_view each : words) {
    if (each == word) return true;
  }
  return false;
}

inline constexpr std::string_view kBlanks = " \t\n\v\f\r";
// Without the characters of `blanks` at both ends.
std::string_view trimmed(std::string_view text, std::string_view blanks = kBlanks);

// ---- Hexadecimal digits and percent codes (RFC 3986, section 2.1)

// 0 to 15, of either case; -1 if `c` is no hexadecimal digit.
constexpr int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}
// An invalid code stays as it is, '+' too.
std::string percent_decode(std::string_view text);
// Letters, digits, "-._~" and the bytes of `plain` stay; the others become %XX.
std::string percent_encode(std::string_view text, std::string_view plain = {});

// ---- Text from outside, made safe

// For terminals and logs: control characters (tab and newline too), ESC, C1, bidi and zero-width
// controls become \uXXXX; invalid UTF-8 becomes \xNN. At most `limit` bytes, then "…".
std::string printable(std::string_view text, std::size_t limit = 500);
// For one line of a finding: printable ASCII, blanks as spaces, everything else as \u{…} or \xNN.
// At most `limit` bytes, "..." at the end if that cuts it.
std::string ascii_line(std::string_view text, std::size_t limit);
// For an HTTP header's value: control characters become spaces, bytes beyond ASCII '?'. Cut at
// `limit` bytes.
std::string header_safe(std::string_view text, std::size_t limit = 400);
// For HTML, between tags and in quoted attributes; printable() first.
std::string html_escape(std::string_view text);
// Valid JSON with the code points that printable() escapes as \uXXXX; invalid UTF-8 becomes U+FFFD.
std::string harmless_json(std::string_view json);

}  // namespace npmgate
