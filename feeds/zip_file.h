// The files of a zip archive, one after another: what OSV exports an ecosystem as.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace npmgate {

struct ZipLimits {
  std::uint64_t max_entry = std::uint64_t{16} << 20;  // bytes; the largest OSV record seen is 1 MB
  std::uint64_t max_total = std::uint64_t{8} << 30;   // unpacked bytes of all entries
  std::uint64_t max_entries = 5'000'000;
};

// Calls `visit(name, text)` for every entry that `wanted(name)` asks for, in the archive's order,
// as long as it succeeds. Checksums are verified. kCorrupt: no readable zip; kTooLarge: over a
// limit; kNotFound, kUnavailable: the file cannot be opened or read. Nothing is written anywhere.
Result<void> read_zip(
    const std::string& path, const ZipLimits& limits,
    const std::function<bool(std::string_view name)>& wanted,
    const std::function<Result<void>(std::string_view name, std::string& text)>& visit);

}  // namespace npmgate
