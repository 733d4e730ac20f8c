#include "store/disk/disk_reserve.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"

namespace npmgate {
namespace {

// A decision with its line of the trail takes some pages of 4 KiB in the write-ahead log and, at a
// checkpoint, in the database: one part is enough for a few, all of it for some dozens.
constexpr off_t kBytes = off_t{1} << 20;
constexpr off_t kPart = kBytes / 8;

}  // namespace

void DiskReserve::fill() {
  const std::lock_guard lock(mutex_);
  struct stat status {};
  if (::stat(path_.c_str(), &status) == 0 && status.st_size >= kBytes) return;
  struct statvfs disk {};
  const std::string folder = path_.substr(0, path_.rfind('/'));
  if (::statvfs(folder.c_str(), &disk) != 0) return;
  if (static_cast<unsigned long long>(disk.f_bavail) * disk.f_frsize < 2ull * kBytes) return;
  const Fd file(::open(path_.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0600));
  // If blocks cannot be allocated ahead (some network disks) there is no reserve.
  if (file.get() >= 0 && ::posix_fallocate(file.get(), 0, kBytes) != 0)
    log::info("disk-reserve", "no room could be kept for decisions");
}

bool DiskReserve::give_back() {
  const std::lock_guard lock(mutex_);
  struct stat status {};
  if (::stat(path_.c_str(), &status) != 0 || status.st_size == 0) return false;
  const off_t left = status.st_size > kPart ? status.st_size - kPart : 0;
  if (::truncate(path_.c_str(), left) != 0) return false;
  log::error("disk-full", "a decision is recorded in room that was kept for it: make room now");
  return true;
}

}  // namespace npmgate
