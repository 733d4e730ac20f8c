#include "inspect/code/script_lexer.h"

#include <algorithm>
#include <cstring>

#include "base/text.h"

namespace npmgate {
namespace {

enum class Byte : std::uint8_t {
  kOther,
  kWord,
  kBlank,
  kNewline,
  kQuote,
  kTick,
  kSlash,
  kOpen,
  kClose,
  kBackslash,
  kDash,
  kLess
};

constexpr std::array<Byte, 256> kByteClass = [] {
  std::array<Byte, 256> table{};
  for (unsigned c = 0; c < 256; ++c)
    if (is_word_byte(static_cast<unsigned char>(c)) || c == '#') table[c] = Byte::kWord;
  for (const char c : {' ', '\t', '\v', '\f'}) table[static_cast<unsigned char>(c)] = Byte::kBlank;
  table['\n'] = table['\r'] = Byte::kNewline;
  table['"'] = table['\''] = Byte::kQuote;
  table['`'] = Byte::kTick;
  table['/'] = Byte::kSlash;
  table['('] = table['['] = table['{'] = Byte::kOpen;
  table[')'] = table[']'] = table['}'] = Byte::kClose;
  table['\\'] = Byte::kBackslash;
  table['-'] = Byte::kDash;
  table['<'] = Byte::kLess;
  return table;
}();

// Newlines, and the first byte of U+2028 and U+2029.
constexpr std::array<bool, 256> kEndsLine = [] {
  std::array<bool, 256> table{};
  table['\n'] = table['\r'] = table[0xE2] = true;
  return table;
}();

Byte byte_class(char c) {
  return kByteClass[static_cast<unsigned char>(c)];
}

// What an open bracket was, for the question whether a '/' behind its end divides or starts a
// regular expression.
enum class Frame : std::uint8_t {
  kParen,
  kControlParen,  // of if, while, for, with: an expression follows
  kUnsureParen,   // behind await, which is a name in scripts and the loop's word in `for await`
  kBracket,
  kBlock,   // surely statements
  kUnsure,  // an object, a class or function body: code has no reason to go on with '/'
  kTemplate,
};

// Reserved words that an expression follows (ECMA-262, 12.7.2): never names, so '/' behind them
// starts a regular expression.
constexpr std::string_view kBeforeExpression[] = {
    "return",     "typeof", "case",  "in",      "delete",  "void",  "do",       "else",
    "instanceof", "new",    "throw", "default", "extends", "break", "continue", "debugger"};
// Names in some contexts, operators in others.
constexpr std::string_view kContextual[] = {"of",    "yield", "await", "let",
                                            "async", "get",   "set",   "static"};
constexpr std::string_view kControl[] = {"if", "while", "for", "with"};
constexpr std::string_view kBeforeBlock[] = {"else", "do", "try", "finally"};

class ScriptLexer {
 public:
  ScriptLexer(std::string_view in, PlainCode& out, bool rough) : in_(in), out_(out), rough_(rough) {
    out_.text.resize(in.size() + 2);
    buffer_ = out_.text.data();
  }

  bool run() {
    if (in_.starts_with("#!") && !rough_) skip_line();
    bool understood = true;
    while (understood && at_ < in_.size()) understood = step();
    out_.text.resize(size_);
    return understood && frames_.empty();
  }

 private:
  bool step() {
    const char c = in_[at_];
    switch (byte_class(c)) {
      case Byte::kWord:
        word();
        return true;
      case Byte::kNewline:
        on_line_ = false;
        ++at_;
        [[fallthrough]];
      case Byte::kBlank:
        blanks();
        return true;
      case Byte::kQuote:
        return literal(c);
      case Byte::kTick:
        if (rough_) break;
        begin_token();
        frames_.push_back(Frame::kTemplate);
        put(c), ++at_;
        return template_text();
      case Byte::kSlash:
        return rough_ ? punctuation() : slash();
      case Byte::kOpen:
        return rough_ ? punctuation() : open(c);
      case Byte::kClose:
        return close(c);
      case Byte::kBackslash:
        escaped_name();
        return true;
      case Byte::kDash:  // Annex B.1.1: a comment in scripts, an operator in modules
        if (!rough_ && !on_line_ && in_.substr(at_).starts_with("-->")) return false;
        break;
      case Byte::kLess:
        if (!rough_ && in_.substr(at_).starts_with("<!--")) return false;
        break;
      case Byte::kOther:
        break;
    }
    return punctuation();
  }

