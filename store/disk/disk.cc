#include "store/disk/disk.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <system_error>
#include <vector>

namespace npmgate {
namespace {

constexpr mode_t kDirectoryMode = 0700;
constexpr mode_t kFileMode = 0600;
// Twice the coarsest kernel tick (CONFIG_HZ=100).
constexpr std::int64_t kTickNs = 20'000'000;

bool passes_by_itself(int error_number) {
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN:
      return true;
    default:
      return false;
  }
}

std::int64_t nanoseconds(const struct timespec& time) {
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

Error disk_error(int error_number, std::string_view operation, const std::string& path) {
  std::string context =
      path + ": " + std::string(operation) + ": " + std::generic_category().message(error_number);
  return fail(Code::kUnavailable, Origin::kDisk, std::move(context),
              passes_by_itself(error_number));
}

FileStamp to_stamp(const struct stat& status) {
  return FileStamp{static_cast<std::uint64_t>(status.st_dev),
                   static_cast<std::uint64_t>(status.st_ino),
                   static_cast<std::uint64_t>(status.st_size), nanoseconds(status.st_mtim),
                   nanoseconds(status.st_ctim)};
}

bool is_racy(const FileStamp& stamp) {
  const auto now = std::chrono::duration_cast<std::chrono::nanoseconds>(
      std::chrono::system_clock::now().time_since_epoch());
  return now.count() - stamp.changed_ns < kTickNs;
}

Result<void> Disk::make_directory(const std::string& path) const {
  if (const int wanted = fault("mkdir")) return disk_error(wanted, "mkdir", path);
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (::mkdir(part.c_str(), kDirectoryMode) != 0 && errno != EEXIST) {
      return disk_error(errno, "mkdir", part);
    }
    if (end == std::string::npos) break;
  }
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return disk_error(errno, "stat", path);
  if (!S_ISDIR(status.st_mode)) return disk_error(ENOTDIR, "mkdir", path);
  return {};
}

Result<Fd> Disk::create(const std::string& path) const {
  if (const int wanted = fault("create")) return disk_error(wanted, "create", path);
  const int fd =
      ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, kFileMode);
  if (fd < 0) return disk_error(errno, "create", path);
  return Fd(fd);
}

Result<Fd> Disk::open_read(const std::string& path) const {
  if (const int wanted = fault("open")) return disk_error(wanted, "open", path);
  // O_NONBLOCK: a FIFO put in the file's place must not hang the caller.
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (fd.get() < 0) {
    if (errno == ENOENT) return fail(Code::kNotFound, Origin::kDisk, path + ": no such file");
    if (errno == ELOOP) return fail(Code::kCorrupt, Origin::kDisk, path + ": is a symbolic link");
    return disk_error(errno, "open", path);
  }
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return disk_error(errno, "stat", path);
  if (!S_ISREG(status.st_mode)) {
    return fail(Code::kCorrupt, Origin::kDisk, path + ": is not a regular file");
  }
  return fd;
}

Result<void> Disk::write_all(int fd, std::string_view data, const std::string& path) const {
  if (const int wanted = fault("write")) return disk_error(wanted, "write", path);
  while (!data.empty()) {
    const ssize_t written = ::write(fd, data.data(), data.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return disk_error(errno, "write", path);
    }
    data.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<std::size_t> Disk::read_some(int fd, char* buffer, std::size_t capacity,
                                    std::uint64_t offset, const std::string& path) const {
  if (const int wanted = fault("read")) return disk_error(wanted, "read", path);
  for (;;) {
    const ssize_t count = ::pread(fd, buffer, capacity, static_cast<off_t>(offset));
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno != EINTR) return disk_error(errno, "read", path);
  }
}

Result<std::string> Disk::read_all(int fd, std::size_t limit, const std::string& path) const {
  const auto before = stamp(fd, path);
  if (!before) return before.error();
  if (before->size > limit) {
    return fail(Code::kTooLarge, Origin::kDisk, path + ": larger than it may be");
  }
  std::string out(before->size, '\0');
  std::size_t filled = 0;
  while (filled < out.size()) {
    const auto count = read_some(fd, out.data() + filled, out.size() - filled, filled, path);
    if (!count) return count.error();
    if (*count == 0) break;
    filled += *count;
  }
  out.resize(filled);
  return out;
}

Result<void> Disk::sync(int fd, const std::string& path) const {
  if (const int wanted = fault("fsync")) return disk_error(wanted, "fsync", path);
  if (::fsync(fd) != 0) return disk_error(errno, "fsync", path);
  return {};
}

Result<void> Disk::sync_directory(const std::string& path) const {
  if (const int wanted = fault("fsync")) return disk_error(wanted, "fsync", path);
  const Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0) return disk_error(errno, "open", path);
  if (::fsync(fd.get()) != 0) return disk_error(errno, "fsync", path);
  return {};
}

Result<void> Disk::rename(const std::string& from, const std::string& to) const {
  if (const int wanted = fault("rename")) return disk_error(wanted, "rename", to);
  if (::rename(from.c_str(), to.c_str()) != 0) return disk_error(errno, "rename", to);
  return {};
}

Result<void> Disk::remove(const std::string& path) const {
  if (const int wanted = fault("unlink")) return disk_error(wanted, "unlink", path);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return disk_error(errno, "unlink", path);
  return {};
}

Result<FileStamp> Disk::stamp(int fd, const std::string& path) const {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return disk_error(errno, "stat", path);
  return to_stamp(status);
}

}  // namespace npmgate
