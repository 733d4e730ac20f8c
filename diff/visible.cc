#include "diff/visible.h"

#include <cstdio>

#include "base/text.h"

namespace npmgate {
namespace {

bool is_latin(std::uint32_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// Blocks of the Unicode character database whose letters look like Latin ones.
bool looks_alike(std::uint32_t c) {
  return (c >= 0x370 && c <= 0x58F) ||      // Greek, Cyrillic, Armenian
         (c >= 0x1D400 && c <= 0x1D7FF) ||  // mathematical letters
         (c >= 0xFF21 && c <= 0xFF5A);      // full-width Latin
}

bool in_word(const CodePoint& point) {
  const std::uint32_t c = point.value;
  return point.valid &&
         (is_latin(c) || (c >= '0' && c <= '9') || c == '_' || c == '$' || c >= 0x80);
}

// Bytes of the word at the front of `text`; 0 if there is none.
std::size_t word_size(std::string_view text, bool& mixed) {
  bool latin = false, alike = false;
  std::size_t size = 0;
  while (size < text.size()) {
    const CodePoint point = first_code_point(text.substr(size));
    if (!in_word(point)) break;
    latin = latin || is_latin(point.value);
    alike = alike || looks_alike(point.value);
    size += point.size;
  }
  mixed = latin && alike;
  return size;
}

void append_mixed(std::string_view word, std::string& out) {
  while (!word.empty()) {
    const CodePoint point = first_code_point(word);
    if (looks_alike(point.value)) {
      char escaped[16];
      std::snprintf(escaped, sizeof escaped, "\\u%04X", point.value);
      out += escaped;
    } else {
      out += word.substr(0, point.size);
    }
    word.remove_prefix(point.size);
  }
}

}  // namespace

std::string visible_code(std::string_view line, std::size_t limit) {
  std::string out;
  while (!line.empty()) {
    bool mixed = false;
    const std::size_t size = word_size(line, mixed);
    if (size == 0) {
      const std::size_t one = first_code_point(line).size;
      out += line.front() == '\t' ? std::string_view("    ") : line.substr(0, one);
      line.remove_prefix(one);
      continue;
    }
    if (mixed) {
      append_mixed(line.substr(0, size), out);
    } else {
      out += line.substr(0, size);
    }
    line.remove_prefix(size);
  }
  return printable(out, limit);
}

}  // namespace npmgate
