// One worker for who works through tarballs one after another and can wait: commands and tools.
#pragma once

#include <memory>

#include "sandbox/process.h"

namespace npmgate {

// The worker is replaced after 64 tarballs, or once it has worked for as long as one may take.
class SingleWorker {
 public:
  explicit SingleWorker(WorkerOptions options) : options_(std::move(options)) {}

  // The contents of the tarball that `file` is open on. kUnavailable with the reason if no
  // worker can be started, if it died, was late or answered what it must not; the next call
  // gets a new one. `limit` is of the worker's processor time (sandbox/job_clock.h).
  Result<Contents> read(const Fd& file, const Manifest& stated, const ArchiveLimits& limits,
                        std::chrono::seconds limit);
  // The difference of two tarballs that `file` holds one behind the other (sandbox/wire.h). Errors
  // as above, and kMalformed with the rule if one of them is refused.
  Result<ContentDiff> compare(const Fd& file, const DiffRequest& wanted,
                              const ArchiveLimits& limits, std::chrono::seconds limit);

 private:
  Result<WorkReply> work(const Fd& file, WorkRequest request, std::chrono::seconds limit);
  Result<void> ensure_worker();
  void note_use(std::chrono::steady_clock::duration took, std::chrono::seconds limit);

  WorkerOptions options_;
  std::unique_ptr<WorkerProcess> worker_;
  std::uint64_t next_id_ = 1;
  unsigned jobs_ = 0;  // of this worker
  std::chrono::steady_clock::duration busy_{};
};

}  // namespace npmgate
