// Hooks that only print or do nothing. Everything that is not surely so is no banner.
#include <algorithm>

#include "inspect/code/command_line.h"
#include "inspect/code/features.h"

namespace npmgate {
namespace {

// What sh or cmd.exe may act on inside a word, whatever quotes one of the two takes to be around
// it.
constexpr std::string_view kActive = "&|<>^%$`\n\r";

bool is_number(std::string_view word) {
  return !word.empty() && word.size() <= 3 &&
         std::all_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// console.log('a', "b"); console.error('c') and process.exit(0): nothing else.
class PrintingScript {
 public:
  explicit PrintingScript(std::string_view text) : rest_(text) {}

  bool prints_only() {
    skip_blanks();
    while (!rest_.empty()) {
      if (!statement()) return false;
      skip_blanks();
      while (take(";")) skip_blanks();
    }
    return true;
  }

 private:
  bool statement() {
    if (take("process.exit(")) {
      if (take("0") || take("1")) return take(")");
      return take(")");
    }
    for (const std::string_view call :
         {"console.log(", "console.info(", "console.warn(", "console.error("})
      if (take(call)) return arguments();
    return false;
  }
  bool arguments() {
    skip_blanks();
    if (take(")")) return true;
    while (literal()) {
      skip_blanks();
      if (take(")")) return true;
      if (!take(",") && !take("+")) return false;
      skip_blanks();
    }
    return false;
  }
  bool literal() {
    if (rest_.empty() || (rest_.front() != '\'' && rest_.front() != '"')) return false;
    const char quote = rest_.front();
    for (std::size_t i = 1; i < rest_.size(); ++i) {
      if (rest_[i] == '\\') {
        ++i;
      } else if (rest_[i] == quote) {
        rest_.remove_prefix(i + 1);
        return true;
      }
    }
    return false;
  }
  bool take(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }
  void skip_blanks() {
    while (!rest_.empty() && rest_.front() == ' ') rest_.remove_prefix(1);
  }

  std::string_view rest_;
};

bool prints_only(const SimpleCommand& command) {
  const auto& words = command.words;
  if (words.empty() || !command.reads.empty()) return false;
  for (const auto& word : words)
    if (word.find_first_of(kActive) != std::string::npos) return false;
  const auto& program = words.front();
  if (program == "echo") return true;
  if (program == "exit") return words.size() == 1 || (words.size() == 2 && is_number(words[1]));
  if (program == "true" || program == ":") return words.size() == 1;
  const bool evaluates =
      program == "node" && words.size() == 3 && (words[1] == "-e" || words[1] == "--eval");
  return evaluates && PrintingScript(words[2]).prints_only();
}

}  // namespace

bool is_banner(std::string_view command) {
  const auto line = split_command(command);
  return line.nested.empty() && !line.writes && !line.piped && !line.unclosed &&
         std::all_of(line.commands.begin(), line.commands.end(), prints_only);
}

}  // namespace npmgate
