// One gzip member (RFC 1952), read strictly: what stands around the data matters as much as the
// data.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "inspect/archive/archive.h"
#include "inspect/archive/tar_image.h"

namespace npmgate {

struct InflateResult {
  std::optional<ArchiveRefusal> refusal;
  TarImage image;  // empty if refused
};

// Inflates the only member of `gzip`: up to limits.max_unpacked and limits.max_ratio times the
// packed size (1 MiB is always allowed). Up to limits.hold_whole everything is held; of a larger
// one the bodies of large binaries are not (tar_image.h). The size the trailer claims is a hint,
// checked at the end.
InflateResult inflate_member(std::span<const std::byte> gzip, const ArchiveLimits& limits,
                             IsBinary is_binary);

}  // namespace npmgate
