#include "inspect/code/lexer.h"

#include <algorithm>
#include <limits>

#include "base/text.h"
#include "inspect/code/script_lexer.h"

namespace npmgate {
namespace {

bool ends_with_any(std::string_view name, std::initializer_list<std::string_view> endings) {
  return std::any_of(endings.begin(), endings.end(), [&](std::string_view ending) {
    return name.size() > ending.size() &&
           std::equal(ending.rbegin(), ending.rend(), name.rbegin(),
                      [](char e, char c) { return e == lower_ascii(c); });
  });
}

// Comments may be left out of a '#' language only if no construct is in sight in which such a
// line may be text that gets run: here-documents, $'..' and PowerShell's here-strings.
bool comments_are_plain(std::string_view text) {
  for (const std::string_view sign : {"<<", "$'", "@'", "@\"", "`"})
    if (text.find(sign) != std::string_view::npos) return false;
  return true;
}

// Copies line by line: white space runs become one blank, "\<newline>" nothing, whole-line comments
// outside quotes go.
void plain_shell(std::string_view in, PlainCode& out) {
  const bool skip_comments = comments_are_plain(in);
  char quote = '\0';
  for (std::size_t i = 0; i < in.size(); ++i) {
    const char c = in[i];
    const bool line_start = out.text.empty() || out.text.back() == '\n';
    if (c == '\\' && i + 1 < in.size()) {
      ++i;
      if (in[i] == '\n') continue;
      out.text += c;
      out.text += in[i];
    } else if (c == ' ' || c == '\t' || c == '\r') {
      if (!line_start && out.text.back() != ' ') out.text += ' ';
    } else if (c == '#' && line_start && quote == '\0' && skip_comments) {
      i = std::min(in.find('\n', i), in.size()) - 1;
    } else {
      if ((c == '\'' || c == '"') && (quote == c || quote == '\0')) quote = quote == c ? '\0' : c;
      out.text += c;
    }
  }
}

// cmd.exe: '^' escapes; "::" and "rem" lines go, but not one on which another command could stand.
void plain_batch(std::string_view in, PlainCode& out) {
  while (!in.empty()) {
    const auto end = std::min(in.find('\n'), in.size());
    auto line = in.substr(0, end);
    in.remove_prefix(std::min(end + 1, in.size()));
    line.remove_prefix(std::min(line.find_first_not_of(" \t\r@"), line.size()));
    const bool rem = line.size() > 3 && (line[0] | 0x20) == 'r' && (line[1] | 0x20) == 'e' &&
                     (line[2] | 0x20) == 'm' && (line[3] == ' ' || line[3] == '\t');
    const bool comment = rem || line.starts_with("::");
    if (comment && line.find_first_of("&|^") == std::string_view::npos) continue;
    for (const char c : line)
      if (c != '^') out.text += c;
    out.text += '\n';
  }
}

}  // namespace

Syntax syntax_of(std::string_view path, std::string_view text) {
  const auto name = path.substr(path.rfind('/') + 1);
  if (ends_with_any(name, {".bat", ".cmd"})) return Syntax::kBatch;
  if (text.starts_with("#!")) {
    const auto line = text.substr(0, std::min<std::size_t>(text.find('\n'), 256));
    for (const std::string_view runner : {"node", "deno", "bun", "tsx"})
      if (line.find(runner) != std::string_view::npos) return Syntax::kScript;
    return Syntax::kShell;
  }
  if (ends_with_any(name, {".sh", ".bash", ".zsh", ".fish", ".ps1", ".psm1", ".py", ".rb", ".pl",
                           ".command"}))
    return Syntax::kShell;
  if (ends_with_any(name, {".vbs", ".wsf", ".php", ".applescript"})) return Syntax::kPlain;
  return Syntax::kScript;
}

PlainCode plain_code(std::string_view text, Syntax syntax) {
  text = text.substr(0, std::numeric_limits<std::uint32_t>::max());
  PlainCode out;
  switch (syntax) {
    case Syntax::kScript:
      if (lex_script(text, out)) return out;
      out = PlainCode{};
      lex_script_roughly(text, out);
      out.lost = true;
      return out;
    case Syntax::kShell:
      out.text.reserve(text.size());
      plain_shell(text, out);
      return out;
    case Syntax::kBatch:
      out.text.reserve(text.size());
      plain_batch(text, out);
      return out;
    case Syntax::kPlain:
      out.text = text;
      return out;
  }
  return out;
}

}  // namespace npmgate
