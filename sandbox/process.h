// Worker processes as the gate sees them: started, spoken to, ended.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "sandbox/wire.h"
#include "sandbox/worker.h"

namespace npmgate {

struct WorkerOptions {
  // The running program itself, whatever became of its file. Tests name another one.
  std::string program = "/proc/self/exe";
  std::vector<std::string> arguments;  // before kWorkerArgument
  ConfineLimits limits;
};
// What a worker may have so that every archive within `limits` can be inspected: the inflated bytes
// once, and half a GiB for the tarball's own pages, the program and the facts.
ConfineLimits worker_limits(const ArchiveLimits& limits, std::chrono::seconds one_job);

// One worker. The process that starts it is its parent: it dies with the thread that called
// start(). Not thread-safe.
class WorkerProcess {
 public:
  // posix_spawn: no code of ours runs between fork and exec. Empty environment (sanitizers' options
  // excepted), descriptors 0 to 2 on /dev/null (2 stays until it is confined), a process group of
  // its own so that a terminal's Ctrl-C does not reach it first. kUnavailable if the system has
  // no process or descriptor left.
  static Result<std::unique_ptr<WorkerProcess>> start(const WorkerOptions& options);
  // Ends and reaps it.
  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  pid_t pid() const { return pid_; }
  Fd& socket() { return socket_; }  // our end, blocking; whoever takes it owns it
  Fd& handle() { return handle_; }  // a pidfd: readable once the process has ended
  void kill();
  // nullopt while it runs; then how it ended, for people: "was killed by signal 9 (Killed)".
  std::optional<std::string> ended();
  // Kills it if it still runs, and waits for its end.
  std::string end();

 private:
  WorkerProcess(pid_t pid, Fd socket, Fd handle);
  std::optional<std::string> reap(int flags);

  pid_t pid_;
  Fd socket_, handle_;
  std::optional<std::string> ended_;
};

// One request or reply in the blocking way, for commands and tests.
using Deadline = std::chrono::steady_clock::time_point;
// Says until when to wait, and is asked again then: what it says is not after now: kTimeout.
using Patience = std::function<Deadline()>;
// The first bytes of a request, with the descriptor; how many went. The socket must have room.
Result<std::size_t> send_some(int socket, std::string_view bytes, int tarball);
Result<void> send_request(int socket, std::string_view payload, int tarball);
// kUnavailable if the other side has closed, kMalformed if what comes is no frame.
Result<std::string> receive_payload(int socket, std::size_t limit, const Patience& patience);
// A loaded machine, a sanitizer: a worker greets within milliseconds otherwise.
inline constexpr std::chrono::seconds kGreetingLimit{30};
// The greeting of a worker just started; kUnavailable with its reason if it refuses.
Result<Hello> receive_hello(int socket, Deadline until);

// Starts a worker, hears its greeting and ends it: what this machine's sandbox has. kUnavailable
// with what is missing.
Result<Confinement> probe_sandbox(const WorkerOptions& options);
// "seccomp, landlock abi 7"
std::string to_string(const Confinement& confinement);

}  // namespace npmgate
