// Brings code into one plain spelling, so that fixed strings can be searched in it: comments gone,
// white space that means nothing gone, escapes in literals written out, 'ab' + 'cd' joined,
// x['name'] as x.name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace npmgate {

enum class Syntax {
  kScript,  // JavaScript, TypeScript
  kShell,   // '#' comments: sh, bash, python, ruby, PowerShell …
  kBatch,   // cmd.exe
  kPlain,   // a command line or unknown text: nothing is a comment
};
// From the file's name and its shebang.
Syntax syntax_of(std::string_view path, std::string_view text);

// The inside of one string literal or template section, an offset into PlainCode::text.
struct Literal {
  std::uint32_t begin = 0;
  std::uint32_t size = 0;
};

struct PlainCode {
  std::string text;
  std::vector<Literal> literals;  // three bytes and longer, ascending; none but for kScript
  std::uint32_t escapes = 0;      // \xNN, and \uNNNN of printable ASCII
  // The text was not understood as the language it should be (an open bracket, an unclosed comment,
  // a regular expression that may be a division …): then nothing was taken for a comment, so that
  // no code can hide in one.
  bool lost = false;
};

// Linear time and memory. Never fails. Texts of 4 GiB and more are cut there.
PlainCode plain_code(std::string_view text, Syntax syntax);

}  // namespace npmgate
