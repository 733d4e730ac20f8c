#include "inspect/archive/archive_rules.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <iterator>

#include "base/hex.h"

namespace npmgate {
namespace {

constexpr ArchiveRule kRules[] = {
    {"gz-not-gzip", "The tarball must be a gzip stream (RFC 1952)."},
    {"gz-method", "The gzip member must be deflated (method 8)."},
    {"gz-flags", "The gzip header may have no optional field but the file name."},
    {"gz-truncated", "The gzip member must be complete, with header and trailer."},
    {"gz-deflate", "The compressed data must be deflate, and read alike by libdeflate and zlib."},
    {"gz-checksum", "The CRC-32 in the gzip trailer must match the data."},
    {"gz-size", "The size in the gzip trailer must match the data."},
    {"gz-trailing-data", "Nothing but zero bytes may follow the one gzip member."},
    {"limit-unpacked", "The unpacked archive must stay below the configured size."},
    {"limit-held", "What is no binary must fit into the memory of an inspection."},
    {"limit-ratio",
     "The archive must not unpack to more than the configured multiple of its size."},
    {"limit-entries", "The archive must not have more headers than configured."},
    {"limit-path", "A path must not be longer than configured."},
    {"limit-pax", "An extended header must not be larger than configured."},
    {"tar-block-size", "The unpacked archive must be a whole number of 512-byte blocks."},
    {"tar-end", "The archive must end with two blocks of zeros."},
    {"tar-long-end", "No more than 22 blocks of zeros may end the archive."},
    {"tar-data-after-end", "Nothing but zeros may follow the first block of zeros."},
    {"tar-checksum", "The checksum of a header must match."},
    {"tar-magic", "A header must be of the ustar or GNU kind."},
    {"tar-gnu-prefix", "A GNU header must have zeros where ustar keeps the prefix."},
    {"tar-header-tail", "The unused bytes at the end of a header must be zero."},
    {"tar-number", "Numbers in headers must be plain octal; owners may be empty or 32-bit binary."},
    {"tar-mode", "A file's mode must not have the set-user-ID, set-group-ID or sticky bit."},
    {"tar-linkname", "The link name of what is no link must be empty."},
    {"tar-type",
     "Entries must be files, directories or their extended headers; links must stay inside, point "
     "to an entry and have no special name."},
    {"tar-long-name",
     "A GNU long name must be text and one NUL, and start as the name in the entry's own header."},
    {"tar-name-tail", "After the end of a name its field may hold leftover printable text only."},
    {"tar-field-tail", "After the end of prefix, owner and group their fields must be zero."},
    {"tar-device", "A file or directory must not have a device number."},
    {"tar-truncated", "The body of an entry must lie inside the archive."},
    {"tar-padding", "The padding after a body must be zero."},
    {"tar-directory-size", "A directory must not have a body."},
    {"pax-malformed", "Pax records must be exactly framed: length, space, key, =, value, newline."},
    {"pax-duplicate-key", "A pax header must not repeat a key."},
    {"pax-key", "A pax header may set only keys that every package manager reads alike."},
    {"pax-value",
     "A pax value must be clean UTF-8 text, or a plain number where the key asks for one."},
    {"pax-size", "A pax size must repeat the size in the header."},
    {"pax-global-key", "A global pax header may hold a comment only."},
    {"pax-two-headers", "Only one pax header may stand before an entry."},
    {"pax-dangling", "A pax header must be followed by its entry."},
    {"pax-path-blocks",
     "A pax path that is not ASCII must stand in a header of one block: some readers take longer "
     "ones in pieces."},
    {"pax-path-form", "A pax path must be in composed Unicode form: some readers compose it."},
    {"pax-path-fallback",
     "Where a pax path is not ASCII, the name in the header it replaces must be the same or no "
     "file."},
    {"path-empty", "Every entry must have a name."},
    {"path-utf8", "Names must be valid UTF-8."},
    {"path-control",
     "Names must not hold control characters, line separators or byte order marks."},
    {"path-backslash", "Names must not hold backslashes."},
    {"path-absolute", "Names must be relative."},
    {"path-drive", "No segment of a path may start with a drive letter."},
    {"path-dot-segment",
     "Paths must not have '..', a leading or final '.', or segments of dots and blanks."},
    {"path-empty-segment", "Paths must not have empty segments, and file names no final slash."},
    {"path-short-name", "No name may have the form of a Windows short name (ABCDEF~1.JS)."},
    {"path-long-name", "No name in a path may have more than 255 bytes."},
    {"path-depth", "Paths must not have more than 256 segments."},
    {"path-second-top", "All entries must lie in the same top directory."},
    {"path-outside-top", "No file may lie outside the top directory."},
    {"path-duplicate", "A path may be repeated only with the same bytes and mode."},
    {"path-collision",
     "No two paths may be equal on file systems that ignore case or Unicode form."},
    {"path-file-and-directory", "A path must not be both a file and a directory."},
    {"path-late-directory", "A directory may be listed only once, and before what lies in it."},
    {"path-yarn-manifest",
     "No file beside package.json may be called .yarn-metadata.json: yarn 1 reads its manifest "
     "instead."},
    {"package-json-missing", "The top directory must hold a package.json."},
    {"package-json-directory", "package.json in the top directory must be a file."},
    {"walk-differs", "libarchive must read the same names, sizes and bytes."},
};

constexpr std::string_view kLimitPrefix = "limit-";
constexpr std::size_t kMaxQuoted = 120;

}  // namespace

std::span<const ArchiveRule> archive_rules() {
  return kRules;
}

ArchiveRefusal refuse(std::string_view id, std::string detail) {
  assert(std::ranges::any_of(kRules, [&](const ArchiveRule& rule) { return rule.id == id; }));
  return {id.starts_with(kLimitPrefix), std::string(id), std::move(detail)};
}

std::string quoted(std::string_view name) {
  std::string text = "\"";
  for (const char c : name.substr(0, kMaxQuoted)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\') {
      text += c;
    } else {
      text += "\\x";
      append_hex(text, c);
    }
  }
  text += name.size() > kMaxQuoted ? "...\"" : "\"";
  return text;
}

std::string at_byte(std::uint64_t offset) {
  return "at byte " + std::to_string(offset) + " of the unpacked archive";
}

}  // namespace npmgate