  char last() const { return size_ == 0 ? '\0' : buffer_[size_ - 1]; }
  void put(char c) { buffer_[size_++] = c; }
  bool ends_value() const { return value_end_ == size_ && size_ != 0; }
  void begin_token() {
    gap_ = false;
    on_line_ = true;
  }

  // Bytes of white space beyond ASCII at `at` (ECMA-262, 12.2 and 12.3: U+FEFF and the category Zs,
  // U+2028, U+2029); 0 if there is none.
  static std::size_t wide_blank(std::string_view text, std::size_t at) {
    const auto byte = [&](std::size_t i) {
      return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0u;
    };
    switch (byte(0)) {
      case 0xC2:
        return byte(1) == 0xA0 ? 2 : 0;
      case 0xE1:
        return byte(1) == 0x9A && byte(2) == 0x80 ? 3 : 0;
      case 0xE2:
        if (byte(1) == 0x80)
          return (byte(2) >= 0x80 && byte(2) <= 0x8A) || byte(2) == 0xA8 || byte(2) == 0xA9 ||
                         byte(2) == 0xAF
                     ? 3
                     : 0;
        return byte(1) == 0x81 && byte(2) == 0x9F ? 3 : 0;
      case 0xE3:
        return byte(1) == 0x80 && byte(2) == 0x80 ? 3 : 0;
      case 0xEF:
        return byte(1) == 0xBB && byte(2) == 0xBF ? 3 : 0;
      default:
        return 0;
    }
  }

  // Stores through char* may change any member, so the loops over bytes work on locals.
  void word() {
    if (const auto wide = wide_blank(in_, at_); wide > 0) {
      gap_ = true;
      // U+2028 and U+2029 end a line.
      if (wide == 3 && in_[at_ + 1] == '\x80' && (in_[at_ + 2] == '\xA8' || in_[at_ + 2] == '\xA9'))
        on_line_ = false;
      at_ += wide;
      return;
    }
    if (gap_ && size_ != 0 && byte_class(last()) == Byte::kWord) put(' ');
    begin_token();
    const auto rest = in_.substr(at_);
    char* const to = buffer_ + size_;
    std::size_t n = 0;
    for (; n < rest.size() && byte_class(rest[n]) == Byte::kWord; ++n) {
      const bool ascii = static_cast<unsigned char>(rest[n]) < 0xC2;
      if (!ascii && wide_blank(rest, n) > 0) break;
      to[n] = rest[n];
    }
    at_ += n;
    size_ += n;
  }

  void blanks() {
    gap_ = true;
    const char* from = in_.data() + at_;
    const char* const end = in_.data() + in_.size();
    while (from != end && byte_class(*from) == Byte::kBlank) ++from;
    at_ = static_cast<std::size_t>(from - in_.data());
  }

  bool punctuation() {
    const char c = in_[at_++];
    if (gap_ && c == last() && (c == '+' || c == '-')) put(' ');
    begin_token();
    put(c);
    return true;
  }

  // `\u0065val(` is eval(.
  void escaped_name() {
    begin_token();
    ++at_;
    if (at_ < in_.size() && in_[at_] == 'u') {
      escape_sequence();
    } else {
      put('\\');
    }
  }

