#include "store/disk/blob_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

#include "base/log.h"
#include "store/disk/blob_index.h"
#include "store/disk/disk.h"

namespace npmgate {
namespace {

constexpr std::size_t kHexLength = 128;      // SHA-512
constexpr std::size_t kReadChunk = 1 << 18;  // 256 KiB: beyond it hashing does not get faster

bool is_lower_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_blob_name(std::string_view hex) {
  return hex.size() == kHexLength && is_lower_hex(hex);
}

// Names in a directory but "." and ".."; empty if it cannot be read.
std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  DIR* const stream = ::opendir(directory.c_str());
  if (stream == nullptr) return names;
  while (const dirent* entry = ::readdir(stream)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  ::closedir(stream);
  return names;
}

// What the store, its writers and its handles share; writers may outlive the store.
struct BlobDirectory {
  BlobDirectory(std::string root_path, Disk the_disk)
      : root(std::move(root_path)), disk(std::move(the_disk)) {}

  std::string shard(std::string_view hex) const {
    return root + "/tarballs/" + std::string(hex.substr(0, 2));
  }
  std::string path(std::string_view hex) const {
    return shard(hex) + "/" + std::string(hex.substr(2));
  }

  const std::string root;
  const Disk disk;
  BlobIndex index;
  // Held while a name under tarballs/ starts or stops to point at a file, so that a good blob is
  // never moved aside for a bad one.
  std::mutex placing;
};

class TemporaryBlob final : public BlobStore::Writer {
 public:
  TemporaryBlob(std::shared_ptr<BlobDirectory> shelf, Fd fd, std::string path,
                std::span<const Algorithm> also)
      : shelf_(std::move(shelf)), fd_(std::move(fd)), path_(std::move(path)) {
    hashers_.emplace_back(Algorithm::kSha512);
    for (const Algorithm algorithm : also) {
      if (algorithm != Algorithm::kSha512) hashers_.emplace_back(algorithm);
    }
  }
  TemporaryBlob(const TemporaryBlob&) = delete;
  TemporaryBlob& operator=(const TemporaryBlob&) = delete;

  ~TemporaryBlob() override {
    if (map_ != nullptr) ::munmap(map_, size_);
    if (!placed_) ::unlink(path_.c_str());
  }

  Result<void> append(std::string_view data) override {
    if (failure_) return *failure_;
    if (!digests_.empty()) {
      return fail(Code::kInternal, Origin::kSelf, path_ + ": append after digests");
    }
    if (auto written = shelf_->disk.write_all(fd_.get(), data, path_); !written) {
      failure_ = written.error();
      return *failure_;
    }
    for (Hasher& hasher : hashers_) hasher.update(data);
    size_ += data.size();
    return {};
  }

  std::uint64_t size() const override { return size_; }

  std::vector<Digest> digests() override {
    if (digests_.empty()) {
      for (Hasher& hasher : hashers_) digests_.push_back(hasher.finish());
    }
    return digests_;
  }

  Result<std::span<const std::byte>> bytes() override;
  Result<Fd> reader() override;
  Result<void> commit() override;

 private:
  Result<void> place(const std::string& hex);

