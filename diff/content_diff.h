// What changed between two tarballs of one package, for people: named files, line by line.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "diff/line_diff.h"
#include "inspect/archive/archive.h"

namespace npmgate {

// How the content of one file is shown.
enum class Shown {
  kLines,     // hunks of its own lines
  kReadable,  // it is minified: hunks of readable_code() of both sides, line numbers are those of
              // that text
  kBinary,    // no text: kind and new strings
  kNothing,   // larger than the limit, or the limits of the whole were used up
};
std::string_view to_string(Shown shown);  // "lines", "readable" …

struct FileDiff {
  std::string path;
  bool in_before = false, in_after = false;
  std::uint64_t before_size = 0, after_size = 0;
  Shown shown = Shown::kNothing;
  LineDiff lines;                    // kLines, kReadable
  std::string before_kind, kind;     // kBinary: "ELF", "PNG" …, "" if unknown or not there
  std::vector<std::string> strings;  // kBinary: printable text that is new in it, longest first
  friend bool operator==(const FileDiff&, const FileDiff&) = default;
};

struct ContentDiff {
  std::vector<FileDiff> files;  // in the order asked for; those in neither tarball are left out
  friend bool operator==(const ContentDiff&, const ContentDiff&) = default;
};

struct DiffLimits {
  ArchiveLimits archive;
  std::size_t max_files = 400;                  // of the paths asked for; further ones are kNothing
  std::size_t max_file = std::size_t{8} << 20;  // bytes of one side of one file
  std::size_t max_bytes = std::size_t{64} << 20;  // read for hunks over all files, both sides
  std::size_t max_lines = 20'000;                 // of hunks over all files
  LineDiffLimits lines;
};

// `paths` below the archives' top directories, most important first: limits are used up in this
// order. Identical files are left out. An empty `before` means that there is no baseline: each file
// is shown as added. kMalformed with the rule if an archive is refused by the strict profile,
// kTooLarge if a difference needs more memory than there is. Pure.
Result<ContentDiff> content_diff(std::span<const std::byte> before,
                                 std::span<const std::byte> after,
                                 const std::vector<std::string>& paths, const DiffLimits& limits);

// What the first bytes of a file are: "ELF", "PE", "PNG" …; "" for text and what is not known. The
// formats' own specifications name these magic numbers.
std::string_view binary_kind(std::string_view body);

}  // namespace npmgate
