// The same source as engines may read it, if a grammar reads it in another way.
#pragma once

#include <string>
#include <string_view>

#include "inspect/syntax/syntax_tree.h"

namespace npmgate::code {

// Lines that start with --> behind nothing but blanks and comments are comments in a script
// (ECMA-262, B.1.1), also behind a comment of several lines, which the grammar does not know. The
// source with these blanked; empty if there are none.
std::string without_arrow_comments(std::string_view text);
// In a module <!-- is no comment but three operators: the source with these taken apart.
std::string without_html_comments(std::string_view text);
// Names may be written with escapes (ECMA-262, 12.7); written out they are the same program. Empty
// if there are none.
std::string without_name_escapes(const SyntaxTree& tree);
// True if the program has import or export statements.
bool is_module(const SyntaxTree& tree);

}  // namespace npmgate::code
