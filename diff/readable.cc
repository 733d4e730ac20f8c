#include "diff/readable.h"

#include <algorithm>
#include <vector>

namespace npmgate {
namespace {

constexpr std::size_t kLongLine = 1'000;
constexpr std::size_t kLongAverage = 200;
// From this column on a comma ends a line.
constexpr std::size_t kCommaColumn = 80;
constexpr std::size_t kDeepest = 20;  // levels of indentation that are shown

// Behind these a slash starts a regular expression.
bool expects_operand(char last) {
  return last == 0 ||
         std::string_view("(,=:[!&|?{};+-*%<>~^\n").find(last) != std::string_view::npos;
}

class Reflow {
 public:
  explicit Reflow(std::string_view text) : text_(text) {}

  std::string run() {
    while (at_ < text_.size()) step();
    return std::move(out_);
  }

 private:
  void put(char c) {
    if (column_ == 0 && c != '\n') {
      if (c == ' ' || c == '\t') return;
      const std::size_t depth = std::min(open_.size() - (!open_.empty() && c == '}'), kDeepest);
      out_.append(2 * depth, ' ');
    }
    out_ += c;
    column_ = c == '\n' ? 0 : column_ + 1;
  }
  void end_line() {
    if (column_ != 0) put('\n');
  }
  // Copies up to and with the end of a literal or comment that starts here.
  void copy(std::size_t size) {
    const std::string_view piece = text_.substr(at_, size);
    out_ += piece;
    const std::size_t line = piece.rfind('\n');
    column_ = line == piece.npos ? column_ + piece.size() : piece.size() - line - 1;
    at_ += piece.size();
  }
  std::size_t quoted_size(char quote, bool multiline) const {
    for (std::size_t i = at_ + 1; i < text_.size(); ++i) {
      if (text_[i] == '\\') {
        ++i;
      } else if (text_[i] == quote) {
        return i + 1 - at_;
      } else if (text_[i] == '\n' && !multiline) {
        return i - at_;
      }
    }
    return text_.size() - at_;
  }
  std::size_t regex_size() const {
    bool in_class = false;
    for (std::size_t i = at_ + 1; i < text_.size() && text_[i] != '\n'; ++i) {
      if (text_[i] == '\\') {
        ++i;
      } else if (text_[i] == '[') {
        in_class = true;
      } else if (text_[i] == ']') {
        in_class = false;
      } else if (text_[i] == '/' && !in_class) {
        return i + 1 - at_;
      }
    }
    return 1;  // no regular expression: a division
  }
  std::size_t until(std::string_view end) const {
    const std::size_t found = text_.find(end, at_ + 2);
    return found == text_.npos ? text_.size() - at_ : found + end.size() - at_;
  }

  void step() {
    const char c = text_[at_];
    const char next = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
    if (c == '"' || c == '\'' || c == '`') {
      begin_line();
      copy(quoted_size(c, c == '`'));
      last_ = c;
    } else if (c == '/' && next == '*') {
      begin_line();
      copy(until("*/"));
    } else if (c == '/' && next == '/') {
      begin_line();
      copy(std::min(text_.find('\n', at_), text_.size()) - at_);
    } else if (c == '/' && expects_operand(last_)) {
      begin_line();
      copy(regex_size());
      last_ = '/';
    } else {
      plain(c);
    }
  }
  // The indent of a line that starts with a literal or comment.
  void begin_line() {
    if (column_ != 0) return;
    const std::size_t indent = 2 * std::min(open_.size(), kDeepest);
    out_.append(indent, ' ');
    column_ = indent + 1;
  }
  void plain(char c) {
    ++at_;
    if (c == '(') ++round_;
    if (c == ')' && round_ > 0) --round_;
    if (c == '}') {
      end_line();
      put(c);
      if (!open_.empty()) {
        round_ = open_.back();
        open_.pop_back();
      }
    } else {
      put(c);
    }
    if (c == '{') {
      open_.push_back(round_);
      round_ = 0;
    }
    const bool breaks = c == '{' || (c == ';' && round_ == 0) || (c == '}' && !sticks()) ||
                        (c == ',' && column_ >= kCommaColumn);
    if (breaks) end_line();
    if (c != ' ' && c != '\t' && c != '\r') last_ = c;
  }
  // What stays on the line of a closing brace.
  bool sticks() const {
    if (at_ >= text_.size()) return true;
    return std::string_view(",;).]").find(text_[at_]) != std::string_view::npos;
  }

  std::string_view text_;
  std::string out_;
  std::size_t at_ = 0, column_ = 0;
  std::size_t round_ = 0;          // round brackets open within the innermost braces
  std::vector<std::size_t> open_;  // the same of the braces around them
  char last_ = 0;
};

}  // namespace

bool is_minified(std::string_view text) {
  std::size_t longest = 0, lines = 1, start = 0;
  for (std::size_t end = text.find('\n'); end != text.npos; end = text.find('\n', start)) {
    longest = std::max(longest, end - start);
    start = end + 1;
    lines += start < text.size();
  }
  longest = std::max(longest, text.size() - start);
  return longest > kLongLine && text.size() / lines > kLongAverage;
}

std::string readable_code(std::string_view text) {
  return Reflow(text).run();
}

}  // namespace npmgate
