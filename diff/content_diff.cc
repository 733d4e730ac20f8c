#include "diff/content_diff.h"

#include <algorithm>
#include <map>
#include <set>

#include "diff/readable.h"

namespace npmgate {
namespace {

// As git decides it (buffer_is_binary in its xdiff-interface.c).
constexpr std::size_t kLookedAt = 8'000;
constexpr std::size_t kShortestString = 6;
constexpr std::size_t kMostStrings = 60;
constexpr std::size_t kLongestString = 300;

using Bodies = std::map<std::string_view, std::string_view, std::less<>>;

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

Result<Archive> open_archive(std::span<const std::byte> tarball, const ArchiveLimits& limits,
                             const char* which) {
  ArchiveResult read = read_archive(tarball, limits);
  if (!read.refusal) return std::move(read.archive);
  return fail(Code::kMalformed, Origin::kUpstream,
              std::string(which) + " is refused (" + read.refusal->rule + ")");
}

Bodies bodies_of(const Archive& archive) {
  Bodies bodies;
  for (const ArchiveEntry& entry : archive.entries) {
    if (entry.directory || entry.path.size() <= archive.top.size() + 1) continue;
    bodies.emplace(
        std::string_view(entry.path).substr(archive.top.size() + 1),
        std::string_view(reinterpret_cast<const char*>(entry.body.data()), entry.body.size()));
  }
  return bodies;
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

Result<void> show(std::string_view before, std::string_view after, const DiffLimits& limits,
                  Budget& budget, FileDiff& file) {
  const std::size_t size = before.size() + after.size();
  if (before.size() > limits.max_file || after.size() > limits.max_file || budget.files == 0 ||
      size > budget.bytes || budget.lines == 0)
    return {};
  --budget.files;
  budget.bytes -= size;
  if (!is_binary(before) && !is_binary(after))
    return show_text(before, after, limits, budget, file);
  file.shown = Shown::kBinary;
  file.before_kind = binary_kind(before);
  file.kind = binary_kind(after);
  file.strings = new_strings(before, after);
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
  Archive old_archive;
  if (!before.empty()) {
    auto opened = open_archive(before, limits.archive, "the baseline's tarball");
    if (!opened) return opened.error();
    old_archive = std::move(*opened);
  }
  const auto new_archive = open_archive(after, limits.archive, "the release's tarball");
  if (!new_archive) return new_archive.error();
  const Bodies old_bodies = bodies_of(old_archive), new_bodies = bodies_of(*new_archive);
  Budget budget{limits.max_files, limits.max_bytes, limits.max_lines};
  ContentDiff diff;
  for (const std::string& path : paths) {
    const auto old_body = old_bodies.find(path);
    const auto new_body = new_bodies.find(path);
    FileDiff file;
    file.path = path;
    file.in_before = old_body != old_bodies.end();
    file.in_after = new_body != new_bodies.end();
    const std::string_view a = file.in_before ? old_body->second : std::string_view();
    const std::string_view b = file.in_after ? new_body->second : std::string_view();
    if ((!file.in_before && !file.in_after) || (file.in_before && file.in_after && a == b))
      continue;
    file.before_size = a.size();
    file.after_size = b.size();
    if (auto shown = show(a, b, limits, budget, file); !shown) return shown.error();
    diff.files.push_back(std::move(file));
  }
  return diff;
}

}  // namespace npmgate
