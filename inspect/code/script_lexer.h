// The JavaScript half of plain_code: see lexer.h.
#pragma once

#include <array>
#include <string_view>

#include "inspect/code/lexer.h"

namespace npmgate {

inline constexpr bool is_word_byte(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '$' || c >= 0x80;
}

// The whole language; false if the text is not understood, `out` is then of no use.
bool lex_script(std::string_view in, PlainCode& out);
// Literals of one line only, nothing is a comment. Always succeeds.
void lex_script_roughly(std::string_view in, PlainCode& out);

}  // namespace npmgate
