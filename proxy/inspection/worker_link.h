// The asynchronous side of one inspection worker: its socket and its end on an executor.
#pragma once

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <memory>
#include <string>

#include "proxy/net/async.h"
#include "sandbox/process.h"

namespace npmgate {

// All on one executor with one thread. Shared by the coroutine that uses it and by its watcher.
class WorkerLink : public std::enable_shared_from_this<WorkerLink> {
 public:
  static Result<std::shared_ptr<WorkerLink>> start(const net::any_io_executor& executor,
                                                   const WorkerOptions& options);

  // One payload to the worker, `tarball` (or -1) with it, and its answer's payload of at most
  // `limit` bytes. kTimeout if it used up `time` (sandbox/job_clock.h; the worker is killed then),
  // kUnavailable if it went away, kMalformed if it said what is no frame or spoke without being
  // asked. After any error the worker is of no use: kill it.
  Task<Result<std::string>> ask(std::string payload, int tarball, std::size_t limit,
                                std::chrono::steady_clock::duration time);
  // The first payload that it sends by itself.
  Task<Result<std::string>> greeting(std::chrono::steady_clock::duration deadline);

  // Waits until it is woken or the worker has died.
  Task<void> sleep();
  void wake() { wake_.cancel(); }
  bool dead() const { return dead_; }
  void kill() { process_->kill(); }
  // Waits for the end, which must be near: killed if it does not come by itself. How it ended.
  Task<std::string> end();

 private:
  WorkerLink(const net::any_io_executor& executor, std::unique_ptr<WorkerProcess> process);
  struct Watch;
  void watch();
  void look(std::shared_ptr<Watch> watch);
  Task<Result<void>> send(std::string bytes, int tarball);
  Task<Result<std::string>> receive(std::size_t limit);
  bool spoke_unasked();

  std::unique_ptr<WorkerProcess> process_;
  net::local::stream_protocol::socket socket_;
  net::posix::stream_descriptor handle_;
  net::steady_timer wake_;
  bool dead_ = false;
};

}  // namespace npmgate
