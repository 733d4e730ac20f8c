#include "registry/json_scan.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#if defined(__SSE2__)
#include <emmintrin.h>

#include "base/hex.h"
#include "base/text.h"
#endif

namespace npmgate::json {
namespace {

// What a byte means to the structure of JSON outside of strings.
enum class ByteKind : std::uint8_t { kOther, kQuote, kOpen, kClose, kEndOfScalar };

constexpr std::array<ByteKind, 256> make_kinds() {
  std::array<ByteKind, 256> kinds{};
  kinds['"'] = ByteKind::kQuote;
  kinds['{'] = kinds['['] = ByteKind::kOpen;
  kinds['}'] = kinds[']'] = ByteKind::kClose;
  for (char c : {',', ':', ' ', '\t', '\n', '\r'}) {
    kinds[static_cast<unsigned char>(c)] = ByteKind::kEndOfScalar;
  }
  return kinds;
}
constexpr std::array<ByteKind, 256> kKinds = make_kinds();

ByteKind kind_of(char c) {
  return kKinds[static_cast<unsigned char>(c)];
}

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// `position` at the opening quote; the offset behind the closing one.
std::size_t skip_string(std::string_view text, std::size_t position) {
  const char* data = text.data();
  const std::size_t size = text.size();
  for (std::size_t i = position + 1; i < size; ++i) {
    if (data[i] == '"') return i + 1;
    if (data[i] == '\\') ++i;
  }
  return kBroken;
}

// Which of 64 bytes are what, one bit each, first byte lowest.
struct Block {
  std::uint64_t quotes = 0, backslashes = 0, opens = 0, closes = 0;
};
constexpr std::size_t kBlockSize = 64;

#if defined(__SSE2__)
Block classify(const char* data) {
  Block block;
  const auto equal = [](__m128i bytes, char c) {
    const int mask = _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(c)));
    return static_cast<std::uint64_t>(static_cast<unsigned>(mask));
  };
  for (unsigned shift = 0; shift < kBlockSize; shift += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(data + shift));
    // '[' and '{' differ in the bit of 0x20 only, and so do their partners.
    const __m128i folded = _mm_or_si128(bytes, _mm_set1_epi8(0x20));
    block.quotes |= equal(bytes, '"') << shift;
    block.backslashes |= equal(bytes, '\\') << shift;
    block.opens |= equal(folded, '{') << shift;
    block.closes |= equal(folded, '}') << shift;
  }
  return block;
}
#else
Block classify(const char* data) {
  Block block;
  for (unsigned i = 0; i < kBlockSize; ++i) {
    const ByteKind kind = kind_of(data[i]);
    block.quotes |= std::uint64_t{kind == ByteKind::kQuote} << i;
    block.backslashes |= std::uint64_t{data[i] == '\\'} << i;
    block.opens |= std::uint64_t{kind == ByteKind::kOpen} << i;
    block.closes |= std::uint64_t{kind == ByteKind::kClose} << i;
  }
  return block;
}
#endif

// Bit i of the result is the parity of bits 0 to i.
std::uint64_t prefix_parity(std::uint64_t bits) {
  for (unsigned shift = 1; shift < kBlockSize; shift *= 2) bits ^= bits << shift;
  return bits;
}

// Follows strings and nesting block by block: 64 bytes cost a few instructions unless the end is
// among them.
class NestingScanner {
 public:
  // The index in the block of the byte that closes the outermost container, or kBlockSize.
  std::size_t feed(const char* data) {
    Block block = classify(data);
    const std::uint64_t quotes = block.quotes & ~escaped_by(block.backslashes);
    const std::uint64_t inside = prefix_parity(quotes) ^ inside_;
    inside_ = inside >> 63 != 0 ? ~std::uint64_t{0} : 0;
    block.opens &= ~inside;
    block.closes &= ~inside;
    const auto closes = static_cast<std::size_t>(std::popcount(block.closes));
    if (depth_ > closes) {
      depth_ += static_cast<std::size_t>(std::popcount(block.opens)) - closes;
      return kBlockSize;
    }
    return find_end(block);
  }

 private:
  // Bytes behind an odd run of backslashes. Runs are rare in manifests: their bits are walked.
  std::uint64_t escaped_by(std::uint64_t backslashes) {
    std::uint64_t escaped = escape_pending_ ? 1 : 0;
    escape_pending_ = false;
    std::uint64_t left = backslashes & ~escaped;
    while (left != 0) {
      const int at = std::countr_zero(left);
      if (at == 63) {
        escape_pending_ = true;
        break;
      }
      escaped |= std::uint64_t{2} << at;
      left &= ~(std::uint64_t{3} << at);
    }
    return escaped;
  }

