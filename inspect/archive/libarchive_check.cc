#include "inspect/archive/libarchive_check.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <array>
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

// The archive as one stream: what is held, and zeros in place of the runs that are not.
class Stream {
 public:
  explicit Stream(const TarImage& image) : image_(image) {}

  static la_ssize_t read(archive*, void* self, const void** out) {
    return static_cast<Stream*>(self)->next(*out);
  }

 private:
  la_ssize_t next(const void*& out) {
    static constexpr std::array<std::byte, std::size_t{64} << 10> kZeros{};
    if (zeros_ > 0) {
      const std::uint64_t piece = std::min<std::uint64_t>(zeros_, kZeros.size());
      zeros_ -= piece;
      out = kZeros.data();
      return static_cast<la_ssize_t>(piece);
    }
    const bool more = run_ < image_.omitted.size();
    const std::uint64_t end = more ? image_.omitted[run_].at : image_.data.size();
    const std::uint64_t held = end - at_;
    out = image_.data.data() + at_;
    at_ = end;
    if (more) zeros_ = image_.omitted[run_++].bytes;
    // A run never comes first, so that this is zero at the end alone.
    return static_cast<la_ssize_t>(held);
  }

  const TarImage& image_;
  std::size_t run_ = 0;
  std::uint64_t at_ = 0;
  std::uint64_t zeros_ = 0;
};

// Tar only and no filters: what is here has been inflated already.
ArchiveReader open_reader(const TarImage& tar, Stream& stream) {
  ArchiveReader reader(archive_read_new());
  if (!reader) throw std::bad_alloc();
  archive* const raw = reader.get();
  if (archive_read_support_filter_none(raw) != ARCHIVE_OK ||
      archive_read_support_format_tar(raw) != ARCHIVE_OK) {
    return nullptr;
  }
  const int opened = tar.omitted.empty()
                         ? archive_read_open_memory(raw, tar.data.data(), tar.data.size())
                         : archive_read_open(raw, &stream, nullptr, Stream::read, nullptr);
  return opened == ARCHIVE_OK ? std::move(reader) : nullptr;
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
  if (ours.link == TarEntry::Link::kHard) {
    return or_empty(archive_entry_hardlink(theirs)) == ours.link_target && same_name(theirs, ours);
  }
  const bool symbolic = ours.link == TarEntry::Link::kSymbolic;
  const unsigned type = symbolic ? AE_IFLNK : ours.directory ? AE_IFDIR : AE_IFREG;
  return archive_entry_filetype(theirs) == type && archive_entry_hardlink(theirs) == nullptr &&
         or_empty(archive_entry_symlink(theirs)) == ours.link_target &&
         archive_entry_size(theirs) == static_cast<la_int64_t>(ours.size) &&
         same_name(theirs, ours);
}

bool same_body(archive* reader, const TarEntry& ours) {
  // Of a body that is not held libarchive is given zeros; its size was compared.
  if (!ours.sha256.empty()) return archive_read_data_skip(reader) == ARCHIVE_OK;
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

std::optional<ArchiveRefusal> compare_with_libarchive(const TarImage& tar,
                                                      const std::vector<TarEntry>& entries) {
  Stream stream(tar);
  const ArchiveReader reader = open_reader(tar, stream);
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
