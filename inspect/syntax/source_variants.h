// The same source as engines may read it, if a grammar reads it in another way.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "inspect/syntax/syntax_tree.h"

namespace npmgate::code {

// Lines that start with --> behind nothing but blanks and comments are comments in a script
// (ECMA-262, B.1.1), also behind a comment of several lines, which the grammar does not know. The
// source with these blanked; empty if there are none.
std::string without_arrow_comments(std::string_view text);
// In a module <!-- is no comment but three operators: the source with these taken apart.
std::string without_html_comments(std::string_view text);
// `await` and `yield` are names in some scripts: x = await /a/ 1 divides there. The source with
// those before a regular expression under another name; empty if there are none.
std::string without_operator_words(const SyntaxTree& tree);
// The sources that engines may read beside `text` itself, of those three; `tree` is the text's.
std::vector<std::string> other_readings(std::string_view text, const SyntaxTree& tree);
// Names may be written with escapes (ECMA-262, 12.7); written out they are the same program. Empty
// if there are none.
std::string without_name_escapes(const SyntaxTree& tree);
// True if the program has import or export statements.
bool is_module(const SyntaxTree& tree);

}  // namespace npmgate::code
