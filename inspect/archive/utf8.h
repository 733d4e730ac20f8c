// Valid UTF-8 by RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
#pragma once

#include <string_view>

namespace npmgate {

bool is_utf8(std::string_view text);

// Whether valid UTF-8 is in Unicode's composed normal form (NFC).
bool is_nfc(std::string_view text);

// Decodes one code point at the front of `text` and removes it; -1 where the bytes are not UTF-8
// (then nothing is removed).
int take_code_point(std::string_view& text);

}  // namespace npmgate
