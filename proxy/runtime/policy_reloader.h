// What the gate does in the background: writes the gathered records, notices changed policy files
// (those included and list files too, also behind symbolic links that are swapped), reloads on
// SIGHUP, notices that the clock was set.
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "judge/active_policy.h"
#include "proxy/net/async.h"
#include "proxy/runtime/audit_writer.h"
#include "proxy/runtime/clock_jumps.h"

namespace npmgate {

class PolicyReloader {
 public:
  PolicyReloader(net::any_io_executor executor, ActivePolicy& active_policy,
                 AuditWriter& audit_writer, StateStore& store, Pool& pool);
  // Begins by noting in the audit trail which policy is in force.
  void start();
  void stop();

 private:
  Task<void> flush_loop();
  Task<void> policy_loop();
  Task<void> hangup_loop();
  Task<void> retry_loop();
  Task<void> reload();
  Task<Result<ActivePolicy::Loaded>> load();
  Task<bool> settled();
  bool watch_folders();
  // Both block on disk.
  void look_at_clock();
  void look_at_last_entry();
  void note_jump(Millis by);
  void note_load(const Result<ActivePolicy::Loaded>& loaded);

  net::any_io_executor executor_;
  ActivePolicy& active_policy_;
  AuditWriter& audit_writer_;
  StateStore& store_;
  Pool& pool_;
  std::set<int> watches_;
  net::posix::stream_descriptor inotify_;
  net::signal_set hangup_;
  ClockJumps clock_jumps_;
  bool stopping_ = false;
  bool owed_ = false;  // the last load failed
};

// The folders in which a change may be a change of `files`: those that hold them, and those that
// hold a symbolic link on the way to one.
std::vector<std::string> folders_to_watch(const std::vector<std::string>& files);

}  // namespace npmgate
