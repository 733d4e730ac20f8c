#include "proxy/inspection/sandboxed_inspector.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <deque>
#include <list>

#include "proxy/inspection/worker_link.h"
#include "sandbox/self_test.h"

namespace npmgate {
namespace {

using SteadyClock = std::chrono::steady_clock;

// Deaths in a row before workers are started with a delay, and the longest delay: a poisonous
// tarball costs others nothing, a machine where workers cannot live is not kept busy with trying.
constexpr unsigned kFreeFailures = 3;
constexpr auto kFirstDelay = std::chrono::milliseconds(50);
constexpr auto kLongestDelay = std::chrono::seconds(2);

struct Waiting {
  Waiting(const net::any_io_executor& executor, InspectionJob the_job)
      : job(std::move(the_job)), done(executor, SteadyClock::time_point::max()) {}
  InspectionJob job;
  std::string attempt;  // not "": of the self test
  std::optional<DiffRequest> diff;
  std::optional<SourceRequest> source;
  unsigned tries = 0;
  SteadyClock::time_point since = SteadyClock::now();
  net::steady_timer done;  // cancelled once there is an outcome
  std::optional<Result<WorkReply>> outcome;
};
using WaitingPtr = std::shared_ptr<Waiting>;

// Of a job about two files that lie one behind the other.
template <class Job>
WaitingPtr queued(const net::any_io_executor& executor, const Job& job) {
  InspectionJob carrier;
  carrier.limits = job.limits;
  carrier.reader = job.both;
  return std::make_shared<Waiting>(executor, std::move(carrier));
}

std::string why_nothing(const WorkReply& reply) {
  return reply.failed.empty() ? "the worker said nothing" : reply.failed;
}

// How much longer a worker may be used.
struct Wear {
  std::uint32_t jobs = 0;
  std::uint64_t bytes = 0;
  SteadyClock::duration busy{};
};

const char* reason_label(const Error& error) {
  switch (error.code) {
    case Code::kTimeout:
      return "late";
    case Code::kMalformed:
      return "garbage";
    default:
      return "died";
  }
}

WorkReply unavailable(std::string why) {
  WorkReply reply;
  reply.failed = std::move(why);
  return reply;
}

}  // namespace

struct SandboxedInspector::State : std::enable_shared_from_this<State> {
  State(net::any_io_executor the_executor, Pool& the_pool, Metrics& the_metrics,
        SandboxOptions the_options, Confinement held)
      : executor(std::move(the_executor)),
        pool(the_pool),
        metrics(the_metrics),
        options(std::move(the_options)),
        confinement(held) {}

  // One worker after another, for ever.
  Task<void> run_slot();
  Task<Result<std::shared_ptr<WorkerLink>>> start_worker();
  Task<void> use(std::shared_ptr<WorkerLink> link);
  Task<WaitingPtr> next_job(std::shared_ptr<WorkerLink> link);
  Task<Result<WorkReply>> work(std::shared_ptr<WorkerLink> link, WaitingPtr waiting);
  Task<void> handle_worker_death(std::shared_ptr<WorkerLink> link, WaitingPtr waiting, Error error);
  Task<void> pause_after_failures();

  // submit() on the executor's thread; resumes the caller on its own executor.
  Task<Result<WorkReply>> reply_to(WaitingPtr waiting);
  Task<Result<WorkReply>> submit(WaitingPtr waiting);
  void finish(Waiting& waiting, Result<WorkReply> outcome);
  void fail_all(const Error& error);
  void wake_one() {
    if (queue.empty() || idle.empty()) return;
    idle.front()->wake();
    idle.pop_front();
  }
  std::string death_sentence(const Error& error, const std::string& end) const;
  void count_running(int change) {
    running += change;
    metrics.set("npm_gate_inspection_workers", "", running);
  }

  const net::any_io_executor executor;
  Pool& pool;
  Metrics& metrics;
  const SandboxOptions options;
  const Confinement confinement;

