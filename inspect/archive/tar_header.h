// One 512-byte tar header, field by field (POSIX.1-2024, pax, "ustar Interchange Format"; GNU tar
// manual, "Basic Tar Format").
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "inspect/archive/archive.h"

namespace npmgate {

inline constexpr std::size_t kTarBlock = 512;

// `size` up to whole blocks.
constexpr std::uint64_t padded(std::uint64_t size) {
  return (size + kTarBlock - 1) / kTarBlock * kTarBlock;
}
inline std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

struct TarHeader {
  // '0' file, '1' hard link, '2' symbolic link, '5' directory, 'x' and 'g' pax headers, 'L' GNU
  // long name.
  char type = 0;
  bool gnu = false;
  std::string name;  // prefix and name joined
  std::string link;  // of a link
  std::uint32_t mode = 0;
  std::uint64_t size = 0;
};

struct TarHeaderResult {
  std::optional<ArchiveRefusal> refusal;
  TarHeader header;
};

// Checks every byte of `block`, which must be kTarBlock long. `where` ends the sentence of a
// refusal.
TarHeaderResult parse_tar_header(std::span<const std::byte> block, std::string_view where);

bool is_zero(std::string_view bytes);

}  // namespace npmgate
