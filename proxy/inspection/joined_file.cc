#include "proxy/inspection/joined_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace npmgate {
namespace {

Error no_memory_file(const char* what) {
  return fail(Code::kUnavailable, Origin::kSelf, std::string(what) + ": " + std::strerror(errno),
              true);
}

bool append(int to, const BlobStore::Handle& from) {
  off_t at = 0;
  while (static_cast<std::uint64_t>(at) < from.size) {
    const ssize_t n = ::sendfile(to, from.fd, &at, from.size - static_cast<std::uint64_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
  }
  return true;
}

bool append(int to, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(to, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace

Result<std::shared_ptr<const Fd>> joined_file(const std::vector<const BlobStore::Handle*>& blobs,
                                              std::string_view tail) {
  const Fd file(::memfd_create("npm-gate-joined", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (file.get() < 0) return no_memory_file("no memory to put files side by side");
  for (const BlobStore::Handle* blob : blobs) {
    if (blob != nullptr && !append(file.get(), *blob))
      return no_memory_file("files cannot be put side by side");
  }
  if (!append(file.get(), tail)) return no_memory_file("files cannot be put side by side");
  if (::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) !=
      0)
    return no_memory_file("a memory file cannot be sealed");
  const std::string path = "/proc/self/fd/" + std::to_string(file.get());
  auto reader = std::make_shared<Fd>(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (reader->get() < 0) return no_memory_file("a memory file cannot be opened again");
  return std::shared_ptr<const Fd>(std::move(reader));
}

}  // namespace npmgate