  const std::shared_ptr<BlobDirectory> shelf_;
  Fd fd_;
  std::string path_;
  std::vector<Hasher> hashers_;
  std::vector<Digest> digests_;  // empty until hashing ended
  std::uint64_t size_ = 0;
  void* map_ = nullptr;
  std::optional<Error>
      failure_;  // the first failed append; what lies in the file is not what was given
  bool placed_ = false;
};

Result<std::span<const std::byte>> TemporaryBlob::bytes() {
  if (failure_) return *failure_;
  if (size_ == 0) return std::span<const std::byte>();
  if (map_ == nullptr) {
    if (const int wanted = shelf_->disk.fault("mmap")) return disk_error(wanted, "mmap", path_);
    void* const map = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, fd_.get(), 0);
    if (map == MAP_FAILED) return disk_error(errno, "mmap", path_);
    map_ = map;
  }
  return std::span(static_cast<const std::byte*>(map_), size_);
}

Result<Fd> TemporaryBlob::reader() {
  if (failure_) return *failure_;
  if (const int wanted = shelf_->disk.fault("open")) return disk_error(wanted, "open", path_);
  // By descriptor, not by name: it is this file whatever happens to the name.
  const std::string self = "/proc/self/fd/" + std::to_string(fd_.get());
  Fd fd(::open(self.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return disk_error(errno, "open", path_);
  return fd;
}

Result<void> TemporaryBlob::commit() {
  if (failure_) return *failure_;
  if (placed_) return {};
  const std::string hex = digests().front().hex();
  if (auto synced = shelf_->disk.sync(fd_.get(), path_); !synced) return synced.error();
  return place(hex);
}

Result<void> TemporaryBlob::place(const std::string& hex) {
  const Disk& disk = shelf_->disk;
  const std::string target = shelf_->path(hex);
  const std::string shard = shelf_->shard(hex);
  const bool new_shard = ::access(shard.c_str(), F_OK) != 0;
  {
    const std::lock_guard lock(shelf_->placing);
    if (const auto there = disk.open_read(target)) {
      const auto stamp = disk.stamp(there->get(), target);
      if (stamp && shelf_->index.is_verified(hex, *stamp)) {
        shelf_->index.used(hex);
        return {};  // the destructor drops the copy
      }
    }
    // Not there, or not known to be right since the start: these bytes are, and replace it
    // atomically.
    if (new_shard) {
      if (auto made = disk.make_directory(shard); !made) return made.error();
    }
    if (auto moved = disk.rename(path_, target); !moved) return moved.error();
    placed_ = true;
    path_ = target;
    const auto stamp = disk.stamp(fd_.get(), target);
    if (!stamp) return stamp.error();
    shelf_->index.verified(hex, *stamp);
  }
  if (auto synced = disk.sync_directory(shard); !synced) return synced.error();
  return new_shard ? disk.sync_directory(shelf_->root + "/tarballs") : Result<void>();
}

class DirectoryBlobStore final : public BlobStore {
 public:
  explicit DirectoryBlobStore(std::shared_ptr<BlobDirectory> shelf) : shelf_(std::move(shelf)) {}

  Result<void> prepare();

  Result<std::unique_ptr<Writer>> create(std::span<const Algorithm> also) override;
  Result<std::shared_ptr<const Handle>> open(std::string_view sha512_hex) override;
  Result<std::string> read(std::string_view sha512_hex) override;
  std::uint64_t total_bytes() const override { return shelf_->index.total(); }
  Result<std::uint64_t> remove(std::string_view sha512_hex) override;
  void trim(std::uint64_t limit,
            const std::function<bool(std::string_view sha512_hex)>& keep) override;

 private:
  void remove_stale_temporaries();
  void scan();
  void forget_if_absent(const std::string& hex);
  Result<void> verify(const Fd& fd, const std::string& hex);
  Error move_aside(const std::string& hex, const std::optional<FileStamp>& damaged,
                   const std::string& why);

  const std::shared_ptr<BlobDirectory> shelf_;
};

Result<void> DirectoryBlobStore::prepare() {
  for (const char* folder : {"", "/tmp", "/tarballs", "/corrupt"}) {
    if (auto made = shelf_->disk.make_directory(shelf_->root + folder); !made) return made.error();
  }
  remove_stale_temporaries();
  scan();
  return {};
}

// A temporary file that nobody holds locked was left by a process that died.
void DirectoryBlobStore::remove_stale_temporaries() {
  const std::string folder = shelf_->root + "/tmp";
  for (const std::string& name : names_in(folder)) {
    const std::string path = folder + "/" + name;
    const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (fd.get() < 0 || ::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) ::unlink(path.c_str());
  }
}

// Order of use does not survive a restart; the file's own times stand in for it.
void DirectoryBlobStore::scan() {
  struct Found {
    std::int64_t last_use;
    std::uint64_t size;
    std::string hex;
  };
  std::vector<Found> all;
  const std::string folder = shelf_->root + "/tarballs";
  for (const std::string& shard : names_in(folder)) {
    if (shard.size() != 2 || !is_lower_hex(shard)) continue;
    for (const std::string& name : names_in(folder + "/" + shard)) {
      std::string hex = shard + name;
      struct stat status {};
      if (!is_blob_name(hex) || ::lstat(shelf_->path(hex).c_str(), &status) != 0) continue;
      if (!S_ISREG(status.st_mode)) continue;
      const std::int64_t last_use =
          std::max<std::int64_t>(status.st_atim.tv_sec, status.st_mtim.tv_sec);
      all.push_back({last_use, static_cast<std::uint64_t>(status.st_size), std::move(hex)});
    }
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Found& a, const Found& b) { return a.last_use < b.last_use; });
  for (const Found& found : all) shelf_->index.found(found.hex, found.size);
}

Result<std::unique_ptr<BlobStore::Writer>> DirectoryBlobStore::create(
    std::span<const Algorithm> also) {
  std::string path = shelf_->root + "/tmp/" + random_hex(16);
  auto fd = shelf_->disk.create(path);
  if (!fd) return fd.error();
  ::flock(fd->get(), LOCK_EX | LOCK_NB);  // tells another process that this one still writes
  return std::unique_ptr<Writer>(
      std::make_unique<TemporaryBlob>(shelf_, std::move(*fd), std::move(path), also));
}

Result<std::shared_ptr<const BlobStore::Handle>> DirectoryBlobStore::open(
    std::string_view sha512_hex) {
  const std::string hex(sha512_hex);
  if (!is_blob_name(hex)) return fail(Code::kNotFound, Origin::kDisk, "not a blob name");
  const std::string path = shelf_->path(hex);
  auto fd = shelf_->disk.open_read(path);
  if (!fd) {
    if (fd.error().code == Code::kNotFound) forget_if_absent(hex);
    if (fd.error().code == Code::kCorrupt) return move_aside(hex, {}, fd.error().context);
    return fd.error();
  }
  const auto stamp = shelf_->disk.stamp(fd->get(), path);
  if (!stamp) return stamp.error();
  if (!shelf_->index.is_verified(hex, *stamp)) {
    if (auto verified = verify(*fd, hex); !verified) return verified.error();
  }
  shelf_->index.used(hex);
  return std::make_shared<const Handle>(fd->release(), stamp->size);
}

// A file removed by hand is no longer counted. Looked at again under the lock: a commit may just
// have put it there.
void DirectoryBlobStore::forget_if_absent(const std::string& hex) {
  const std::lock_guard lock(shelf_->placing);
  if (::access(shelf_->path(hex).c_str(), F_OK) != 0) shelf_->index.gone(hex);
}

// Hashes the open file. Only ctime may change meanwhile: a trim or another commit that takes the
// name away from this file does that, a write changes mtime as well.
Result<void> DirectoryBlobStore::verify(const Fd& fd, const std::string& hex) {
  const Disk& disk = shelf_->disk;
  const std::string path = shelf_->path(hex);
  const auto before = disk.stamp(fd.get(), path);
  if (!before) return before.error();
  Hasher hasher(Algorithm::kSha512);
  std::vector<char> buffer(std::clamp<std::uint64_t>(before->size, 1, kReadChunk));
  for (std::uint64_t offset = 0;;) {
    const auto count = disk.read_some(fd.get(), buffer.data(), buffer.size(), offset, path);
    if (!count) return count.error();
    if (*count == 0) break;
    hasher.update(std::string_view(buffer.data(), *count));
    offset += *count;
  }
  const auto after = disk.stamp(fd.get(), path);
  if (!after) return after.error();
  const bool unchanged = after->size == before->size && after->modified_ns == before->modified_ns;
  if (!unchanged || hasher.finish().hex() != hex) {
    return move_aside(hex, *after, path + ": bytes do not match the name");
  }
  const std::lock_guard lock(shelf_->placing);
  struct stat status {};
  const bool still_named = ::lstat(path.c_str(), &status) == 0 && to_stamp(status) == *before;
  if (still_named) shelf_->index.verified(hex, *before);
  return {};
}

// `damaged` is the file that was found bad; another one that a commit put there meanwhile stays.
// nullopt: whatever is there goes.
Error DirectoryBlobStore::move_aside(const std::string& hex,
                                     const std::optional<FileStamp>& damaged,
                                     const std::string& why) {
  const std::string path = shelf_->path(hex);
  const std::string aside = shelf_->root + "/corrupt/" + hex + "-" + random_hex(4);
  const std::lock_guard lock(shelf_->placing);
  struct stat status {};
  const bool there = ::lstat(path.c_str(), &status) == 0;
  const bool same = there && (!damaged || to_stamp(status).inode == damaged->inode);
  if (same) {
    if (auto moved = shelf_->disk.rename(path, aside); !moved) {
      log::error("blob-corrupt", why, {{"not_moved", moved.error().context}});
    } else {
      log::error("blob-corrupt", why, {{"moved_to", aside}});
    }
    shelf_->index.gone(hex);
  }
  return fail(Code::kCorrupt, Origin::kDisk, why, true);
}

Result<std::string> DirectoryBlobStore::read(std::string_view sha512_hex) {
  const auto handle = open(sha512_hex);
  if (!handle) return handle.error();
  return shelf_->disk.read_all((*handle)->fd, std::numeric_limits<std::size_t>::max(),
                               shelf_->path(sha512_hex));
}

Result<std::uint64_t> DirectoryBlobStore::remove(std::string_view sha512_hex) {
  const std::string hex(sha512_hex);
  if (!is_blob_name(hex)) return std::uint64_t{0};
  const std::string path = shelf_->path(hex);
  const std::lock_guard lock(shelf_->placing);
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return std::uint64_t{0};
  if (auto removed = shelf_->disk.remove(path); !removed) return removed.error();
  shelf_->index.gone(hex);
  return static_cast<std::uint64_t>(status.st_size);
}

void DirectoryBlobStore::trim(std::uint64_t limit,
                              const std::function<bool(std::string_view)>& keep) {
  if (shelf_->index.total() <= limit) return;
  for (const BlobIndex::Candidate& candidate : shelf_->index.least_recent_first()) {
    if (shelf_->index.total() <= limit) return;
    if (keep(candidate.hex)) continue;
    const std::lock_guard lock(shelf_->placing);
    if (!shelf_->index.unused_since(candidate)) continue;
    const std::string path = shelf_->path(candidate.hex);
    if (auto removed = shelf_->disk.remove(path); !removed) {
      log::warn("blob-not-trimmed", removed.error().context);
      continue;
    }
    shelf_->index.gone(candidate.hex);
  }
}

}  // namespace

BlobStore::Handle::~Handle() {
  if (fd >= 0) ::close(fd);
}

Result<std::unique_ptr<BlobStore>> open_blob_store(const std::string& root) {
  return open_blob_store(root, Disk());
}

Result<std::unique_ptr<BlobStore>> open_blob_store(const std::string& root, Disk disk) {
  auto store =
      std::make_unique<DirectoryBlobStore>(std::make_shared<BlobDirectory>(root, std::move(disk)));
  if (auto prepared = store->prepare(); !prepared) return prepared.error();
  return std::unique_ptr<BlobStore>(std::move(store));
}

}  // namespace npmgate
