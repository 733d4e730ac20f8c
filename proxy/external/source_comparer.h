// A release's tarball beside the commit that it is said to be made from: fetches commit and trees
// from the git host (never files, but for one package.json) and has them compared in the sandbox.
#pragma once

#include <atomic>
#include <chrono>
#include <string>

#include "inspect/archive/archive.h"
#include "inspect/evidence/source_evidence.h"
#include "proxy/external/git_client.h"
#include "proxy/inspection/inspector.h"
#include "store/disk/blob_store.h"

namespace npmgate {

struct SourceWanted {
  SourceWanted() {}  // a constructor: it travels into coroutines (see proxy/net/async.h)
  std::string name;
  std::string repository;                         // as package.json states it
  std::string directory;                          // likewise
  std::string commit;                             // hex
  std::string named_by;                           // SourceEvidence
  std::string sha512;                             // hex, of the tarball, which is in the blob store
  std::chrono::steady_clock::time_point until{};  // no request goes on for longer
};

// Thread-safe. What it is given outlives it.
class SourceComparer {
 public:
  // Of one packfile. Commit and trees of 50,000 files take about 2 MB (docs/performance.md).
  static constexpr std::size_t kMaxPack = std::size_t{32} << 20;
  // Of one source's package.json, packed.
  static constexpr std::size_t kMaxManifest = std::size_t{1} << 20;
  // At a time; further ones wait. Each holds a pack twice at most.
  static constexpr int kMostAtOnce = 4;

  SourceComparer(GitClient& client, Inspector& inspector, BlobStore& blobs, Pool& pool,
                 const Clock& clock, ArchiveLimits limits)
      : client_(client),
        inspector_(inspector),
        blobs_(blobs),
        pool_(pool),
        clock_(clock),
        limits_(limits) {}

  // Never an error: what could not be had is SourceEvidence::State::kUnavailable with the reason.
  Task<SourceEvidence> compare(SourceWanted wanted);

 private:
  using Blob = std::shared_ptr<const BlobStore::Handle>;
  Task<Result<SourceComparison>> compare_now(SourceWanted wanted, std::string url,
                                             std::string host);
  // Adds what package.json says that the source's does not; leaves it unread if that cannot be had.
  Task<void> read_manifest(SourceWanted wanted, GitClient::Opened opened, Blob blob,
                           SourceComparison& found);
  Task<Result<std::string>> fetch(GitClient::Opened opened, std::string object, Fetched what,
                                  std::size_t max_body,
                                  std::chrono::steady_clock::time_point until);
  // `job`: all but the file and the limits.
  Task<Result<SourceComparison>> compare_in_worker(Blob blob, std::string pack, SourceJob job);

  GitClient& client_;
  Inspector& inspector_;
  BlobStore& blobs_;
  Pool& pool_;
  const Clock& clock_;
  const ArchiveLimits limits_;
  std::atomic<int> running_{0};
};

}  // namespace npmgate
