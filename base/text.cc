#include "base/text.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace npmgate {
namespace {

// Code points that move the cursor, reorder the line or show nothing at all.
// Sources: Unicode general categories Cc and Cf as far as text can be disguised with them (UTS #39,
// UAX #9).
bool is_treacherous(std::uint32_t code) {
  struct Span {
    std::uint32_t first, last;
  };
  constexpr std::array<Span, 13> kSpans = {{{0x00, 0x1f},
                                            {0x7f, 0x9f},
                                            {0xad, 0xad},
                                            {0x61c, 0x61c},
                                            {0x115f, 0x1160},
                                            {0x180b, 0x180f},
                                            {0x200b, 0x200f},
                                            {0x2028, 0x202e},
                                            {0x2060, 0x206f},
                                            {0x3164, 0x3164},
                                            {0xfeff, 0xfeff},
                                            {0xfff0, 0xfffb},
                                            {0xe0000, 0xe0fff}}};
  for (const Span& span : kSpans) {
    if (code >= span.first && code <= span.last) return true;
  }
  return false;
}

// \uXXXX, as a surrogate pair above U+FFFF: what JSON readers turn back into the character.
std::string escape(std::uint32_t code) {
  std::array<char, 16> buffer{};
  if (code <= 0xffff) {
    std::snprintf(buffer.data(), buffer.size(), "\\u%04x", code);
  } else {
    const std::uint32_t offset = code - 0x10000;
    std::snprintf(buffer.data(), buffer.size(), "\\u%04x\\u%04x", 0xd800 + (offset >> 10),
                  0xdc00 + (offset & 0x3ff));
  }
  return buffer.data();
}

// \xNN, for a byte that is no UTF-8.
std::string escape_byte(std::uint32_t byte) {
  std::array<char, 8> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "\\x%02x", byte);
  return buffer.data();
}

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xc0U) == 0x80;
}

}  // namespace

CodePoint first_code_point(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  if (lead < 0x80) return {lead, 1, true};
  const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  constexpr std::array<std::uint32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};
  const CodePoint broken{lead, 1, false};
  if (lead < 0xc2 || lead > 0xf4 || text.size() < size) return broken;
  std::uint32_t value = lead & (0xffU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    if (!is_continuation(text[i])) return broken;
    value = value << 6 | (static_cast<unsigned char>(text[i]) & 0x3fU);
  }
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  if (value < kSmallest[size] || value > 0x10ffff || surrogate) return broken;
  return {value, size, true};
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const CodePoint point = first_code_point(text);
    if (!point.valid) return false;
    text.remove_prefix(point.size);
  }
  return true;
}

void append_utf8(std::string& out, std::uint32_t point) {
  const auto put = [&out](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xc0 | point >> 6);
    put(0x80 | (point & 0x3f));
  } else if (point < 0x10000) {
    put(0xe0 | point >> 12);
    put(0x80 | (point >> 6 & 0x3f));
    put(0x80 | (point & 0x3f));
  } else {
    put(0xf0 | point >> 18);
    put(0x80 | (point >> 12 & 0x3f));
    put(0x80 | (point >> 6 & 0x3f));
    put(0x80 | (point & 0x3f));
  }
}

std::string lower_ascii(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = lower_ascii(c);
  return out;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, {}, [](char c) { return lower_ascii(c); }, [](char c) { return lower_ascii(c); });
}

std::string_view trimmed(std::string_view text, std::string_view blanks) {
  const std::size_t begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

std::string percent_decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 &&
        hex_digit(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_digit(text[i + 1]) << 4 | hex_digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string percent_encode(std::string_view text, std::string_view plain) {
  constexpr std::string_view kUnreserved = "-._~", kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool stays = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       kUnreserved.find(c) != kUnreserved.npos || plain.find(c) != plain.npos;
    const auto byte = static_cast<unsigned char>(c);
    out += stays ? std::string(1, c) : std::string{'%', kHex[byte >> 4], kHex[byte & 15]};
  }
  return out;
}

std::string printable(std::string_view text, std::size_t limit) {
  std::string out;
  while (!text.empty()) {
    const CodePoint point = first_code_point(text);
    std::string shown(text.substr(0, point.size));
    if (!point.valid) {
      shown = escape_byte(point.value);
    } else if (is_treacherous(point.value)) {
      shown = escape(point.value);
    }
    if (out.size() + shown.size() > limit) return out + "…";
    out += shown;
    text.remove_prefix(point.size);
  }
  return out;
}

std::string ascii_line(std::string_view text, std::size_t limit) {
  std::string out;
  while (!text.empty()) {
    const CodePoint point = first_code_point(text);
    const char first = text.front();
    std::string piece(1, first);
    if (!point.valid) {
      piece = escape_byte(point.value);
    } else if (kBlanks.find(first) != kBlanks.npos) {
      piece = " ";
    } else if (point.value < 0x20 || point.value >= 0x7f) {
      std::array<char, 16> buffer{};
      std::snprintf(buffer.data(), buffer.size(), "\\u{%x}", point.value);
      piece = buffer.data();
    }
    if (out.size() + piece.size() > limit) {
      while (out.size() + 3 > limit) out.pop_back();
      return out + "...";
    }
    out += piece;
    text.remove_prefix(point.size);
  }
  return out;
}

std::string header_safe(std::string_view text, std::size_t limit) {
  std::string out(text.substr(0, limit));
  for (char& c : out) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) c = ' ';
    if (byte >= 0x80) c = '?';
  }
  return out;
}

std::string html_escape(std::string_view text) {
  std::string out;
  for (const char c : printable(text, 100'000)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string harmless_json(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  while (!json.empty()) {
    const CodePoint point = first_code_point(json);
    if (!point.valid) {
      out += "\\ufffd";
    } else if (is_treacherous(point.value)) {
      out += escape(point.value);
    } else {
      out += json.substr(0, point.size);
    }
    json.remove_prefix(point.size);
  }
  return out;
}

}  // namespace npmgate
