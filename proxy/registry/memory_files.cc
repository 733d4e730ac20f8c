#include "proxy/registry/memory_files.h"

#include <sys/mman.h>
#include <sys/resource.h>

#include <algorithm>

#include "base/fd.h"
#include "store/disk/disk.h"

namespace npmgate {

std::size_t MemoryFiles::allowed() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return kMost;
  return std::min<std::size_t>(limit.rlim_cur / 16, kMost);
}

std::shared_ptr<const BlobStore::Handle> MemoryFiles::make(std::string_view text) {
  const auto open = open_;
  if (open->fetch_add(1) >= most_) {
    open->fetch_sub(1);
    return nullptr;
  }
  Fd fd(::memfd_create("packument", MFD_CLOEXEC));
  if (fd.get() < 0 || !Disk().write_all(fd.get(), text, "packument")) {
    open->fetch_sub(1);
    return nullptr;
  }
  const auto close = [open](const BlobStore::Handle* file) {
    delete file;
    open->fetch_sub(1);
  };
  return {new BlobStore::Handle(fd.release(), text.size()), close};
}

}  // namespace npmgate
