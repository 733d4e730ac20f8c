#include "inspect/code/hidden_text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <utility>
#include <vector>

#include "base/text.h"

namespace npmgate {
namespace {

constexpr std::size_t kWindow = 1500;
constexpr std::size_t kLook = 50;          // bytes between looks at a window's entropy
constexpr std::size_t kShortestRun = 100;  // blanks; code is not indented that far
constexpr std::size_t kOddWindow = 64;
constexpr std::size_t kEncodedLiteral = 64;

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

// Blanks of which none is in a comment: the rest of the line has to look like code.
bool is_code(std::string_view rest) {
  if (rest.starts_with("//") || rest.starts_with("/*") || rest.starts_with('*') ||
      rest.starts_with('#'))
    return false;
  return rest.find('(') != rest.npos && rest.find_first_of(";=),") != rest.npos;
}

std::uint32_t blanks_in(std::string_view line) {
  std::uint32_t most = 0;
  for (std::size_t at = kShortestRun - 1; at < line.size();) {
    if (!is_blank(line[at])) {
      at += kShortestRun;
      continue;
    }
    std::size_t begin = at, end = at;
    while (begin > 0 && is_blank(line[begin - 1])) --begin;
    while (end < line.size() && is_blank(line[end])) ++end;
    if (end - begin >= kShortestRun && is_code(line.substr(end)))
      most = std::max(most, static_cast<std::uint32_t>(end - begin));
    at = end + kShortestRun;
  }
  return most;
}

// The line with every blank of Unicode as one ' '.
std::string with_plain_blanks(std::string_view line) {
  std::string out;
  for (std::size_t i = 0; i < line.size();) {
    if ((line[i] & 0x80) == 0) {
      out += line[i++];
      continue;
    }
    const CodePoint point = first_code_point(line.substr(i, 4));
    const auto c = point.value;
    const bool blank = c == 0xA0 || (c >= 0x2000 && c <= 0x200A) || c == 0x202F || c == 0x205F ||
                       c == 0x3000 || c == 0xFEFF;
    if (blank)
      out += ' ';
    else
      out += line.substr(i, point.size);
    i += point.size;
  }
  return out;
}

std::uint32_t hidden_blanks(std::string_view text) {
  std::uint32_t most = 0;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, end);
    if (end > kShortestRun) most = std::max(most, blanks_in(line));
    // One such blank has two bytes at least.
    if (end > 2 * kShortestRun &&
        std::any_of(line.begin(), line.end(), [](char c) { return (c & 0x80) != 0; }))
      most = std::max(most, blanks_in(with_plain_blanks(line)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return most;
}

// Counts of byte pairs in a window that moves over the text, and the sum of n * log2(n) over them.
class PairWindow {
 public:
  PairWindow() : counts_(65536) {
    for (std::size_t n = 1; n < weights_.size(); ++n)
      weights_[n] = static_cast<double>(n) * std::log2(static_cast<double>(n));
  }

  void push(unsigned char byte) {
    if (filled_ > 0) {
      const std::uint16_t pair = static_cast<std::uint16_t>(last_ << 8 | byte);
      if (pairs_ == kWindow - 1) {
        change(ring_[next_], -1);
      } else {
        ++pairs_;
      }
      ring_[next_] = pair;
      next_ = (next_ + 1) % (kWindow - 1);
      change(pair, 1);
    }
    last_ = byte;
    ++filled_;
    if (pairs_ == kWindow - 1 && filled_ % kLook == 0) worst_ = std::max(worst_, entropy());
  }
  double worst() const { return worst_; }

 private:
  void change(std::uint16_t pair, int by) {
    auto& count = counts_[pair];
    sum_ -= weights_[count];
    count = static_cast<std::uint16_t>(count + by);
    sum_ += weights_[count];
  }
  double entropy() const {
    const auto total = static_cast<double>(pairs_);
    return std::log2(total) - sum_ / total;
  }

  std::vector<std::uint16_t> counts_;
  std::array<std::uint16_t, kWindow - 1> ring_{};
  std::array<double, kWindow + 1> weights_{};
  std::size_t next_ = 0, pairs_ = 0, filled_ = 0;
  unsigned last_ = 0;
  double sum_ = 0, worst_ = 0;
};

// A literal without blanks that is longer than any word: data, which has measures of its own.
bool is_data(std::string_view literal) {
  return literal.size() >= kEncodedLiteral &&
         literal.find_first_of(" \n(){};") == std::string_view::npos;
}

std::uint32_t worst_entropy(const PlainCode& plain) {
  if (plain.text.size() < kWindow) return 0;
  PairWindow window;
  const std::string_view text = plain.text;
  std::size_t at = 0;
  const auto read = [&](std::size_t end) {
    for (; at < end; ++at) window.push(static_cast<unsigned char>(text[at]));
  };
  for (const auto& literal : plain.literals) {
    if (literal.begin < at || !is_data(text.substr(literal.begin, literal.size))) continue;
    read(literal.begin);
    at = literal.begin + literal.size;
  }
  read(text.size());
  return static_cast<std::uint32_t>(std::lround(window.worst() * 100));
}

// The code point at the start, 0 for a byte that is no UTF-8; and its length.
std::pair<std::uint32_t, std::size_t> code_point(std::string_view text) {
  const CodePoint point = first_code_point(text);
  return {point.valid ? point.value : 0, point.size};
}

// Private use areas (Unicode 15, chapter 23.5).
bool is_private(std::uint32_t point) {
  return (point >= 0xE000 && point <= 0xF8FF) || point >= 0xF0000;
}
// Emoji are joined and given their colour by invisible characters.
bool is_symbol(std::uint32_t point) {
  return (point >= 0x203C && point <= 0x3299) || (point >= 0x1F000 && point <= 0x1FAFF);
}
// Letters of other scripts that look like Latin ones (Unicode TR 39, confusables.txt).
bool looks_latin(std::uint32_t point) {
  constexpr std::uint32_t kPoints[] = {
      0x391, 0x392, 0x395, 0x396, 0x397, 0x399, 0x39A, 0x39C, 0x39D, 0x39F, 0x3A1, 0x3A4,
      0x3A7, 0x3B1, 0x3B9, 0x3BD, 0x3BF, 0x3C1, 0x405, 0x406, 0x408, 0x410, 0x412, 0x415,
      0x41A, 0x41C, 0x41D, 0x41E, 0x420, 0x421, 0x422, 0x425, 0x430, 0x435, 0x43E, 0x440,
      0x441, 0x443, 0x445, 0x455, 0x456, 0x458, 0x4BB, 0x501, 0x51B, 0x51D};
  return std::binary_search(std::begin(kPoints), std::end(kPoints), point);
}

std::uint32_t odd_density(std::string_view text) {
  std::array<bool, kOddWindow> ring{};
  std::size_t next = 0, inside = 0, most = 0;
  std::uint32_t before = 0;
  for (std::size_t i = 0; i < text.size();) {
    const auto [point, length] = code_point(text.substr(i, 4));
    i += length;
    const bool joins = is_symbol(before) && (point == 0xFE0F || point == 0xFE0E || point == 0x200D);
    const bool odd = point >= 0x80 && !joins && (is_invisible(point) || is_private(point));
    if (!joins) before = point;
    inside = inside - ring[next] + odd;
    ring[next] = odd;
    next = (next + 1) % kOddWindow;
    most = std::max(most, inside);
  }
  return static_cast<std::uint32_t>(most);
}

bool is_ascii_letter(std::uint32_t point) {
  return (point >= 'a' && point <= 'z') || (point >= 'A' && point <= 'Z');
}

std::uint32_t mixed_names(const PlainCode& plain) {
  constexpr std::size_t kShortestName = 4;
  std::uint32_t names = 0;
  std::size_t letters = 0, latin = 0, alike = 0, literal = 0;
  const auto finish = [&] {
    names += letters >= kShortestName && latin > 0 && alike > 0;
    letters = latin = alike = 0;
  };
  const std::string_view text = plain.text;
  for (std::size_t i = 0; i < text.size();) {
    if (literal < plain.literals.size() && plain.literals[literal].begin <= i) {
      finish();
      i = std::max(i, std::size_t{plain.literals[literal].begin} + plain.literals[literal].size);
      ++literal;
      continue;
    }
    const auto [point, length] = code_point(text.substr(i, 4));
    i += length;
    const bool one = is_ascii_letter(point), other = looks_latin(point);
    if (!one && !other) {
      finish();
      continue;
    }
    ++letters;
    latin += one;
    alike += other;
  }
  finish();
  return names;
}

std::uint32_t symbol_run(const PlainCode& plain) {
  std::size_t run = 0, most = 0, literal = 0;
  const std::string_view text = plain.text;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (literal < plain.literals.size() && plain.literals[literal].begin <= i) {
      i = std::max(i, std::size_t{plain.literals[literal].begin} + plain.literals[literal].size);
      ++literal;
      run = 0;
      continue;
    }
    const auto c = static_cast<unsigned char>(text[i]);
    const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c <= ' ' || c == ',' || c >= 0x80;
    run = word ? 0 : run + 1;
    most = std::max(most, run);
  }
  return most < kShortestRun ? 0 : static_cast<std::uint32_t>(most);
}

bool has_wide_bytes(std::string_view text) {
  constexpr std::size_t kFewest = 16;
  std::size_t wide = 0;
  for (const char c : text) wide += static_cast<unsigned char>(c) >= 0xC0;
  return wide >= kFewest;
}

}  // namespace

bool is_invisible(std::uint32_t point) {
  return (point >= 0x200B && point <= 0x200F) || (point >= 0x202A && point <= 0x202E) ||
         (point >= 0x2060 && point <= 0x206F) || (point >= 0xFE00 && point <= 0xFE0F) ||
         (point >= 0xE0000 && point <= 0xE0FFF) || point == 0xFEFF || point == 0x00AD ||
         point == 0x180E || point == 0x115F || point == 0x1160 || point == 0x3164 ||
         point == 0xFFA0;
}

HiddenText measure_hidden(std::string_view text, const PlainCode& plain) {
  HiddenText out;
  out.blanks = hidden_blanks(text);
  out.symbol_run = symbol_run(plain);
  out.bigram_entropy = worst_entropy(plain);
  if (has_wide_bytes(text)) out.odd_density = odd_density(text);
  if (std::any_of(text.begin(), text.end(), [](char c) { return (c & 0x80) != 0; }))
    out.mixed_names = mixed_names(plain);
  return out;
}

std::string_view data_kind(std::string_view base64) {
  // The magic numbers of the formats, in base64.
  constexpr std::pair<std::string_view, std::string_view> kHeads[] = {
      {"iVBORw0KGgo", "png"},   {"/9j/", "jpeg"},    {"R0lGODlh", "gif"},
      {"R0lGODdh", "gif"},      {"UklGR", "riff"},   {"AGFzbQEAAAA", "wasm"},
      {"d09GMg", "woff2"},      {"d09GRg", "woff"},  {"AAEAAAA", "truetype"},
      {"T1RUTw", "opentype"},   {"JVBERi0", "pdf"},  {"UEsDBBQ", "zip"},
      {"PHN2Zy", "svg"},        {"PD94bWwg", "xml"}, {"eyJ2ZXJzaW9uIjoz", "source map"},
      {"SUQz", "mp3"},          {"T2dnUw", "ogg"},   {"AAABAA", "icon"},
      {"0M8R4KGxGuE", "office"}};
  for (const auto& [head, kind] : kHeads)
    if (base64.starts_with(head)) return kind;
  return {};
}

}  // namespace npmgate
