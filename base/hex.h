// Hexadecimal digits. digest.h has whole digests, text.h the codes that text has them in.
#pragma once

#include <string>
#include <string_view>

namespace npmgate {

inline constexpr std::string_view kHexDigits = "0123456789abcdef";

// Two digits.
inline void append_hex(std::string& out, char byte) {
  out += kHexDigits[static_cast<unsigned char>(byte) >> 4];
  out += kHexDigits[static_cast<unsigned char>(byte) & 15U];
}

}  // namespace npmgate
