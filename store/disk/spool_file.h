// What is too large for memory while it is needed: a file without a name.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "store/disk/disk.h"

namespace npmgate {

// Gone with the last owner, and with the process. Written by one thread at a time; any number may
// read what has been written.
class SpoolFile {
 public:
  // In `folder`, which exists. Errors as Disk's.
  static Result<std::shared_ptr<SpoolFile>> create(const std::string& folder, Disk disk = Disk());

  Result<void> append(std::string_view data);
  // At most into.size() bytes from `offset`; 0 at the end.
  Result<std::size_t> read(std::uint64_t offset, std::span<char> into) const;
  std::uint64_t size() const { return size_; }

 private:
  SpoolFile(Disk disk, Fd fd, std::string path)
      : disk_(std::move(disk)), fd_(std::move(fd)), path_(std::move(path)) {}
  Disk disk_;
  Fd fd_;
  std::string path_;  // for messages
  std::uint64_t size_ = 0;
};

}  // namespace npmgate
