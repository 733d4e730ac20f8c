#include "app/report/text_writer.h"

#include <sys/ioctl.h>
#include <unistd.h>
#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "base/log.h"

namespace npmgate {
namespace {

// Longest foreign text that one entry shows; --json has all of it.
constexpr std::size_t kMaxText = 2000;
constexpr std::size_t kLeastRoom = 20;

struct Glyph {
  std::size_t bytes = 1, columns = 1;
};

Glyph glyph_at(std::string_view text) {
  utf8proc_int32_t point = 0;
  const auto length = utf8proc_iterate(
      reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
      static_cast<utf8proc_ssize_t>(std::min<std::size_t>(text.size(), 4)), &point);
  if (length <= 0) return {};
  return {static_cast<std::size_t>(length),
          static_cast<std::size_t>(std::max(0, utf8proc_charwidth(point)))};
}

// Bytes of the longest beginning of `text` that fits, broken at the last blank if there is one.
std::size_t break_at(std::string_view text, std::size_t columns) {
  std::size_t bytes = 0, used = 0, blank = 0;
  while (bytes < text.size()) {
    const Glyph glyph = glyph_at(text.substr(bytes));
    if (used + glyph.columns > columns) return blank > 0 ? blank : std::max<std::size_t>(bytes, 1);
    if (text[bytes] == ' ') blank = bytes;
    used += glyph.columns;
    bytes += glyph.bytes;
  }
  return bytes;
}

}  // namespace

Paint paint_of(Action action) {
  return action == Action::kAllow  ? Paint::kGreen
         : action == Action::kWarn ? Paint::kYellow
                                   : Paint::kAlarm;
}

std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    const Glyph glyph = glyph_at(text);
    columns += glyph.columns;
    text.remove_prefix(glyph.bytes);
  }
  return columns;
}

std::string cut_to(std::string_view text, std::size_t columns) {
  if (columns == 0 || columns_of(text) <= columns) return std::string(text);
  std::size_t bytes = 0, used = 0;
  while (bytes < text.size()) {
    const Glyph glyph = glyph_at(text.substr(bytes));
    if (used + glyph.columns + 1 > columns) break;
    used += glyph.columns;
    bytes += glyph.bytes;
  }
  return std::string(text.substr(0, bytes)) + "…";
}

std::size_t terminal_width() {
  if (isatty(STDOUT_FILENO) != 1) return 0;
  if (const char* columns = std::getenv("COLUMNS"); columns != nullptr) {
    if (const long value = std::strtol(columns, nullptr, 10); value >= 40 && value <= 1000)
      return static_cast<std::size_t>(value);
  }
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40) return size.ws_col;
  return 80;
}

std::string TextWriter::paint(Paint paint, std::string_view text) const {
  constexpr const char* kCodes[] = {"", "1", "2", "31", "32", "33", "36", "1;31"};
  if (!colour_ || paint == Paint::kPlain) return std::string(text);
  return "\x1b[" + std::string(kCodes[static_cast<std::size_t>(paint)]) + "m" + std::string(text) +
         "\x1b[0m";
}

void TextWriter::line(std::string_view text) {
  out_ += text;
  out_ += '\n';
}

std::size_t TextWriter::room(std::size_t indent) const {
  if (width_ == 0) return 0;
  return width_ > indent + kLeastRoom ? width_ - indent : kLeastRoom;
}

void TextWriter::cut(std::size_t indent, Paint how, std::string_view text) {
  const std::string safe = log::printable(text, kMaxText);
  line(std::string(indent, ' ') + paint(how, cut_to(safe, room(indent))));
}

void TextWriter::wrap(std::size_t indent, std::string_view first, Paint first_paint,
                      std::string_view text, Paint how) {
  const std::string safe = log::printable(text, kMaxText);
  std::string_view rest = safe;
  const std::size_t width = room(indent);
  std::string lead = paint(first_paint, first);
  lead += std::string(indent > columns_of(first) ? indent - columns_of(first) : 0, ' ');
  do {
    const std::size_t bytes = width == 0 ? rest.size() : break_at(rest, width);
    line(lead + paint(how, rest.substr(0, bytes)));
    rest.remove_prefix(bytes);
    while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
    lead = std::string(indent, ' ');
  } while (!rest.empty());
}

}  // namespace npmgate
