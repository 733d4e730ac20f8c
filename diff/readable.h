// Minified code broken into lines, for people and for line_diff(). For reading only: the result is
// not meant to run, and nothing is judged by it.
#pragma once

#include <string>
#include <string_view>

namespace npmgate {

// Whether a text is code or data that nobody wrote by hand in this form: a line of more than 1,000
// bytes, and lines of more than 200 bytes on average. (Of 900 real files written by hand the
// average line has 10 to 60 bytes.)
bool is_minified(std::string_view text);

// `text` with a line break after `;`, `{`, `}` and, on long lines, `,`, outside of strings,
// template literals, regular expressions and comments, indented by depth. Texts that are not as
// expected still come out whole: only white space is added. Linear.
std::string readable_code(std::string_view text);

}  // namespace npmgate
