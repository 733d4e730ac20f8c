// A tarball beside the trees of the commit that it is said to be made from: commit and trees only,
// the ids of the tarball's files are computed here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "diff/git_pack.h"
#include "inspect/archive/archive.h"
#include "inspect/evidence/source_evidence.h"

namespace npmgate {

struct SourceRequest {
  std::uint64_t tarball_size = 0;  // bytes; the pack follows the tarball
  std::string commit;              // hex
  std::string directory;           // repository.directory, as package.json states it
  std::string name;                // of the package
  // Not "": the pack holds this blob, the source's package.json, and only what it says beside the
  // tarball's is asked for.
  std::string manifest_blob;
  friend bool operator==(const SourceRequest&, const SourceRequest&) = default;
};

// Where the package's root is in the repository: the stated directory if there is a package.json in
// it, else where most of the tarball's files are: there, in packages/NAME, in a folder with the
// very package.json, or in the root.
//
// A file is the source's if the source has its bytes at that path (line ends of a checkout on
// Windows do not count), under the same name elsewhere in the package's folder, or in the
// repository's root. A path that the source has with other bytes always differs.
//
// kMalformed if the archive is refused or the pack does not hold what was asked for; kTooLarge over
// a limit. Pure; hostile input.
Result<SourceComparison> compare_with_source(std::span<const std::byte> tarball,
                                             std::span<const std::byte> pack,
                                             const SourceRequest& request,
                                             const ArchiveLimits& archive,
                                             const PackLimits& limits = {});

}  // namespace npmgate
