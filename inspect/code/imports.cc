// Files that a script names.
#include <algorithm>

#include "inspect/code/commands.h"
#include "inspect/code/features.h"
#include "inspect/code/lexer.h"

namespace npmgate {
namespace {

constexpr std::size_t kLongestPath = 1024;
constexpr std::size_t kLongestCommand = 4096;

constexpr std::string_view kRunnableEndings[] = {
    ".js",  ".cjs", ".mjs", ".ts",   ".sh",   ".bat",   ".cmd", ".ps1", ".py",
    ".exe", ".dll", ".so",  ".node", ".wasm", ".dylib", ".bin", ".vbs", ".jsc"};
constexpr std::string_view kRunners[] = {"node ",  "nodejs ",     "bun ",    "deno ",     "sh ",
                                         "bash ",  "zsh ",        "python ", "python3 ",  "cmd ",
                                         "start ", "powershell ", "call ",   "rundll32 ", "chmod "};

bool is_path(std::string_view word) {
  if (word.size() > kLongestPath || word.find_first_of(" \t\n\r\"'`*?<>|") != word.npos)
    return false;
  if (word.starts_with("./") || word.starts_with("../") || word.starts_with(".\\") ||
      word.starts_with("..\\"))
    return true;
  if (word.find("://") != word.npos || word.starts_with('/')) return false;
  return std::any_of(std::begin(kRunnableEndings), std::end(kRunnableEndings),
                     [&](std::string_view ending) {
                       return word.size() > ending.size() && word.ends_with(ending);
                     });
}

bool is_command(std::string_view text) {
  if (text.size() > kLongestCommand) return false;
  return text.starts_with("./") ||
         std::any_of(std::begin(kRunners), std::end(kRunners),
                     [&](std::string_view runner) { return text.starts_with(runner); });
}

// require('.'), import '..': too short to be literals of PlainCode, and as words of their own in
// every split('.').
void add_short_imports(std::string_view text, std::vector<std::string>& found) {
  constexpr std::string_view kNames[] = {".", "..", "./", "../"};
  constexpr std::string_view kBefore[] = {"require(", "import(", "resolve(", "from", "import"};
  for (const char quote : {'\'', '"', '`'}) {
    for (const std::string_view name : kNames) {
      const std::string word = quote + std::string(name) + quote;
      for (auto at = text.find(word); at != text.npos; at = text.find(word, at + 1)) {
        auto before = text.substr(0, at);
        while (before.ends_with(' ')) before.remove_suffix(1);
        if (std::none_of(std::begin(kBefore), std::end(kBefore),
                         [&](std::string_view call) { return before.ends_with(call); }))
          continue;
        found.emplace_back(name);
        break;
      }
    }
  }
}

}  // namespace

std::vector<std::string> relative_imports(std::string_view script) {
  return relative_imports(plain_code(script, Syntax::kScript));
}

std::vector<std::string> relative_imports(const PlainCode& code) {
  std::vector<std::string> found;
  for (const auto& literal : code.literals) {
    auto word = std::string_view(code.text).substr(literal.begin, literal.size);
    if (is_path(word)) {
      found.emplace_back(word);
    } else if (word.starts_with('/') && is_path(word.substr(1))) {
      found.emplace_back(word.substr(1));  // __dirname + '/run.js'
    } else if (is_command(word)) {
      auto files = command_files(word, {});
      found.insert(found.end(), files.candidates.begin(), files.candidates.end());
      found.insert(found.end(), files.arguments.begin(), files.arguments.end());
    }
  }
  add_short_imports(code.text, found);
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

}  // namespace npmgate
