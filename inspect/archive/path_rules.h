// What a path in an archive may look like, and which sets of paths are unambiguous on every file
// system.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "inspect/archive/archive.h"
#include "inspect/archive/tar_verifier.h"

namespace npmgate {

struct PathResult {
  std::optional<ArchiveRefusal> refusal;
  std::string path;  // inner '.' segments and a directory's final slash removed
};

// Checks one raw path. `where` ends the sentence of a refusal.
PathResult clean_path(std::string_view raw, bool directory, std::string_view where,
                      const ArchiveLimits& limits);

// Sorts below everything a name may hold.
inline constexpr char kKeySeparator = '\x01';

// The text under which two paths are the same file somewhere: NFKD, case folded, ignorable
// characters gone, and for Windows without final dots and blanks or an explicit default stream.
// Segments are joined by kKeySeparator, so that a directory sorts right before what is in it.
std::string collision_key(std::string_view path);

// Checks the set as a whole (one top directory, no collisions) and takes out identical duplicates.
// On success `archive.top` and `archive.entries` are filled.
std::optional<ArchiveRefusal> check_paths(const std::vector<TarEntry>& entries, Archive& archive);

// The top directory has a package.json that is a file. Asked after links were looked at: a link of
// that name is told as what it is.
std::optional<ArchiveRefusal> check_package_json(const Archive& archive);

}  // namespace npmgate
