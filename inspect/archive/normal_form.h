// Unicode's composed normal form.
#pragma once

#include <string_view>

namespace npmgate {

// True if valid UTF-8 is in Unicode's composed normal form (NFC).
bool is_nfc(std::string_view text);

}  // namespace npmgate
