#include "sandbox/single_worker.h"

#include <sys/socket.h>
#include <sys/time.h>

#include "sandbox/job_clock.h"

namespace npmgate {
namespace {

constexpr unsigned kJobs = 64;

// A worker that does not read its request must not hold us up: sending has the same limit.
Result<void> limit_sending(int socket, std::chrono::seconds limit) {
  const timeval time{limit.count(), 0};
  if (::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time) == 0) return {};
  return fail(Code::kUnavailable, Origin::kSelf, "SO_SNDTIMEO is refused");
}

Result<WorkReply> ask(int socket, const WorkRequest& request, const Fd& file,
                      const Patience& patience) {
  if (auto sent = send_request(socket, encode(request), file.get()); !sent) return sent.error();
  const auto payload = receive_payload(socket, kMaxReply, patience);
  if (!payload) return payload.error();
  return decode_reply(*payload, request.job, request.limits,
                      request.diff ? &*request.diff : nullptr);
}

}  // namespace

Result<void> SingleWorker::ensure_worker() {
  if (worker_ && !worker_->ended()) return {};
  auto started = WorkerProcess::start(options_);
  if (!started) return started.error();
  const auto until = std::chrono::steady_clock::now() + kGreetingLimit;
  if (const auto hello = receive_hello((*started)->socket().get(), until); !hello)
    return hello.error();
  worker_ = std::move(*started);
  jobs_ = 0;
  busy_ = {};
  return {};
}

void SingleWorker::note_use(std::chrono::steady_clock::duration took, std::chrono::seconds limit) {
  busy_ += took;
  if (++jobs_ >= kJobs || busy_ >= limit) worker_.reset();
}

Result<Contents> SingleWorker::read(const Fd& file, const Manifest& stated,
                                    const ArchiveLimits& limits, std::chrono::seconds limit) {
  WorkRequest request;
  request.stated = stated;
  request.limits = limits;
  auto reply = work(file, std::move(request), limit);
  if (!reply) return reply.error();
  return std::move(*reply->contents);
}

Result<ContentDiff> SingleWorker::compare(const Fd& file, const DiffRequest& wanted,
                                          const ArchiveLimits& limits, std::chrono::seconds limit) {
  WorkRequest request;
  request.limits = limits;
  request.diff = wanted;
  auto reply = work(file, std::move(request), limit);
  if (!reply) return reply.error();
  return std::move(*reply->diff);
}

// A reply with what was asked for, or the error; then the worker is gone.
Result<WorkReply> SingleWorker::work(const Fd& file, WorkRequest request,
                                     std::chrono::seconds limit) {
  if (auto ready = ensure_worker(); !ready) return ready.error();
  request.job = next_id_++;
  const auto start = std::chrono::steady_clock::now();
  if (auto limited = limit_sending(worker_->socket().get(), limit); !limited) {
    return limited.error();
  }
  const pid_t worker = worker_->pid();
  JobClock clock(limit, start, processor_time(worker));
  auto reply = ask(worker_->socket().get(), request, file, [&clock, worker] {
    return clock.wait_until(std::chrono::steady_clock::now(), processor_time(worker));
  });
  if (reply && (reply->contents || reply->diff)) {
    note_use(std::chrono::steady_clock::now() - start, limit);
    return reply;
  }
  const std::string how = worker_->end();
  worker_.reset();
  std::string why = reply ? reply->failed : reply.error().context + " (it " + how + ")";
  return fail(Code::kUnavailable, Origin::kSelf, "the inspection worker: " + std::move(why));
}

}  // namespace npmgate