  std::size_t find_end(const Block& block) {
    for (std::uint64_t left = block.opens | block.closes; left != 0; left &= left - 1) {
      const int at = std::countr_zero(left);
      if ((block.opens >> at & 1) != 0) {
        ++depth_;
      } else if (--depth_ == 0) {
        return static_cast<std::size_t>(at);
      }
    }
    return kBlockSize;
  }

  std::size_t depth_ = 0;
  std::uint64_t inside_ = 0;  // all ones while a string spans the border of two blocks
  bool escape_pending_ = false;
};

// `position` at the opening bracket, so that the depth never falls below one before the end.
std::size_t skip_container(std::string_view text, std::size_t position) {
  NestingScanner scanner;
  for (; position + kBlockSize <= text.size(); position += kBlockSize) {
    const std::size_t end = scanner.feed(text.data() + position);
    if (end < kBlockSize) return position + end + 1;
  }
  std::array<char, kBlockSize> tail{};
  const std::string_view rest = text.substr(position);
  std::copy(rest.begin(), rest.end(), tail.begin());
  const std::size_t end = scanner.feed(tail.data());
  return end < kBlockSize ? position + end + 1 : kBroken;
}

// The code unit of "XXXX" at `position`, or nullopt.
std::optional<std::uint32_t> code_unit(std::string_view text, std::size_t position) {
  if (text.size() < position + 4) return std::nullopt;
  std::uint32_t unit = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const int digit = hex_digit(text[position + i]);
    if (digit < 0) return std::nullopt;
    unit = unit * 16 + static_cast<std::uint32_t>(digit);
  }
  return unit;
}

bool is_high_surrogate(std::uint32_t unit) {
  return unit >= 0xd800 && unit < 0xdc00;
}
bool is_low_surrogate(std::uint32_t unit) {
  return unit >= 0xdc00 && unit < 0xe000;
}

// Decodes the \u escape whose 'u' is at `position`, a pair as one character. Returns the offset
// behind it, or kBroken.
std::size_t decode_unicode(std::string_view body, std::size_t position, std::string& out) {
  const auto first = code_unit(body, position + 1);
  if (!first || is_low_surrogate(*first)) return kBroken;
  position += 5;
  if (!is_high_surrogate(*first)) {
    append_utf8(out, *first);
    return position;
  }
  if (body.substr(position, 2) != "\\u") return kBroken;
  const auto second = code_unit(body, position + 2);
  if (!second || !is_low_surrogate(*second)) return kBroken;
  append_utf8(out, 0x10000 + ((*first - 0xd800) << 10) + (*second - 0xdc00));
  return position + 6;
}

char simple_escape(char c) {
  switch (c) {
    case '"':
    case '\\':
    case '/':
      return c;
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return '\0';
  }
}

void append_escaped(std::string& out, char c) {
  out.append("\\u00");
  append_hex(out, c);
}

std::size_t skip_digits(std::string_view text, std::size_t position) {
  while (position < text.size() && is_digit(text[position])) ++position;
  return position;
}

// RFC 8259, section 6.
bool is_json_number(std::string_view token) {
  std::size_t i = token.starts_with('-') ? 1 : 0;
  const std::size_t integer = i;
  i = skip_digits(token, i);
  if (i == integer || (token[integer] == '0' && i > integer + 1)) return false;
  if (i < token.size() && token[i] == '.') {
    const std::size_t fraction = i + 1;
    i = skip_digits(token, fraction);
    if (i == fraction) return false;
  }
  if (i < token.size() && (token[i] == 'e' || token[i] == 'E')) {
    ++i;
    if (i < token.size() && (token[i] == '+' || token[i] == '-')) ++i;
    const std::size_t exponent = i;
    i = skip_digits(token, exponent);
    if (i == exponent) return false;
  }
  return i == token.size();
}

// A signed 64-bit integer holds any number of up to 18 digits.
constexpr std::size_t kSafeNumberLength = 18;

bool is_large_number(std::string_view token) {
  const bool exponent = token.find_first_of("eE") != std::string_view::npos;
  return (exponent || token.size() > kSafeNumberLength) && is_json_number(token);
}

}  // namespace

std::size_t skip_blanks(std::string_view text, std::size_t position) {
  while (position < text.size() && is_blank(text[position])) ++position;
  return position;
}

