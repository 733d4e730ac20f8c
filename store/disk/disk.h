// The POSIX calls the stores are made of: failures as values, and one place where tests make the
// n-th call fail.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace npmgate {

// Asked before every call that a real disk can fail: 0 lets it happen, an errno value makes it fail
// that way. Called from any thread. Operations: "mkdir" "create" "open" "write" "read" "fsync"
// "rename" "unlink" "mmap".
using DiskFault = std::function<int(std::string_view operation)>;

// What tells one state of a file from another without reading it. ctime cannot be set by a program,
// so an edit that restores mtime still shows.
struct FileStamp {
  std::uint64_t device = 0, inode = 0, size = 0;
  std::int64_t modified_ns = 0, changed_ns = 0;
  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

// Every error is Code::kUnavailable, Origin::kDisk with operation, path and the system's words, but
// ENOENT of open_read (kNotFound). `retry` is set for what passes by itself or by trimming: disk
// full, quota, out of descriptors or memory. Thread-safe.
class Disk {
 public:
  explicit Disk(DiskFault fault = {}) : fault_(std::move(fault)) {}

  // `path` and its missing parents, mode 0700; fine if it exists.
  Result<void> make_directory(const std::string& path) const;
  // A new file, mode 0600, open for reading and writing.
  Result<Fd> create(const std::string& path) const;
  // An existing regular file; a symbolic link, directory or device is refused (kCorrupt).
  Result<Fd> open_read(const std::string& path) const;
  Result<void> write_all(int fd, std::string_view data, const std::string& path) const;
  // At most `capacity` bytes from `offset`; 0 at the end of the file.
  Result<std::size_t> read_some(int fd, char* buffer, std::size_t capacity, std::uint64_t offset,
                                const std::string& path) const;
  // The whole file; kTooLarge over `limit`.
  Result<std::string> read_all(int fd, std::size_t limit, const std::string& path) const;
  Result<void> sync(int fd, const std::string& path) const;
  // Makes the names in a directory durable.
  Result<void> sync_directory(const std::string& path) const;
  Result<void> rename(const std::string& from, const std::string& to) const;
  // Fine if there is no such file.
  Result<void> remove(const std::string& path) const;
  Result<FileStamp> stamp(int fd, const std::string& path) const;
  // The errno value tests want for `operation`, or 0.
  int fault(std::string_view operation) const { return fault_ ? fault_(operation) : 0; }

 private:
  DiskFault fault_;
};

Error disk_error(int error_number, std::string_view operation, const std::string& path);
FileStamp to_stamp(const struct stat& status);
// True if a change right after this stamp could leave the same stamp: the kernel's file times
// advance in ticks (10 ms at CONFIG_HZ=100), as git's index knows under "racy".
bool is_racy(const FileStamp& stamp);

}  // namespace npmgate