  // The word that the output ends with, "" if it is longer than any keyword.
  std::string_view last_word() const {
    constexpr std::size_t kLongest = 12;
    std::size_t begin = size_;
    while (begin > 0 && size_ - begin <= kLongest && byte_class(buffer_[begin - 1]) == Byte::kWord)
      --begin;
    if (size_ - begin > kLongest) return {};
    return {buffer_ + begin, size_ - begin};
  }
  // Bytes before a word of that length at the end.
  char before_word(std::size_t length) const {
    return size_ > length ? buffer_[size_ - length - 1] : '\0';
  }

  bool slash() {
    const char next = at_ + 1 < in_.size() ? in_[at_ + 1] : '\0';
    if (next == '/') {
      skip_line();
      return true;
    }
    if (next == '*') return block_comment();
    switch (slash_meaning()) {
      case Meaning::kDivision:
        return punctuation();
      case Meaning::kExpression:
        return regular_expression();
      case Meaning::kUnsure:
        break;
    }
    return false;
  }

  void skip_line() {
    gap_ = true;
    for (; at_ < in_.size(); ++at_) {
      while (at_ < in_.size() && !kEndsLine[static_cast<unsigned char>(in_[at_])]) ++at_;
      if (at_ == in_.size()) return;
      const char c = in_[at_];
      if (c == '\n' || c == '\r') return;
      // U+2028 and U+2029 end a line too (ECMA-262, 12.3).
      if (c == '\xE2' && at_ + 2 < in_.size() && in_[at_ + 1] == '\x80' &&
          (in_[at_ + 2] == '\xA8' || in_[at_ + 2] == '\xA9')) {
        at_ += 3;
        on_line_ = false;
        return;
      }
    }
  }

  bool block_comment() {
    const auto end = in_.find("*/", at_ + 2);
    if (end == std::string_view::npos) return false;
    gap_ = true;
    // A comment of several lines ends one (ECMA-262, 12.4), which --> looks for.
    if (in_.substr(at_, end - at_).find_first_of("\n\r\xE2") != std::string_view::npos)
      on_line_ = false;
    at_ = end + 2;
    return true;
  }

  enum class Meaning { kDivision, kExpression, kUnsure };
  Meaning slash_meaning() const {
    if (size_ == 0) return Meaning::kExpression;
    if (ends_value()) return Meaning::kDivision;
    const char c = last();
    if (byte_class(c) == Byte::kWord) return slash_after_word();
    if (c == ']') return Meaning::kDivision;
    if (c == ')')
      return closed_ == Frame::kControlParen  ? Meaning::kExpression
             : closed_ == Frame::kUnsureParen ? Meaning::kUnsure
                                              : Meaning::kDivision;
    if (c == '}') return closed_ == Frame::kBlock ? Meaning::kExpression : Meaning::kUnsure;
    if (c == '.') return Meaning::kUnsure;
    if ((c == '+' || c == '-') && size_ > 1 && buffer_[size_ - 2] == c) return Meaning::kUnsure;
    return Meaning::kExpression;
  }
  Meaning slash_after_word() const {
    const auto word = last_word();
    if (word.empty()) return Meaning::kDivision;
    const bool reserved = one_of(word, kBeforeExpression);
    if (!reserved && !one_of(word, kContextual)) return Meaning::kDivision;
    if (before_word(word.size()) == '.') {
      // Behind "..." or a number's point the word is no member's name.
      const char before = before_word(word.size() + 1);
      const bool number = before >= '0' && before <= '9';
      return before == '.' || number ? Meaning::kUnsure : Meaning::kDivision;
    }
    return reserved ? Meaning::kExpression : Meaning::kUnsure;
  }

  bool regular_expression() {
    begin_token();
    put(in_[at_++]);
    for (bool in_class = false; at_ < in_.size();) {
      const char c = in_[at_];
      if (c == '\n' || c == '\r') return false;
      put(c), ++at_;
      if (c == '\\' && at_ < in_.size() && byte_class(in_[at_]) != Byte::kNewline) {
        put(in_[at_++]);
      } else if (c == '[') {
        in_class = true;
      } else if (c == ']') {
        in_class = false;
      } else if (c == '/' && !in_class) {
        while (at_ < in_.size() && is_word_byte(static_cast<unsigned char>(in_[at_])))
          put(in_[at_++]);
        value_end_ = size_;
        return true;
      }
    }
    return false;
  }

