// The strict archive profile: what it accepts, every package manager reads alike; everything else
// is refused with a rule's id. Measured basis and rules: docs/threats.md.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace npmgate {

struct ArchiveLimits {
  std::uint64_t max_unpacked = std::uint64_t{2} << 30;  // largest real one seen: realm, 889 MB
  std::uint32_t max_ratio =
      200;  // unpacked / packed; largest real one seen: 20. Applies above 1 MiB unpacked
  std::uint32_t max_entries = 100'000;  // 2 of 2,229 real ones are above 5,000
  std::uint32_t max_path = 4096;        // bytes
  std::uint32_t max_pax = 1u << 20;     // bytes of one extended header
  // Memory, no settings of a gate: the most bytes of an archive that are held at a time (text and
  // code always are), and how many are held before the bodies of large binaries are hashed only.
  std::uint64_t max_held = std::uint64_t{512} << 20;
  std::uint64_t hold_whole = std::uint64_t{128} << 20;
};

struct ArchiveEntry {
  std::string path;  // full, with the top directory
  bool directory = false;
  std::uint32_t mode = 0;
  std::uint64_t size = 0;
  // Into Archive::tar; valid while that lives. Only the first kHeldHead (tar_image.h) bytes of a
  // binary that was not held: then `sha256` is set.
  std::span<const std::byte> body;
  std::string sha256;  // hex, of the whole body
};

// A symbolic or hard link. npm drops them, other clients make or follow them: only those are
// accepted that stay inside, point to a file or folder of the archive and have no special name.
struct ArchiveLink {
  std::string path;    // full, with the top directory
  std::string target;  // full path of an entry of the archive, or of a folder of it
  bool hard = false;
};

// Whether a body is a binary that nobody reads: told by its path (as the archive has it), its first
// kHeldHead bytes and its mode.
using IsBinary = bool (*)(std::string_view path, std::string_view head, std::uint32_t mode);

struct ArchiveRefusal {
  bool over_limit = false;  // archive-over-limit instead of archive-refused
  std::string rule;    // stable id, e.g. "gz-trailing-data", "tar-linkname", "pax-duplicate-key",
                       // "path-dot-segment"
  std::string detail;  // one sentence with entry name and offset
  friend bool operator==(const ArchiveRefusal&, const ArchiveRefusal&) = default;
};

// Every rule with its sentence, for docs and `archive-refused` messages.
struct ArchiveRule {
  std::string_view id;
  std::string_view sentence;
};
std::span<const ArchiveRule> archive_rules();

struct Archive {
  std::vector<std::byte> tar;  // the inflated bytes that are held; entries point into it
  std::string top;
  std::vector<ArchiveEntry>
      entries;  // in archive order; files and directories only; identical duplicates once
  std::vector<ArchiveLink> links;  // in archive order
};

// Inflates (one gzip member, CRC and ISIZE checked), verifies every header byte, then walks the
// same bytes with libarchive (tar only) and refuses (rule "walk-differs") if the two disagree on
// names, sizes or bodies. Pure; bounded by `limits`; never throws but on exhaustion. Either the
// archive or the refusal.
struct ArchiveResult {
  std::optional<ArchiveRefusal> refusal;
  Archive archive;
};
// Without `is_binary` every body is held.
ArchiveResult read_archive(std::span<const std::byte> gzip, const ArchiveLimits& limits,
                           IsBinary is_binary = nullptr);

}  // namespace npmgate
