// The bodies of upstream documents: one gzip file each, replaced atomically. A cache: nothing is
// synced, the caller compares digests.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "base/result.h"
#include "store/disk/disk.h"

namespace npmgate {

// Thread-safe.
class DocumentFiles {
 public:
  // Under `directory` (made if missing by prepare()); "" keeps them in memory, for tests.
  DocumentFiles(std::string directory, Disk disk)
      : directory_(std::move(directory)), disk_(std::move(disk)) {}
  Result<void> prepare();

  // `compressed` becomes the body of `key`.
  Result<void> put(std::string_view key, std::string_view compressed);
  // kNotFound if there is none.
  Result<std::string> get(std::string_view key);
  Result<void> remove(std::string_view key);

 private:
  std::string path(std::string_view key) const;

  const std::string directory_;
  const Disk disk_;
  std::mutex mutex_;
  std::map<std::string, std::string, std::less<>> memory_;
};

}  // namespace npmgate
