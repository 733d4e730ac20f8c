// The rules of the strict archive profile as the parts of the reader name them, and how a refusal
// is made.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "inspect/archive/archive.h"

namespace npmgate {

// A refusal under rule `id`, which must stand in archive_rules(). Rules of the "limit-" kind are
// over_limit.
ArchiveRefusal refuse(std::string_view id, std::string detail);

// `name` for a message: in double quotes, everything but printable ASCII as \xNN, cut after 120
// bytes.
std::string quoted(std::string_view name);

// "at byte 1024 of the unpacked archive"
std::string at_byte(std::uint64_t offset);

}  // namespace npmgate
