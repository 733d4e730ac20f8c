#include "inspect/hooks/gyp.h"

#include <algorithm>

namespace npmgate {
namespace {

// Undoes one level of Python string escapes: \" \' \\ .
std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '\\' && i + 1 < text.size() &&
                        (text[i + 1] == '"' || text[i + 1] == '\'' || text[i + 1] == '\\');
    if (escape) ++i;
    out += text[i];
  }
  return out;
}

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.';
}

// "<!(command)" and "<!@(command)" (gyp's InputFormatReference, "Command Expansions"), with '>' and
// '^' in place of '<' in later phases, the brackets inside counted. A word before the bracket,
// "<!pymod_do_main(module arguments)", names a Python module that gyp imports.
void read_expansions(std::string_view text, GypText& out) {
  for (auto at = text.find('!'); at != text.npos; at = text.find('!', at)) {
    const char before = at == 0 ? ' ' : text[at - 1];
    ++at;
    if (before != '<' && before != '>' && before != '^') continue;
    if (at < text.size() && text[at] == '@') ++at;
    const std::size_t word = at;
    while (at < text.size() && is_word(text[at])) ++at;
    if (at >= text.size() || text[at] != '(') continue;
    const bool module = at != word;
    std::size_t open = 0, end = at;
    for (; end < text.size(); ++end) {
      if (text[end] == '(') ++open;
      if (text[end] == ')' && --open == 0) break;
    }
    const auto inside = text.substr(at + 1, end - at - 1);
    out.commands.push_back((module ? "python -m " : "") + unescaped(inside));
    at = end;
  }
}

struct Quoted {
  std::string_view text;
  std::size_t end;  // behind the closing quote
};
// The string literal that starts at `at`; an unclosed one ends with the text.
Quoted quoted_at(std::string_view text, std::size_t at) {
  const char quote = text[at];
  std::size_t end = at + 1;
  while (end < text.size() && text[end] != quote) end += text[end] == '\\' ? 2 : 1;
  end = std::min(end, text.size());
  return {text.substr(at + 1, end - at - 1), end + 1};
}

// Walks the string literals: names of other gyp files, and the lists behind an 'action' key.
void read_literals(std::string_view text, GypText& out) {
  bool in_action = false, after_key = false;
  std::string action;
  const auto finish = [&] {
    if (!action.empty()) out.commands.push_back(std::move(action));
    action.clear();
    in_action = false;
  };
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '#') {
      at = std::min(text.find('\n', at), text.size());
    } else if (c == '\'' || c == '"') {
      const auto [word, end] = quoted_at(text, at);
      after_key = word == "action";
      const auto name = word.substr(0, word.find(':'));
      if (name.ends_with(".gyp") || name.ends_with(".gypi")) out.includes.emplace_back(name);
      if (in_action) action += (action.empty() ? "" : " ") + unescaped(word);
      at = end;
    } else {
      if (c == '[' && after_key) in_action = true;
      if (c == ']') finish();
      if (c != ':' && c != ' ' && c != '\t' && c != '\n' && c != '\r') after_key = false;
      ++at;
    }
  }
  finish();
}

}  // namespace

GypText read_gyp(std::string_view text) {
  GypText out;
  read_expansions(text, out);
  read_literals(text, out);
  return out;
}

}  // namespace npmgate
