// The same archive read by libarchive: a second opinion from a parser that package managers use
// too.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "inspect/archive/archive.h"
#include "inspect/archive/tar_verifier.h"

namespace npmgate {

// Walks `tar` and compares type, name, size and bytes of every entry with `entries`. Independent of
// the process's locale.
std::optional<ArchiveRefusal> compare_with_libarchive(const TarImage& tar,
                                                      const std::vector<TarEntry>& entries);

}  // namespace npmgate
