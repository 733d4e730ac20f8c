// Header-level reader of the tar subset that every package manager reads alike. Accounts for every
// byte of the archive.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "inspect/archive/archive.h"
#include "inspect/archive/tar_image.h"

namespace npmgate {

struct TarEntry {
  std::string raw_path;  // as the archive states it: prefix joined, pax path applied
  std::string path;      // cleaned (path_rules.h)
  bool directory = false;
  std::uint32_t mode = 0;
  enum class Link { kNone, kSymbolic, kHard } link = Link::kNone;
  std::string link_target;   // as the archive states it
  std::uint64_t offset = 0;  // of the header
  std::uint64_t size = 0;
  std::span<const std::byte> body;  // of an omitted one only what stands before the run
  std::string sha256;               // set if `body` is not all of it
};

// Fills `entries` in archive order, duplicates included. Bodies point into `tar.data`. Linear in
// its size.
std::optional<ArchiveRefusal> verify_tar(const TarImage& tar, const ArchiveLimits& limits,
                                         std::vector<TarEntry>& entries);

}  // namespace npmgate
