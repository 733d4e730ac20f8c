// The pool of inspection workers (sandbox/): warm processes, one job at a time each, replaced when
// they die, lie, are late or have done enough.
//
// What a worker answers is data from a process that hostile bytes may have taken over: it is read
// strictly (sandbox/wire.h) and says only what the tarball holds; name, version, digests and
// integrity come from the gate. A worker that was taken over can lie about the tarballs that it is
// given afterwards, until it is replaced: `max_jobs` bounds that.
//
// Each of `workers` slots goes round:
//
//   paused    after three deaths without a job done between them, longer each time
//   starting  spawned, has not greeted. It refuses or dies -> paused; if several slots in a row do
//             and none runs, every waiting job is answered with that
//   idle      waits for a job
//   working   has one. Done -> idle, until it is worn (`max_jobs`, `max_bytes`, twice the deadline
//   of
//             work) or could not read the tarball -> replaced, starting
//             Late, dead or not to the letter -> killed, paused
//
// A job is queued, worked on, and answered exactly once: with its contents, with why there are
// none, or with an error that says nothing about the release (queue full, no worker can be
// started). One whose worker died goes to the front of the queue for `attempts`; one that was late
// does not.
#pragma once

#include <cstdint>
#include <memory>

#include "base/metrics.h"
#include "proxy/inspection/inspector.h"
#include "sandbox/process.h"

namespace npmgate {

struct SandboxOptions {
  unsigned workers = 2;
  Millis deadline{std::chrono::seconds(20)};  // processor time of one job (sandbox/job_clock.h)
  WorkerOptions worker;
  std::uint32_t max_jobs = 64;                       // then the worker is replaced
  std::uint64_t max_bytes = std::uint64_t{1} << 30;  // of unpacked tarballs, likewise
  std::size_t max_queue = 4096;                      // jobs that wait; more are refused
  // A worker may die of something else than its job (memory pressure, an administrator): the job is
  // tried once more on a fresh worker. One that is late or runs out of memory is not.
  unsigned attempts = 2;
};

// Metrics: npm_gate_inspection_jobs_total{outcome="done|unavailable|refused"},
// npm_gate_inspection_workers_started_total, npm_gate_inspection_worker_failures_total{reason=
// "died|late|garbage|start"}, npm_gate_inspection_queue_seconds, npm_gate_inspection_workers
// (running now).
class SandboxedInspector final : public Inspector {
 public:
  // Blocks until a first worker has greeted. kUnavailable with what is missing if this machine
  // cannot hold workers. `executor` runs on one thread, the parent of every worker: it must outlive
  // this object, which is destroyed on that thread or after it ended. `pool` and `metrics`
  // likewise.
  static Result<std::unique_ptr<SandboxedInspector>> start(net::any_io_executor executor,
                                                           Pool& pool, Metrics& metrics,
                                                           SandboxOptions options);
  ~SandboxedInspector() override;  // ends all workers; jobs that still wait are never answered

  Task<Result<Inspected>> read(InspectionJob job) override;
  Task<Result<ContentDiff>> compare(DiffJob job) override;
  Task<Result<SourceComparison>> compare_source(SourceJob job) override;
  std::string sandbox() const override;

  // What a worker must not do, tried in one (sandbox/self_test.h): the errno, or in `unavailable`
  // how it died.
  struct Tried {
    Tried() {}
    int error = 0;
    std::string died;
  };
  Task<Result<Tried>> try_attempt(std::string name);

 private:
  struct State;
  explicit SandboxedInspector(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;  // shared with the coroutines of the slots
};

}  // namespace npmgate