  bool open(char c) {
    auto frame = Frame::kBracket;
    if (c == '(')
      frame = opens_control()          ? Frame::kControlParen
              : last_word() == "await" ? Frame::kUnsureParen
                                       : Frame::kParen;
    if (c == '{') frame = opens_block() ? Frame::kBlock : Frame::kUnsure;
    frames_.push_back(frame);
    return punctuation();
  }
  bool opens_control() const {
    const auto word = last_word();
    return one_of(word, kControl) && before_word(word.size()) != '.';
  }
  bool opens_block() const {
    const char c = last();
    // ${ {} / 1 } holds an expression.
    if (c == '{' && !frames_.empty() && frames_.back() == Frame::kTemplate) return false;
    if (c == '\0' || c == ';' || c == '{' || c == '}') return true;
    if (c == ')') return closed_ == Frame::kControlParen;
    if (c == '>') return size_ > 1 && buffer_[size_ - 2] == '=';
    const auto word = last_word();
    return one_of(word, kBeforeBlock) && before_word(word.size()) != '.';
  }

  bool close(char c) {
    if (c == ']') plain_member();
    if (rough_) return ends_member_ ? skip_bracket() : punctuation();
    if (frames_.empty()) return false;
    closed_ = frames_.back();
    frames_.pop_back();
    const bool paren = closed_ == Frame::kParen || closed_ == Frame::kControlParen ||
                       closed_ == Frame::kUnsureParen;
    const bool bracket = closed_ == Frame::kBracket;
    if (paren != (c == ')') || bracket != (c == ']')) return false;
    if (closed_ != Frame::kTemplate) return ends_member_ ? skip_bracket() : punctuation();
    frames_.push_back(Frame::kTemplate);
    put(c), ++at_;
    return template_text();
  }
  bool skip_bracket() {
    ends_member_ = false;
    ++at_;
    return true;
  }

  // Before the ']' of x['name']: rewrites the output's end to x.name.
  void plain_member() {
    constexpr std::size_t kLongestName = 64;
    if (literal_end_ != size_ || size_ == 0) return;
    const auto begin = literal_begin_;
    if (begin < 3 || buffer_[begin - 2] != '[') return;
    const char owner = buffer_[begin - 3];
    if (byte_class(owner) != Byte::kWord && owner != ')' && owner != ']') return;
    const auto length = size_ - 1 - begin;
    if (length == 0 || length > kLongestName) return;
    const std::string_view name(buffer_ + begin, length);
    if (!std::all_of(name.begin(), name.end(),
                     [](char c) { return is_word_byte(static_cast<unsigned char>(c)); }))
      return;
    if (!out_.literals.empty() && out_.literals.back().begin == begin) out_.literals.pop_back();
    size_ = begin - 2;
    put('.');
    std::memmove(buffer_ + size_, buffer_ + begin, length);
    size_ += length;
    ends_member_ = true;
  }

  // A string literal from its opening quote; joined to the one before if only a '+' stands
  // between.
  bool literal(char quote) {
    begin_token();
    const bool joins = size_ > 1 && last() == '+' && literal_end_ == size_ - 1;
    if (joins) {
      size_ -= 2;
    } else {
      put(quote);
      literal_begin_ = size_;
    }
    for (++at_; at_ < in_.size();) {
      const auto begin = at_;
      while (at_ < in_.size() && in_[at_] != quote && in_[at_] != '\\' && in_[at_] != '\n' &&
             in_[at_] != '\r')
        ++at_;
      std::memcpy(buffer_ + size_, in_.data() + begin, at_ - begin);
      size_ += at_ - begin;
      if (at_ == in_.size()) break;
      const char c = in_[at_];
      if (c == '\\') {
        ++at_;
        escape_sequence();
        continue;
      }
      if (c == quote) {
        end_literal(quote);
        ++at_;
        return true;
      }
      if (!rough_) return false;
      end_literal(quote);  // the line ends first: the quote was an apostrophe
      return true;
    }
    return rough_;
  }
  void end_literal(char quote) {
    record_literal();
    put(quote);
    literal_end_ = value_end_ = size_;
  }
  void record_literal() {
    constexpr std::size_t kShortest = 3;
    auto& all = out_.literals;
    const auto begin = static_cast<std::uint32_t>(literal_begin_);
    const auto length = static_cast<std::uint32_t>(size_ - literal_begin_);
    if (!all.empty() && all.back().begin == begin) all.pop_back();
    if (length >= kShortest) all.push_back({begin, length});
  }

