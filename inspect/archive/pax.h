// Records of pax extended headers (POSIX.1-2024, pax, "pax Extended Header"), in the subset that
// package managers read alike.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "inspect/archive/archive.h"

namespace npmgate {

struct PaxRecords {
  std::optional<std::string> path;
  std::optional<std::uint64_t> size;
};

struct PaxResult {
  std::optional<ArchiveRefusal> refusal;
  PaxRecords records;
};

// `body` is the whole body of one 'x' (or, with `global`, 'g') header; `where` ends the sentence of
// a refusal.
PaxResult parse_pax(std::string_view body, bool global, std::string_view where);

}  // namespace npmgate
