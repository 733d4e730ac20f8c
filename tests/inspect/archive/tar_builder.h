// Tar archives for tests, with every header byte open to change.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "inspect/archive/archive.h"

namespace npmgate::testing {

inline constexpr std::size_t kBlock = 512;

// One 512-byte ustar header with a right checksum.
std::string tar_header(std::string_view name, std::uint64_t size, char type = '0',
                       std::uint32_t mode = 0644);
// Puts the right checksum into the header at `offset`.
void fix_checksum(std::string& tar, std::size_t offset);
std::string padded(std::string_view body);
std::string tar_entry(std::string_view name, std::string_view body, char type = '0',
                      std::uint32_t mode = 0644);
// "<length> <key>=<value>\n"
std::string pax_record(std::string_view key, std::string_view value);
// `entries` and the end of the archive, gzipped.
std::string tgz(std::string_view entries);
// package/package.json with name and version.
std::string package_json_entry();

ArchiveResult read(std::string_view gzip, const ArchiveLimits& limits = {});
// The rule that refuses `gzip`, or "accept".
std::string rule_of(std::string_view gzip, const ArchiveLimits& limits = {});
std::string_view text_of(std::span<const std::byte> bytes);
std::span<const std::byte> bytes_of(std::string_view text);

}  // namespace npmgate::testing
