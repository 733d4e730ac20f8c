// A file's bytes in memory, as its owner gave them, for reading.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <new>
#include <span>

#include "base/fd.h"

namespace npmgate {

class Mapping {
 public:
  // Throws std::bad_alloc if the address space is used up.
  explicit Mapping(const Fd& fd) {
    const off_t end = ::lseek(fd.get(), 0, SEEK_END);
    given_ = end >= 0;
    if (end <= 0) return;
    void* const map =
        ::mmap(nullptr, static_cast<std::size_t>(end), PROT_READ, MAP_PRIVATE, fd.get(), 0);
    if (map == MAP_FAILED) throw std::bad_alloc();
    bytes_ = {static_cast<const std::byte*>(map), static_cast<std::size_t>(end)};
  }
  ~Mapping() {
    if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  bool given() const { return given_; }  // false: no descriptor came
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  bool given_ = false;
  std::span<const std::byte> bytes_;
};

}  // namespace npmgate
