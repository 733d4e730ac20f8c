#include "inspect/archive/libarchive_check.h"

#include <archive.h>
#include <archive_entry.h>

#include <cstring>
#include <memory>
#include <new>
#include <string>

#include "inspect/archive/archive_rules.h"

namespace npmgate {
namespace {

struct ReaderDeleter {
  void operator()(archive* reader) const { archive_read_free(reader); }
};
using ArchiveReader = std::unique_ptr<archive, ReaderDeleter>;

// Tar only and no filters: what is here has been inflated already.
ArchiveReader open_reader(std::span<const std::byte> tar) {
  ArchiveReader reader(archive_read_new());
  if (!reader) throw std::bad_alloc();
  const bool opened = archive_read_support_filter_none(reader.get()) == ARCHIVE_OK &&
                      archive_read_support_format_tar(reader.get()) == ARCHIVE_OK &&
                      archive_read_open_memory(reader.get(), tar.data(), tar.size()) == ARCHIVE_OK;
  return opened ? std::move(reader) : nullptr;
}

std::string_view or_empty(const char* text) {
  return text == nullptr ? "" : text;
}

// libarchive keeps a ustar name as the bytes it found and a pax path as UTF-8, and converts from
// one to the other by the locale: one of the two is always the original.
bool same_name(archive_entry* theirs, const TarEntry& ours) {
  return or_empty(archive_entry_pathname(theirs)) == ours.raw_path ||
         or_empty(archive_entry_pathname_utf8(theirs)) == ours.raw_path;
}

bool same_header(archive_entry* theirs, const TarEntry& ours) {
  const unsigned type = ours.directory ? AE_IFDIR : AE_IFREG;
  return archive_entry_filetype(theirs) == type && archive_entry_hardlink(theirs) == nullptr &&
         archive_entry_size(theirs) == static_cast<la_int64_t>(ours.body.size()) &&
         same_name(theirs, ours);
}

bool same_body(archive* reader, const TarEntry& ours) {
  std::uint64_t compared = 0;
  for (;;) {
    const void* data = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    const int status = archive_read_data_block(reader, &data, &size, &offset);
    if (status == ARCHIVE_EOF) return compared == ours.body.size();
    if (status != ARCHIVE_OK || offset != static_cast<la_int64_t>(compared) ||
        size > ours.body.size() - compared) {
      return false;
    }
    // libarchive mostly hands out a piece of what it reads from: the same bytes, no need to
    // compare.
    const void* own = ours.body.data() + compared;
    if (size != 0 && data != own && std::memcmp(data, own, size) != 0) return false;
    compared += size;
  }
}

ArchiveRefusal differs(std::string_view what, const TarEntry& entry) {
  return refuse("walk-differs", "libarchive reads " + std::string(what) + " for " +
                                    quoted(entry.raw_path) + " " + at_byte(entry.offset));
}

}  // namespace

std::optional<ArchiveRefusal> compare_with_libarchive(std::span<const std::byte> tar,
                                                      const std::vector<TarEntry>& entries) {
  const ArchiveReader reader = open_reader(tar);
  if (!reader) return refuse("walk-differs", "libarchive does not open the archive");
  archive_entry* theirs = nullptr;
  for (const TarEntry& ours : entries) {
    // A warning is about names that the locale cannot spell; the names are compared below.
    const int status = archive_read_next_header(reader.get(), &theirs);
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN) return differs("no entry", ours);
    if (!same_header(theirs, ours)) return differs("another name, type or size", ours);
    if (!same_body(reader.get(), ours)) return differs("other bytes", ours);
  }
  if (archive_read_next_header(reader.get(), &theirs) == ARCHIVE_EOF) return std::nullopt;
  return refuse("walk-differs", "libarchive reads more entries");
}

}  // namespace npmgate