  // Touched on the executor's thread only.
  std::deque<WaitingPtr> queue;
  std::list<std::shared_ptr<WorkerLink>> idle;
  std::uint64_t next_id = 1;
  unsigned failures = 0;        // deaths since a job was last done
  unsigned start_failures = 0;  // since a worker last greeted
  int running = 0;
  bool stopping = false;
};

Task<void> SandboxedInspector::State::run_slot() {
  const auto self = shared_from_this();
  while (!stopping) {
    co_await pause_after_failures();
    auto link = co_await start_worker();
    if (!link) {
      ++failures;
      metrics.add("npm_gate_inspection_worker_failures_total", R"(reason="start")");
      log::error("inspection-worker", "a worker could not be started",
                 {{"error", to_string(link.error())}});
      // One may have been killed as it started; several in a row are no accident.
      if (++start_failures >= kFreeFailures && running == 0) fail_all(link.error());
      continue;
    }
    start_failures = 0;
    count_running(1);
    co_await use(*link);
    count_running(-1);
    // It may have died just when it was woken for a job: somebody else takes that.
    wake_one();
  }
}

Task<void> SandboxedInspector::State::pause_after_failures() {
  if (failures < kFreeFailures) co_return;
  const unsigned doublings = std::min(failures - kFreeFailures, 10u);
  const auto delay =
      std::min<SteadyClock::duration>(kFirstDelay * (1u << doublings), kLongestDelay);
  net::steady_timer timer(executor, delay);
  co_await wait_for(timer);
}

Task<Result<std::shared_ptr<WorkerLink>>> SandboxedInspector::State::start_worker() {
  metrics.add("npm_gate_inspection_workers_started_total");
  auto link = WorkerLink::start(executor, options.worker);
  if (!link) co_return link.error();
  const auto payload = co_await (*link)->greeting(kGreetingLimit);
  std::string why;
  if (!payload) {
    why = payload.error().context;
  } else if (const auto hello = decode_hello(*payload); !hello) {
    why = hello.error().context;
  } else {
    why = hello->refused;
  }
  if (why.empty()) co_return std::move(*link);
  (*link)->kill();
  const std::string how = co_await (*link)->end();
  co_return fail(Code::kUnavailable, Origin::kSelf, why + " (the worker " + how + ")", true);
}

Task<WaitingPtr> SandboxedInspector::State::next_job(std::shared_ptr<WorkerLink> link) {
  while (!stopping && !link->dead()) {
    if (!queue.empty()) {
      WaitingPtr waiting = std::move(queue.front());
      queue.pop_front();
      co_return waiting;
    }
    idle.push_back(link);
    co_await link->sleep();
    idle.remove(link);
  }
  co_return nullptr;
}

Task<void> SandboxedInspector::State::use(std::shared_ptr<WorkerLink> link) {
  Wear wear;
  while (wear.jobs < options.max_jobs && wear.bytes < options.max_bytes &&
         wear.busy < 2 * options.deadline) {
    WaitingPtr waiting = co_await next_job(link);
    if (!waiting) break;
    const auto started = SteadyClock::now();
    const std::chrono::duration<double> queued = started - waiting->since;
    metrics.observe("npm_gate_inspection_queue_seconds", "", queued.count());
    ++waiting->tries;
    auto reply = co_await work(link, waiting);
    if (!reply && reply.error().retry) {
      finish(*waiting, std::move(reply));
      continue;
    }
    if (!reply) {
      co_await handle_worker_death(link, waiting, reply.error());
      co_return;
    }
    failures = 0;
    ++wear.jobs;
    wear.busy += SteadyClock::now() - started;
    if (reply->contents) wear.bytes += reply->contents->tree.unpacked_size;
    const bool spent = !reply->failed.empty();
    finish(*waiting, std::move(reply));
    if (spent) break;
  }
  link->kill();
  const std::string how = co_await link->end();
  log::debug("inspection-worker", "a worker is replaced", {{"jobs", wear.jobs}, {"it", how}});
}

// Errors: kTimeout, kUnavailable and kMalformed are the worker's end. With `retry` it is our own
// pool that is full, and the worker is fine.
Task<Result<WorkReply>> SandboxedInspector::State::work(std::shared_ptr<WorkerLink> link,
                                                        WaitingPtr waiting) {
  WorkRequest request;
  request.job = next_id++;
  request.stated.name = waiting->job.stated.name;
  request.stated.scripts = waiting->job.stated.scripts;
  request.limits = waiting->job.limits;
  request.attempt = waiting->attempt;
  request.diff = waiting->diff;
  request.source = waiting->source;
  const int tarball = waiting->job.reader ? waiting->job.reader->get() : -1;
  std::string text = encode(request);
  auto payload = co_await link->ask(std::move(text), tarball, kMaxReply, options.deadline);
  if (!payload) {
    Error error = payload.error();
    error.retry = false;
    co_return error;
  }
  std::function<Result<WorkReply>()> read = [payload = std::move(*payload), id = request.job,
                                             limits = request.limits, waiting] {
    return decode_reply(payload, id, limits, waiting->diff ? &*waiting->diff : nullptr,
                        waiting->source ? &*waiting->source : nullptr);
  };
  co_return co_await pool.offload(std::move(read));
}

std::string SandboxedInspector::State::death_sentence(const Error& error,
                                                      const std::string& end) const {
  switch (error.code) {
    case Code::kTimeout:
      return "the inspection took longer than " +
             std::to_string(
                 std::chrono::duration_cast<std::chrono::seconds>(options.deadline).count()) +
             " s";
    case Code::kMalformed:
      return "the inspection worker answered what it must not: " + error.context;
    default:
      return "the inspection worker " + end;
  }
}

Task<void> SandboxedInspector::State::handle_worker_death(std::shared_ptr<WorkerLink> link,
                                                          WaitingPtr waiting, Error error) {
  const char* const label = reason_label(error);
  if (error.code == Code::kMalformed) link->kill();
  const std::string how = co_await link->end();
  const std::string sentence = death_sentence(error, how);
  ++failures;
  metrics.add("npm_gate_inspection_worker_failures_total", std::string("reason=\"") + label + "\"");
  const bool again = error.code != Code::kTimeout && waiting->tries < options.attempts &&
                     waiting->attempt.empty() && !stopping;
  log::warn("inspection-worker", log::printable(sentence),
            {{"reason", label}, {"again", again}, {"try", waiting->tries}});
  if (!again) {
    finish(*waiting, unavailable(log::printable(sentence)));
    co_return;
  }
  queue.push_front(waiting);
  wake_one();
}

void SandboxedInspector::State::finish(Waiting& waiting, Result<WorkReply> outcome) {
  const char* const label = !outcome                  ? R"(outcome="refused")"
                            : outcome->failed.empty() ? R"(outcome="done")"
                                                      : R"(outcome="unavailable")";
  metrics.add("npm_gate_inspection_jobs_total", label);
  waiting.outcome.emplace(std::move(outcome));
  waiting.done.cancel();
}

void SandboxedInspector::State::fail_all(const Error& error) {
  while (!queue.empty()) {
    const WaitingPtr waiting = std::move(queue.front());
    queue.pop_front();
    finish(*waiting, fail(Code::kUnavailable, Origin::kSelf,
                          "no inspection worker can be started: " + error.context, true));
  }
}

Task<Result<WorkReply>> SandboxedInspector::State::submit(WaitingPtr waiting) {
  if (queue.size() >= options.max_queue) {
    co_return fail(Code::kUnavailable, Origin::kSelf,
                   "overloaded: too many inspections are waiting; try again shortly", true);
  }
  queue.push_back(waiting);
  wake_one();
  while (!waiting->outcome) co_await wait_for(waiting->done);
  co_return std::move(*waiting->outcome);
}

Task<Result<WorkReply>> SandboxedInspector::State::reply_to(WaitingPtr waiting) {
  const auto self = shared_from_this();
  auto there = submit(std::move(waiting));
  co_return co_await net::co_spawn(executor, std::move(there), net::use_awaitable);
}

Result<std::unique_ptr<SandboxedInspector>> SandboxedInspector::start(net::any_io_executor executor,
                                                                      Pool& pool, Metrics& metrics,
                                                                      SandboxOptions options) {
  const auto confinement = probe_sandbox(options.worker);
  if (!confinement) return confinement.error();
  const unsigned workers = std::max(1u, options.workers);
  auto state = std::make_shared<State>(executor, pool, metrics, std::move(options), *confinement);
  for (unsigned i = 0; i < workers; ++i) {
    std::function<Task<void>()> slot = [state] { return state->run_slot(); };
    spawn_detached(executor, "inspection workers", std::move(slot));
  }
  return std::unique_ptr<SandboxedInspector>(new SandboxedInspector(std::move(state)));
}

SandboxedInspector::SandboxedInspector(std::shared_ptr<State> state) : state_(std::move(state)) {}

SandboxedInspector::~SandboxedInspector() {
  state_->stopping = true;
  for (const auto& link : state_->idle) {
    link->kill();
    link->wake();
  }
}

std::string SandboxedInspector::sandbox() const {
  return to_string(state_->confinement);
}

Task<Result<Inspected>> SandboxedInspector::read(InspectionJob job) {
  auto waiting = std::make_shared<Waiting>(state_->executor, std::move(job));
  auto reply = co_await state_->reply_to(std::move(waiting));
  if (!reply) co_return reply.error();
  Inspected inspected;
  if (reply->contents) {
    inspected.contents = std::move(*reply->contents);
  } else {
    inspected.unavailable = why_nothing(*reply);
  }
  co_return inspected;
}

Task<Result<ContentDiff>> SandboxedInspector::compare(DiffJob job) {
  auto waiting = queued(state_->executor, job);
  waiting->diff = std::move(job.request);
  auto reply = co_await state_->reply_to(std::move(waiting));
  if (!reply) co_return reply.error();
  if (reply->diff) co_return std::move(*reply->diff);
  co_return fail(Code::kUnavailable, Origin::kSelf, why_nothing(*reply));
}

Task<Result<SourceComparison>> SandboxedInspector::compare_source(SourceJob job) {
  auto waiting = queued(state_->executor, job);
  waiting->source = std::move(job.request);
  auto reply = co_await state_->reply_to(std::move(waiting));
  if (!reply) co_return reply.error();
  if (reply->source) co_return std::move(*reply->source);
  co_return fail(Code::kUnavailable, Origin::kSelf, why_nothing(*reply));
}

Task<Result<SandboxedInspector::Tried>> SandboxedInspector::try_attempt(std::string name) {
  auto waiting = std::make_shared<Waiting>(state_->executor, InspectionJob());
  waiting->attempt = std::move(name);
  auto reply = co_await state_->reply_to(std::move(waiting));
  if (!reply) co_return reply.error();
  Tried tried;
  tried.error = reply->attempt_errno.value_or(0);
  tried.died = reply->failed;
  co_return tried;
}

}  // namespace npmgate
