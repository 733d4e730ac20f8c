#include "store/disk/spool_file.h"

#include "base/digest.h"

namespace npmgate {

Result<std::shared_ptr<SpoolFile>> SpoolFile::create(const std::string& folder, Disk disk) {
  const std::string path = folder + "/" + random_hex(16);
  auto fd = disk.create(path);
  if (!fd) return fd.error();
  if (auto done = disk.remove(path); !done) return done.error();
  return std::shared_ptr<SpoolFile>(new SpoolFile(std::move(disk), std::move(*fd), path));
}

Result<void> SpoolFile::append(std::string_view data) {
  auto done = disk_.write_all(fd_.get(), data, path_);
  if (done) size_ += data.size();
  return done;
}

Result<std::size_t> SpoolFile::read(std::uint64_t offset, std::span<char> into) const {
  return disk_.read_some(fd_.get(), into.data(), into.size(), offset, path_);
}

}  // namespace npmgate
