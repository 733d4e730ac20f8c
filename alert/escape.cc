#include "alert/escape.h"

#include <algorithm>
#include <cstdint>
#include <span>

#include "base/digest.h"
#include "base/log.h"

namespace npmgate {
namespace {

constexpr std::string_view kZeroWidthSpace = "\xE2\x80\x8B";
// RFC 2047, 2: an encoded word has at most 75 characters; 45 bytes are 60 of base64.
constexpr std::size_t kWordBytes = 45;

std::size_t longest_run(std::string_view text, char wanted) {
  std::size_t longest = 0, run = 0;
  for (const char c : text) {
    run = c == wanted ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  return longest;
}

std::string base64(std::string_view text) {
  return base64_encode(std::span(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
}

// The longest prefix of at most kWordBytes that does not cut a UTF-8 sequence.
std::size_t word_length(std::string_view text) {
  std::size_t length = std::min(text.size(), kWordBytes);
  while (length < text.size() && length > 0 &&
         (static_cast<unsigned char>(text[length]) & 0xc0) == 0x80)
    --length;
  return length == 0 ? std::min(text.size(), kWordBytes) : length;
}

}  // namespace

std::string one_line(std::string_view text, std::size_t limit) {
  return log::printable(text, limit);
}

std::string slack_escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
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
      case '*':
      case '_':
      case '~':
      case '`':
      case '@':
      case ':':
        out += c;
        out += kZeroWidthSpace;
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string markdown_escape(std::string_view text) {
  constexpr std::string_view kPunctuation = "!\"$%&'()*+,-./:;=?[\\]^_`{|}~";
  std::string out;
  for (const char c : text) {
    if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '@') {
      out += "&#64;";
    } else if (c == '#') {
      out += "&#35;";
    } else if (c == '&') {
      out += "&amp;";
    } else {
      if (kPunctuation.find(c) != std::string_view::npos) out += '\\';
      out += c;
    }
  }
  return out;
}

std::string code_span(std::string_view text) {
  const std::string line = one_line(text);
  const std::string ticks(longest_run(line, '`') + 1, '`');
  const bool pad = line.empty() || line.front() == '`' || line.back() == '`';
  return ticks + (pad ? " " : "") + line + (pad ? " " : "") + ticks;
}

std::string code_block(std::string_view text, std::string_view language) {
  std::string body;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    body += log::printable(text.substr(0, end), 2000) + "\n";
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  const std::string fence(std::max<std::size_t>(3, longest_run(body, '`') + 1), '`');
  return fence + std::string(language) + "\n" + body + fence + "\n";
}

std::string mail_header(std::string_view text) {
  std::string line = one_line(text, 800);
  const bool plain =
      std::all_of(line.begin(), line.end(), [](unsigned char c) { return c >= 0x20 && c < 0x7f; });
  // "=?" would be read as the beginning of an encoded word.
  if (plain && line.find("=?") == std::string::npos) return line;
  std::string out;
  for (std::string_view rest = line; !rest.empty();) {
    const std::size_t length = word_length(rest);
    if (!out.empty()) out += "\r\n ";
    out += "=?UTF-8?B?" + base64(rest.substr(0, length)) + "?=";
    rest.remove_prefix(length);
  }
  return out;
}

}  // namespace npmgate
