#include "inspect/code/command_line.h"

#include <algorithm>

namespace npmgate {
namespace {

// cmd.exe's path separator rather than sh's escape.
bool keeps_backslash(char next) {
  return (next >= 'a' && next <= 'z') || (next >= 'A' && next <= 'Z') ||
         (next >= '0' && next <= '9') || next == '_' || next == '.' || next == '-' || next == '@';
}

class Splitter {
 public:
  explicit Splitter(std::string_view line) : line_(line) {}

  CommandLine run() {
    while (at_ < line_.size()) step();
    end_command();
    return std::move(out_);
  }

 private:
  void step() {
    const char c = line_[at_];
    switch (c) {
      case ' ':
      case '\t':
      case '\r':
        end_word();
        ++at_;
        return;
      case '\n':
      case ';':
        end_command();
        ++at_;
        return;
      case '&':
        return ampersand();
      case '|':
        end_command();
        at_ += peek(1) == '|' ? 2 : 1;
        out_.piped |= line_[at_ - 1] == '|' && (at_ < 2 || line_[at_ - 2] != '|');
        return;
      case '(':
        end_command();
        ++depth_;
        ++at_;
        return;
      case ')':
        end_command();
        depth_ -= depth_ > 0;
        ++at_;
        return;
      case '<':
      case '>':
        return redirection(c);
      case '\'':
        return single_quotes();
      case '"':
        return double_quotes();
      case '`':
        return backticks();
      case '$':
        return dollar();
      case '\\':
        return backslash();
      default:
        put(c);
        ++at_;
        return;
    }
  }

  char peek(std::size_t ahead) const {
    return at_ + ahead < line_.size() ? line_[at_ + ahead] : '\0';
  }
  void put(char c) {
    word_ += c;
    in_word_ = true;
  }
  void end_word() {
    if (!in_word_) return;
    if (next_ == Next::kRead) {
      current_.reads.push_back(std::move(word_));
    } else if (next_ == Next::kWrite) {
      out_.writes |= word_ != "/dev/null" && word_ != "nul" && word_ != "NUL";
    } else {
      current_.words.push_back(std::move(word_));
    }
    next_ = Next::kWord;
    word_.clear();
    in_word_ = false;
  }
  void end_command() {
    end_word();
    if (!current_.words.empty() || !current_.reads.empty()) {
      current_.depth = depth_;
      out_.commands.push_back(std::move(current_));
    }
    current_ = {};
    next_ = Next::kWord;
  }

  void ampersand() {
    if (peek(1) == '>') {  // &>file
      ++at_;
      return redirection('>');
    }
    end_command();
    at_ += peek(1) == '&' ? 2 : 1;
  }

  void redirection(char direction) {
    // "2>": the digits are a descriptor, not a word.
    if (in_word_ &&
        std::all_of(word_.begin(), word_.end(), [](char c) { return c >= '0' && c <= '9'; })) {
      word_.clear();
      in_word_ = false;
    }
    end_word();
    while (at_ < line_.size() && (line_[at_] == '<' || line_[at_] == '>' || line_[at_] == '|'))
      ++at_;
    if (peek(0) == '&') {  // >&2, 2>&1
      ++at_;
      while (at_ < line_.size() && (line_[at_] == '-' || (line_[at_] >= '0' && line_[at_] <= '9')))
        ++at_;
      return;
    }
    next_ = direction == '<' ? Next::kRead : Next::kWrite;
  }

  void single_quotes() {
    in_word_ = true;
    const auto end = line_.find('\'', at_ + 1);
    out_.unclosed |= end == line_.npos;
    const auto stop = std::min(end, line_.size());
    word_.append(line_.substr(at_ + 1, stop - at_ - 1));
    at_ = stop + 1;
  }

  void double_quotes() {
    in_word_ = true;
    for (++at_; at_ < line_.size();) {
      const char c = line_[at_];
      if (c == '"') {
        ++at_;
        return;
      }
      if (c == '\\' && (peek(1) == '"' || peek(1) == '\\' || peek(1) == '$' || peek(1) == '`')) {
        put(peek(1));
        at_ += 2;
      } else if (c == '`') {
        backticks();
      } else if (c == '$') {
        dollar();
      } else {
        put(c), ++at_;
      }
    }
    out_.unclosed = true;
  }

  void backticks() {
    const auto end = line_.find('`', at_ + 1);
    out_.unclosed |= end == line_.npos;
    const auto stop = std::min(end, line_.size());
    out_.nested.emplace_back(line_.substr(at_ + 1, stop - at_ - 1));
    put('`');
    at_ = stop + 1;
  }

  void dollar() {
    if (peek(1) != '(') {
      put('$'), ++at_;
      return;
    }
    std::size_t open = 0, end = at_ + 1;
    for (; end < line_.size(); ++end) {
      if (line_[end] == '(') ++open;
      if (line_[end] == ')' && --open == 0) break;
    }
    out_.unclosed |= end >= line_.size();
    out_.nested.emplace_back(
        line_.substr(std::min(at_ + 2, line_.size()), end - std::min(at_ + 2, end)));
    put('`');
    at_ = end + 1;
  }

  void backslash() {
    const char next = peek(1);
    if (next == '\n') {
      at_ += 2;
    } else if (next == '\0' || keeps_backslash(next)) {
      put('\\'), ++at_;
    } else {
      put(next);
      at_ += 2;
    }
  }

  enum class Next { kWord, kRead, kWrite };

  std::string_view line_;
  std::size_t at_ = 0, depth_ = 0;
  std::string word_;
  bool in_word_ = false;
  Next next_ = Next::kWord;
  SimpleCommand current_;
  CommandLine out_;
};

}  // namespace

CommandLine split_command(std::string_view line) {
  return Splitter(line).run();
}

}  // namespace npmgate
