// Lines of code as a reviewer may see them: nothing in them is invisible, moves the cursor, or
// looks like something else.
#pragma once

#include <string>
#include <string_view>

namespace npmgate {

// Controls, bidi and zero-width characters appear as \uXXXX (printable); tabs as four blanks;
// and in words that mix Latin letters with letters of a look-alike script (Greek, Cyrillic,
// Armenian, full-width forms) the latter as \uXXXX too, so that an `а` of Cyrillic is no `a`
// (Unicode TS 39, mixed-script confusables). At most `limit` bytes, then "…".
std::string visible_code(std::string_view line, std::size_t limit);

}  // namespace npmgate
