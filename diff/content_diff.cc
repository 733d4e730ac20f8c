#include "diff/content_diff.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/digest.h"
#include "diff/readable.h"

namespace npmgate {
namespace {

// As git decides it (buffer_is_binary in its xdiff-interface.c).
constexpr std::size_t kLookedAt = 8'000;
// Of one archive at a time: the most text that is held, and what it may unpack to before the bodies
// of binaries are hashed only (their strings are not told then). The larger archives of 989 real
// pairs are binaries (docs/desk.md).
constexpr std::uint64_t kMostHeld = std::uint64_t{192} << 20;
constexpr std::uint64_t kHoldWhole = std::uint64_t{64} << 20;
constexpr std::size_t kShortestString = 6;
constexpr std::size_t kMostStrings = 60;
constexpr std::size_t kLongestString = 300;

struct Magic {
  std::string_view bytes, kind;
};
using namespace std::string_view_literals;
constexpr Magic kMagics[] = {
    {"\x7F"
     "ELF"sv,
     "ELF"},
    {"MZ"sv, "PE"},
    {"\0asm"sv, "WebAssembly"},
    {"\xFE\xED\xFA\xCE"sv, "Mach-O"},
    {"\xFE\xED\xFA\xCF"sv, "Mach-O"},
    {"\xCE\xFA\xED\xFE"sv, "Mach-O"},
    {"\xCF\xFA\xED\xFE"sv, "Mach-O"},
    {"\xCA\xFE\xBA\xBE"sv, "Mach-O or Java class"},
    {"!<arch>\n"sv, "ar archive"},
    {"\x89PNG\r\n\x1A\n"sv, "PNG"},
    {"\xFF\xD8\xFF"sv, "JPEG"},
    {"GIF8"sv, "GIF"},
    {"RIFF"sv, "RIFF"},
    {"\0\0\1\0"sv, "ICO"},
    {"%PDF-"sv, "PDF"},
    {"PK\x03\x04"sv, "zip"},
    {"\x1F\x8B"sv, "gzip"},
    {"\xFD"
     "7zXZ\0"sv,
     "xz"},
    {"BZh"sv, "bzip2"},
    {"\x28\xB5\x2F\xFD"sv, "zstd"},
    {"7z\xBC\xAF\x27\x1C"sv, "7z"},
    {"wOFF"sv, "WOFF font"},
    {"wOF2"sv, "WOFF2 font"},
    {"OTTO"sv, "OpenType font"},
    {"\0\1\0\0"sv, "TrueType font"},
    {"SQLite format 3\0"sv, "SQLite"},
};

bool is_binary(std::string_view body) {
  return body.substr(0, kLookedAt).find('\0') != body.npos;
}

// One file of one side. `body` is all of it, or nothing of it if it was not kept: then `sha256`
// says whether it is the same as the other side's.
struct Side {
  bool there = false, kept = false;
  std::uint64_t size = 0;
  std::string_view body, head;
  std::string sha256;  // hex; "" if it is kept
};
using Entries = std::map<std::string_view, const ArchiveEntry*, std::less<>>;

bool is_binary_body(std::string_view, std::string_view head, std::uint32_t) {
  return is_binary(head);
}

// Bodies of binaries are not held of an archive that unpacks to more than `hold_whole`.
Result<Archive> open_archive(std::span<const std::byte> tarball, const DiffLimits& limits,
                             const char* which) {
  ArchiveLimits of_archive = limits.archive;
  of_archive.hold_whole = std::min(of_archive.hold_whole, kHoldWhole);
  of_archive.max_held = std::min(of_archive.max_held, kMostHeld);
  ArchiveResult read = read_archive(tarball, of_archive, is_binary_body);
  if (!read.refusal) return std::move(read.archive);
  if (read.refusal->rule == "limit-held") {
    return fail(Code::kTooLarge, Origin::kUpstream,
                std::string(which) + " holds more text than is compared (" +
                    std::to_string(kMostHeld >> 20) + " MiB)");
  }
  return fail(Code::kMalformed, Origin::kUpstream,
              std::string(which) + " is refused (" + read.refusal->rule + ")");
}

Entries entries_of(const Archive& archive) {
  Entries entries;
  for (const ArchiveEntry& entry : archive.entries) {
    if (entry.directory || entry.path.size() <= archive.top.size() + 1) continue;
    entries.emplace(std::string_view(entry.path).substr(archive.top.size() + 1), &entry);
  }
  return entries;
}

Side side_of(const Entries& entries, std::string_view path) {
  Side side;
  const auto found = entries.find(path);
  if (found == entries.end()) return side;
  const ArchiveEntry& entry = *found->second;
  side.there = true;
  side.size = entry.size;
  side.head = std::string_view(reinterpret_cast<const char*>(entry.body.data()), entry.body.size());
  side.sha256 = entry.sha256;
  side.kept = entry.sha256.empty();
  if (side.kept) side.body = side.head;
  return side;
}

// What is needed of the older archive, which goes before the newer one is read.
class OlderSide {
 public:
  Result<void> read(std::span<const std::byte> tarball, const std::vector<std::string>& paths,
                    const DiffLimits& limits) {
    if (tarball.empty()) return {};
    const auto archive = open_archive(tarball, limits, "the baseline's tarball");
    if (!archive) return archive.error();
    const Entries entries = entries_of(*archive);
    std::size_t kept = 0;
    for (const std::string& path : paths) {
      const Side side = side_of(entries, path);
      if (!side.there || files_.contains(path)) continue;
      Kept& file = files_[path];
      file.size = side.size;
      file.head = side.head.substr(0, kLookedAt);
      file.whole =
          side.kept && side.size <= limits.max_file && kept + side.size <= limits.max_bytes;
      if (file.whole) {
        kept += side.body.size();
        file.head = side.body;
      } else {
        file.sha256 = side.kept ? sha256_hex(side.body) : side.sha256;
      }
    }
    return {};
  }
  Side of(const std::string& path) const {
    Side side;
    const auto found = files_.find(path);
    if (found == files_.end()) return side;
    const Kept& file = found->second;
    side.there = true;
    side.size = file.size;
    side.head = file.head;
    side.sha256 = file.sha256;
    side.kept = file.whole;
    if (file.whole) side.body = file.head;
    return side;
  }

