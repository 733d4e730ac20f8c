// Walks archives with libarchive alone, gzip filter included, as a client built on it would;
// framing and output as in profile_driver.cc, with the raw names of all regular files, in order:
// stripping and last-one-wins are the caller's.
#include <archive.h>
#include <archive_entry.h>

#include <array>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <clocale>
#include <iostream>
#include <memory>
#include <optional>
#include <string>

#include "base/digest.h"

namespace {

constexpr std::uint32_t kMaxArchive = 256u << 20;
constexpr std::size_t kMaxBody = std::size_t{64} << 20;  // sparse entries claim more than they hold

std::optional<std::string> next_archive(std::istream& in) {
  std::array<unsigned char, 4> head{};
  if (!in.read(reinterpret_cast<char*>(head.data()), head.size())) return std::nullopt;
  const std::uint32_t size = head[0] | head[1] << 8 | head[2] << 16 | std::uint32_t{head[3]} << 24;
  if (size > kMaxArchive) return std::nullopt;
  std::string data(size, '\0');
  if (!in.read(data.data(), size)) return std::nullopt;
  return data;
}

std::optional<std::string> body_of(archive* reader) {
  std::string body;
  for (;;) {
    const void* data = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    const int status = archive_read_data_block(reader, &data, &size, &offset);
    if (status == ARCHIVE_EOF) return body;
    if (status < ARCHIVE_WARN || offset < 0) return std::nullopt;
    const auto end = static_cast<std::size_t>(offset) + size;
    if (end > kMaxBody) return std::nullopt;
    body.resize(std::max(body.size(), end));
    body.replace(static_cast<std::size_t>(offset), size, static_cast<const char*>(data), size);
  }
}

boost::json::object walk(const std::string& file) {
  const std::unique_ptr<archive, int (*)(archive*)> reader(archive_read_new(), archive_read_free);
  archive_read_support_filter_gzip(reader.get());
  archive_read_support_format_tar(reader.get());
  if (archive_read_open_memory(reader.get(), file.data(), file.size()) != ARCHIVE_OK) {
    return {{"error", "open"}};
  }
  boost::json::array entries;
  for (;;) {
    archive_entry* entry = nullptr;
    const int status = archive_read_next_header(reader.get(), &entry);
    if (status == ARCHIVE_EOF) return {{"entries", std::move(entries)}};
    if (status < ARCHIVE_WARN) return {{"error", "header"}};
    if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) != nullptr) {
      continue;
    }
    const char* name = archive_entry_pathname(entry);
    const auto body = body_of(reader.get());
    if (!body || name == nullptr) return {{"error", "body or name"}};
    entries.push_back(
        {name, npmgate::digest(npmgate::Algorithm::kSha256, std::string_view(*body)).hex()});
  }
}

}  // namespace

int main() {
  std::setlocale(LC_ALL, "C.UTF-8");
  std::ios::sync_with_stdio(false);
  while (const auto file = next_archive(std::cin)) {
    std::cout << boost::json::serialize(walk(*file)) << std::endl;
  }
  return std::cin.eof() ? 0 : 1;
}