  // Text of a template literal up to its end or the next "${".
  bool template_text() {
    literal_begin_ = size_;
    while (at_ < in_.size()) {
      const char c = in_[at_++];
      if (c == '\\') {
        escape_sequence();
      } else if (c == '`') {
        frames_.pop_back();
        end_literal(c);
        return true;
      } else if (c == '$' && at_ < in_.size() && in_[at_] == '{') {
        record_literal();
        put('$'), put('{'), ++at_;
        return true;
      } else {
        put(c);
      }
    }
    return false;
  }

  // Behind a backslash: writes what it stands for if that is printable ASCII, else the sequence
  // itself.
  void escape_sequence() {
    if (at_ >= in_.size()) return;
    const char c = in_[at_];
    if (c == 'x' || c == 'u') return numeric_escape(c);
    ++at_;
    switch (c) {
      case 'n':
      case 'r':
      case 't':
        put('\n');
        return;
      case '\r':
        if (at_ < in_.size() && in_[at_] == '\n') ++at_;
        return;
      case '\n':
        return;
      default:
        break;
    }
    if (c < '0' || c > '7') return put(c);
    int value = c - '0';
    for (int digits = 1; digits < 3 && at_ < in_.size() && in_[at_] >= '0' && in_[at_] <= '7';
         ++digits)
      value = value * 8 + (in_[at_++] - '0');
    put(printable(value) ? static_cast<char>(value) : '?');
  }
  static bool printable(int value) { return value >= 0x20 && value < 0x7F; }

  void numeric_escape(char kind) {
    const bool braced = kind == 'u' && at_ + 1 < in_.size() && in_[at_ + 1] == '{';
    std::size_t at = at_ + (braced ? 2 : 1), digits = 0;
    const std::size_t most = braced ? 6 : kind == 'x' ? 2 : 4;
    int value = 0;
    for (; digits < most && at < in_.size() && hex_digit(in_[at]) >= 0; ++digits, ++at)
      value = value * 16 + hex_digit(in_[at]);
    const bool complete = braced ? digits > 0 && at < in_.size() && in_[at] == '}' : digits == most;
    // \uNNNN is how tables of other scripts are written; only of a letter that needs none it hides.
    if (complete && (kind == 'x' || printable(value))) ++out_.escapes;
    if (complete && printable(value)) {
      put(static_cast<char>(value));
      at_ = at + (braced ? 1 : 0);
      return;
    }
    put('\\'), put(kind), ++at_;
  }

  std::string_view in_;
  PlainCode& out_;
  const bool rough_;
  char* buffer_ = nullptr;
  std::size_t at_ = 0, size_ = 0;
  std::size_t value_end_ = 0;      // if a literal or regular expression ended in the output
  std::size_t literal_begin_ = 0;  // of the last string literal, behind its quote
  std::size_t literal_end_ = 0;    // behind its closing quote
  bool gap_ = false, on_line_ = false, ends_member_ = false;
  Frame closed_ = Frame::kParen;
  std::vector<Frame> frames_;
};

}  // namespace

bool lex_script(std::string_view in, PlainCode& out) {
  return ScriptLexer(in, out, false).run();
}
void lex_script_roughly(std::string_view in, PlainCode& out) {
  ScriptLexer(in, out, true).run();
}

}  // namespace npmgate
