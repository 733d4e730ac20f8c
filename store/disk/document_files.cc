#include "store/disk/document_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <limits>

#include "base/digest.h"

namespace npmgate {
namespace {

constexpr std::string_view kTemporary = ".tmp-";
// A temporary file this old is a dead process's: writing one takes seconds at most.
constexpr auto kStale = std::chrono::hours(1);

}  // namespace

Result<void> DocumentFiles::prepare() {
  if (directory_.empty()) return {};
  if (auto made = disk_.make_directory(directory_); !made) return made;
  std::error_code error;
  const auto oldest = std::filesystem::file_time_type::clock::now() - kStale;
  for (std::filesystem::directory_iterator it(directory_, error), end; !error && it != end;
       it.increment(error)) {
    std::error_code ignored;
    const std::string name = it->path().filename().string();
    if (name.starts_with(kTemporary) && it->last_write_time(ignored) < oldest) {
      std::filesystem::remove(it->path(), ignored);
    }
  }
  return {};
}

// A key is a URL or a name from outside: its digest is the file's name.
std::string DocumentFiles::path(std::string_view key) const {
  return directory_ + "/" + sha256_hex(key);
}

Result<void> DocumentFiles::put(std::string_view key, std::string_view compressed) {
  if (directory_.empty()) {
    const std::lock_guard lock(mutex_);
    memory_.insert_or_assign(std::string(key), std::string(compressed));
    return {};
  }
  const std::string temporary = directory_ + "/" + std::string(kTemporary) + random_hex(16);
  const auto fd = disk_.create(temporary);
  if (!fd) return fd.error();
  auto done = disk_.write_all(fd->get(), compressed, temporary);
  if (done) done = disk_.rename(temporary, path(key));
  if (!done) ::unlink(temporary.c_str());
  return done;
}

Result<std::string> DocumentFiles::get(std::string_view key) {
  if (directory_.empty()) {
    const std::lock_guard lock(mutex_);
    const auto it = memory_.find(key);
    if (it == memory_.end()) return fail(Code::kNotFound, Origin::kDisk, "no such document");
    return it->second;
  }
  const std::string file = path(key);
  const auto fd = disk_.open_read(file);
  if (!fd) return fd.error();
  return disk_.read_all(fd->get(), std::numeric_limits<std::size_t>::max(), file);
}

Result<void> DocumentFiles::remove(std::string_view key) {
  if (directory_.empty()) {
    const std::lock_guard lock(mutex_);
    if (const auto it = memory_.find(key); it != memory_.end()) memory_.erase(it);
    return {};
  }
  return disk_.remove(path(key));
}

}  // namespace npmgate