std::string_view trim(std::string_view text) {
  text.remove_prefix(skip_blanks(text, 0));
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::size_t skip_value(std::string_view text, std::size_t position) {
  if (position >= text.size()) return kBroken;
  switch (kind_of(text[position])) {
    case ByteKind::kQuote:
      return skip_string(text, position);
    case ByteKind::kOpen:
      return skip_container(text, position);
    case ByteKind::kClose:
    case ByteKind::kEndOfScalar:
      return kBroken;
    case ByteKind::kOther:
      break;
  }
  while (position < text.size() && kind_of(text[position]) == ByteKind::kOther) ++position;
  return position;
}

MemberScanner::MemberScanner(std::string_view object) : text_(object) {
  position_ = skip_blanks(text_, 0);
  if (position_ >= text_.size() || text_[position_] != '{') {
    state_ = State::kFailed;
  } else {
    ++position_;
  }
}

bool MemberScanner::broken() {
  state_ = State::kFailed;
  return false;
}

bool MemberScanner::next(Member& member) {
  if (state_ == State::kClosed || state_ == State::kFailed) return false;
  std::size_t at = skip_blanks(text_, position_);
  if (at >= text_.size()) return broken();
  if (text_[at] == '}') {
    position_ = at + 1;
    state_ = State::kClosed;
    return false;
  }
  if (state_ == State::kLater) {
    if (text_[at] != ',') return broken();
    at = skip_blanks(text_, at + 1);
  }
  if (at >= text_.size() || text_[at] != '"') return broken();
  const std::size_t key_end = skip_string(text_, at);
  if (key_end == kBroken) return broken();
  const std::size_t colon = skip_blanks(text_, key_end);
  if (colon >= text_.size() || text_[colon] != ':') return broken();
  const std::size_t value = skip_blanks(text_, colon + 1);
  const std::size_t end = skip_value(text_, value);
  if (end == kBroken) return broken();
  member.key = text_.substr(at + 1, key_end - at - 2);
  member.value = text_.substr(value, end - value);
  member.begin = at;
  member.end = end;
  position_ = end;
  state_ = State::kLater;
  return true;
}

std::optional<std::string> decode_string(std::string_view body) {
  std::string out;
  out.reserve(body.size());
  for (std::size_t i = 0; i < body.size();) {
    const char c = body[i];
    if (static_cast<unsigned char>(c) < 0x20 || c == '"') return std::nullopt;
    if (c != '\\') {
      out.push_back(c);
      ++i;
      continue;
    }
    if (++i >= body.size()) return std::nullopt;
    if (body[i] == 'u') {
      i = decode_unicode(body, i, out);
      if (i == kBroken) return std::nullopt;
      continue;
    }
    const char plain = simple_escape(body[i]);
    if (plain == '\0') return std::nullopt;
    out.push_back(plain);
    ++i;
  }
  return out;
}

bool key_is(std::string_view body, std::string_view plain) {
  if (body == plain) return true;
  // Escapes only lengthen, by at most a factor of six.
  if (body.size() <= plain.size() || body.size() > 6 * plain.size()) return false;
  if (body.find('\\') == std::string_view::npos) return false;
  const auto decoded = decode_string(body);
  return decoded && *decoded == plain;
}

bool has_lone_surrogate(std::string_view text) {
  for (std::size_t i = text.find('\\'); i != std::string_view::npos; i = text.find('\\', i)) {
    if (i + 1 >= text.size()) return false;
    const auto unit = text[i + 1] == 'u' ? code_unit(text, i + 2) : std::nullopt;
    if (!unit) {
      i += 2;
      continue;
    }
    if (is_low_surrogate(*unit)) return true;
    i += 6;
    if (!is_high_surrogate(*unit)) continue;
    const auto second = text.substr(i, 2) == "\\u" ? code_unit(text, i + 2) : std::nullopt;
    if (!second || !is_low_surrogate(*second)) return true;
    i += 6;
  }
  return false;
}

void append_string(std::string& out, std::string_view text) {
  out.push_back('"');
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    const CodePoint point = first_code_point(text.substr(i));
    if (!point.valid) {
      out.append("\xef\xbf\xbd");
      ++i;
      continue;
    }
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      append_escaped(out, c);
    } else {
      out.append(text.substr(i, point.size));
    }
    i += point.size;
  }
  out.push_back('"');
}

std::string replace_large_numbers(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t start = i;
    if (text[i] == '"') {
      i = skip_string(text, i);
      if (i == kBroken) i = text.size();
      out.append(text.substr(start, i - start));
      continue;
    }
    if (kind_of(text[i]) != ByteKind::kOther) {
      out.push_back(text[i++]);
      continue;
    }
    while (i < text.size() && kind_of(text[i]) == ByteKind::kOther) ++i;
    const std::string_view token = text.substr(start, i - start);
    out.append(is_large_number(token) ? std::string_view("-1") : token);
  }
  return out;
}

}  // namespace npmgate::json
