// Header-level reader of the tar subset that every package manager reads alike. Accounts for every
// byte of the archive.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "inspect/archive/archive.h"

namespace npmgate {

struct TarEntry {
  std::string raw_path;  // as the archive states it: prefix joined, pax path applied
  std::string path;      // cleaned (path_rules.h)
  bool directory = false;
  std::uint32_t mode = 0;
  std::uint64_t offset = 0;  // of the header
  std::span<const std::byte> body;
};

// Fills `entries` in archive order, duplicates included. Bodies point into `tar`. Linear in its
// size.
std::optional<ArchiveRefusal> verify_tar(std::span<const std::byte> tar,
                                         const ArchiveLimits& limits,
                                         std::vector<TarEntry>& entries);

}  // namespace npmgate
