// Tarballs on disk, addressed by SHA-512. A blob is complete and right, or it is not there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/result.h"
#include "store/disk/disk.h"

namespace npmgate {

// Layout: <root>/tarballs/ab/cdef… (hex of SHA-512), <root>/tmp/<random>. Written to tmp, fsynced,
// renamed, directory fsynced.
class BlobStore {
 public:
  virtual ~BlobStore() = default;

  // A blob being written. Dropped without commit: its temporary file is removed.
  class Writer {
   public:
    virtual ~Writer() = default;
    virtual Result<void> append(std::string_view data) = 0;
    virtual std::uint64_t size() const = 0;
    // Digests of everything appended: sha512 first, then sha1, sha256, sha384 as asked for at
    // creation.
    virtual std::vector<Digest> digests() = 0;  // ends hashing; append is refused after it
    // Everything appended, for inspection; memory-mapped or buffered, valid while the writer lives.
    // Call after digests().
    virtual Result<std::span<const std::byte>> bytes() = 0;
    // The file behind bytes(), opened once more and for reading only: what another process may be
    // given.
    virtual Result<Fd> reader() = 0;
    // Makes the blob visible under its SHA-512 (no-op if it already is).
    virtual Result<void> commit() = 0;
  };
  virtual Result<std::unique_ptr<Writer>> create(std::span<const Algorithm> also) = 0;

  // An open blob, for sending. `fd` belongs to the handle.
  struct Handle {
    int fd = -1;
    std::uint64_t size = 0;
    explicit Handle(int f, std::uint64_t s) : fd(f), size(s) {}
    ~Handle();
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
  };
  // kNotFound; kCorrupt if size, mtime or inode differ from what was committed or last verified
  // and the bytes no longer hash to the name (the file is then moved aside to <root>/corrupt/): a
  // blob changed on disk is noticed before it is served.
  virtual Result<std::shared_ptr<const Handle>> open(std::string_view sha512_hex) = 0;
  virtual Result<std::string> read(std::string_view sha512_hex) = 0;
  virtual std::uint64_t total_bytes() const = 0;
  // Size of the blob, 0 if there is none; removes it. Who has it open goes on reading.
  virtual Result<std::uint64_t> remove(std::string_view sha512_hex) = 0;
  // Removes least recently opened blobs until at most `limit` bytes remain; `keep` says which may
  // never go (pinned releases).
  virtual void trim(std::uint64_t limit,
                    const std::function<bool(std::string_view sha512_hex)>& keep) = 0;
};

// Files under `root` (created 0700). kUnavailable with the path if that is impossible.
// Thread-safe.
Result<std::unique_ptr<BlobStore>> open_blob_store(const std::string& root);
// The same over a disk whose calls tests make fail.
Result<std::unique_ptr<BlobStore>> open_blob_store(const std::string& root, Disk disk);

}  // namespace npmgate