 private:
  struct Kept {
    std::string head, sha256;  // `head`: all of it if it is whole
    std::uint64_t size = 0;
    bool whole = false;
  };
  std::map<std::string, Kept> files_;
};

bool is_same(const Side& a, const Side& b) {
  if (!a.there || !b.there || a.size != b.size) return false;
  if (a.kept && b.kept) return a.body == b.body;
  return (a.kept ? sha256_hex(a.body) : a.sha256) == (b.kept ? sha256_hex(b.body) : b.sha256);
}

std::set<std::string_view> strings_in(std::string_view body) {
  std::set<std::string_view> found;
  std::size_t start = 0;
  for (std::size_t i = 0; i <= body.size(); ++i) {
    if (i < body.size() && body[i] >= 0x20 && body[i] < 0x7f) continue;
    if (i - start >= kShortestString) found.insert(body.substr(start, i - start));
    start = i + 1;
  }
  return found;
}

std::vector<std::string> new_strings(std::string_view before, std::string_view after) {
  const std::set<std::string_view> known = strings_in(before);
  std::vector<std::string_view> fresh;
  for (const std::string_view text : strings_in(after)) {
    if (!known.contains(text)) fresh.push_back(text);
  }
  std::sort(fresh.begin(), fresh.end(), [](std::string_view a, std::string_view b) {
    return a.size() != b.size() ? a.size() > b.size() : a < b;
  });
  std::vector<std::string> out;
  for (const std::string_view text : fresh) {
    if (out.size() == kMostStrings) break;
    out.push_back(valid_text(text, kLongestString));
  }
  return out;
}

// What is left of the limits for all files together.
struct Budget {
  std::size_t files, bytes, lines;
};

Result<void> show_text(std::string_view before, std::string_view after, const DiffLimits& limits,
                       Budget& budget, FileDiff& file) {
  std::string readable_before, readable_after;
  const bool minified = is_minified(before) || is_minified(after);
  if (minified) {
    readable_before = readable_code(before);
    readable_after = readable_code(after);
    before = readable_before;
    after = readable_after;
  }
  LineDiffLimits of_lines = limits.lines;
  of_lines.max_lines = std::min(of_lines.max_lines, budget.lines);
  auto lines = line_diff(before, after, of_lines);
  if (!lines) return lines.error();
  for (const Hunk& hunk : lines->hunks) budget.lines -= hunk.lines.size();
  file.lines = std::move(*lines);
  file.shown = minified ? Shown::kReadable : Shown::kLines;
  return {};
}

Result<void> show(const Side& before, const Side& after, const DiffLimits& limits, Budget& budget,
                  FileDiff& file) {
  if (budget.files == 0 || budget.lines == 0) return {};
  const std::uint64_t size = before.size + after.size;
  const bool whole = (before.kept || !before.there) && (after.kept || !after.there) &&
                     before.size <= limits.max_file && after.size <= limits.max_file &&
                     size <= budget.bytes;
  const bool binary = is_binary(before.head) || is_binary(after.head);
  if (!whole && !binary) return {};
  --budget.files;
  if (whole) budget.bytes -= static_cast<std::size_t>(size);
  if (!binary) return show_text(before.body, after.body, limits, budget, file);
  file.shown = Shown::kBinary;
  file.before_kind = binary_kind(before.head);
  file.kind = binary_kind(after.head);
  if (whole) file.strings = new_strings(before.body, after.body);
  return {};
}

}  // namespace

std::string_view to_string(Shown shown) {
  constexpr std::string_view kNames[] = {"lines", "readable", "binary", "nothing"};
  return kNames[static_cast<std::size_t>(shown)];
}

std::string_view binary_kind(std::string_view body) {
  for (const Magic& magic : kMagics) {
    if (body.starts_with(magic.bytes)) return magic.kind;
  }
  return {};
}

Result<ContentDiff> content_diff(std::span<const std::byte> before,
                                 std::span<const std::byte> after,
                                 const std::vector<std::string>& paths, const DiffLimits& limits) {
  OlderSide older;
  if (auto read = older.read(before, paths, limits); !read) return read.error();
  const auto archive = open_archive(after, limits, "the release's tarball");
  if (!archive) return archive.error();
  const Entries newer = entries_of(*archive);
  Budget budget{limits.max_files, limits.max_bytes, limits.max_lines};
  ContentDiff diff;
  for (const std::string& path : paths) {
    const Side a = older.of(path), b = side_of(newer, path);
    if ((!a.there && !b.there) || is_same(a, b)) continue;
    FileDiff file;
    file.path = path;
    file.in_before = a.there;
    file.in_after = b.there;
    file.before_size = a.size;
    file.after_size = b.size;
    if (auto shown = show(a, b, limits, budget, file); !shown) return shown.error();
    diff.files.push_back(std::move(file));
  }
  return diff;
}

}  // namespace npmgate
