// One gzip member (RFC 1952), read strictly: what stands around the data matters as much as the
// data.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "inspect/archive/archive.h"

namespace npmgate {

struct InflateResult {
  std::optional<ArchiveRefusal> refusal;
  std::vector<std::byte> data;  // empty where refused
};

// Inflates the only member of `gzip`. Memory stays below limits.max_unpacked and below
// limits.max_ratio times the packed size (1 MiB is always allowed); the size the trailer claims is
// a hint, checked at the end.
InflateResult inflate_member(std::span<const std::byte> gzip, const ArchiveLimits& limits);

}  // namespace npmgate
