#include "feeds/zip_file.h"

#include <archive.h>
#include <archive_entry.h>

#include <memory>

namespace npmgate {
namespace {

constexpr std::size_t kBlock = std::size_t{1} << 16;

struct Free {
  void operator()(archive* a) const { archive_read_free(a); }
};
using Reader = std::unique_ptr<archive, Free>;

Error trouble(archive* reader, const std::string& path) {
  const char* why = archive_error_string(reader);
  return fail(Code::kCorrupt, Origin::kDisk,
              path + " cannot be read as a zip archive: " + (why != nullptr ? why : "unknown"));
}

Result<void> read_body(archive* reader, const std::string& path, const ZipLimits& limits,
                       std::uint64_t& total, std::string& text) {
  text.clear();
  while (true) {
    const std::size_t before = text.size();
    text.resize(before + kBlock);
    const la_ssize_t count = archive_read_data(reader, text.data() + before, kBlock);
    if (count < 0) return trouble(reader, path);
    text.resize(before + static_cast<std::size_t>(count));
    total += static_cast<std::uint64_t>(count);
    if (text.size() > limits.max_entry || total > limits.max_total)
      return fail(Code::kTooLarge, Origin::kDisk, path + " holds more than a feed may");
    if (count == 0) return {};
  }
}

}  // namespace

Result<void> read_zip(const std::string& path, const ZipLimits& limits,
                      const std::function<bool(std::string_view)>& wanted,
                      const std::function<Result<void>(std::string_view, std::string&)>& visit) {
  const Reader reader(archive_read_new());
  // The central directory decides, as for every tool that opens a zip file; no other format.
  archive_read_support_format_zip_seekable(reader.get());
  if (archive_read_open_filename(reader.get(), path.c_str(), kBlock) != ARCHIVE_OK)
    return trouble(reader.get(), path);
  std::uint64_t entries = 0, total = 0;
  std::string text;
  while (true) {
    archive_entry* entry = nullptr;
    const int status = archive_read_next_header(reader.get(), &entry);
    if (status == ARCHIVE_EOF) return {};
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN) return trouble(reader.get(), path);
    if (++entries > limits.max_entries)
      return fail(Code::kTooLarge, Origin::kDisk, path + " holds more files than a feed may");
    const char* raw = archive_entry_pathname_utf8(entry);
    const std::string name = raw != nullptr ? raw : "";
    if (archive_entry_filetype(entry) != AE_IFREG || !wanted(name)) continue;
    if (auto done = read_body(reader.get(), path, limits, total, text); !done) return done;
    if (auto done = visit(name, text); !done) return done;
  }
}

}  // namespace npmgate
