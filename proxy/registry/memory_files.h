// Large bodies as files in memory: sendfile hands their pages to the socket without a copy.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>

#include "proxy/net/http.h"
#include "store/disk/blob_store.h"

namespace npmgate {

// Each file is a descriptor, of which a process has few: their number is bounded. They are closed
// on exec, so that workers never hold one. Thread-safe; files may outlive it.
class MemoryFiles {
 public:
  // A sixteenth of the files that the process may open, at most this many: clients, tarballs,
  // upstreams and workers need the others (connections_allowed in app/serve.cc leaves a quarter).
  static constexpr std::size_t kMost = 1024;
  static std::size_t allowed();

  explicit MemoryFiles(std::size_t most = allowed()) : most_(most) {}

  // `text` in a file; null where there is no descriptor or no memory left for it.
  std::shared_ptr<const BlobStore::Handle> make(std::string_view text);
  // Files that are still open.
  std::size_t open() const { return *open_; }

 private:
  std::size_t most_;
  std::shared_ptr<std::atomic<std::size_t>> open_ = std::make_shared<std::atomic<std::size_t>>(0);
};

}  // namespace npmgate
