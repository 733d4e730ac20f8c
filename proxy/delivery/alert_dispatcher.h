// Delivers the outbox: puts waiting events into messages, sends what is due, tries again, gives up.
//
//   waiting   an event for one address (WaitingEvent); StandingMonitor wrote it
//     -> pending   bundle_ripe(): with others for the same address, after batch_delay(), below the
//                  sink's rate
//   pending   a message (Delivery), due at some time; begin_attempt() moves that behind a lease, so
//             that a process that dies sends it again, and not two at once
//     -> sent      the sink took it
//     -> pending   it may yet (retry_wait())
//     -> dead      it never will, it is older than give_up, or its sink is configured no more
//
// One delivery at a time per sink. States are the store's; only settle() ends one.
#pragma once

#include <atomic>
#include <functional>
#include <set>
#include <string>

#include "base/metrics.h"
#include "proxy/delivery/github_issues.h"
#include "proxy/delivery/sink.h"

namespace npmgate {

struct DispatcherDependencies {
  const AlertSettings& settings;
  std::string pages_url;  // public URL of the gate, "" = unknown
  const Clock& clock;
  AlertStore& store;
  Upstream& upstream;
  Pool& pool;  // for the disk
  Pool& slow;  // for mail, whose servers may let it wait
  Metrics& metrics;
  std::function<double()> chance;  // in [0, 1)
};

class AlertDispatcher {
 public:
  explicit AlertDispatcher(DispatcherDependencies deps);
  // Works until the loop ends.
  Task<void> run();
  // Bundles what has waited long enough and makes every attempt that is due, sinks side by side.
  // Returns the number of attempts; they may still be under way.
  Task<Result<int>> step();
  // One marked message to one sink now, past the outbox (npm-gate alerts test).
  Task<SendOutcome> test(const SinkSettings& sink);
  // The process ends: a mail that is being sent is given up within a second. The next start sends
  // it. Any thread.
  void leave() { leaving_ = true; }

 private:
  Result<int> bundle_ripe();
  Task<void> deliver_all(std::vector<Delivery> deliveries);
  Task<void> deliver(Delivery delivery);
  Task<SendOutcome> attempt(const SinkSettings& sink, const Delivery& delivery);
  Task<SendOutcome> send(const SinkSettings& sink, std::string target, AlertMessage message);
  Result<void> settle(const Delivery& delivery, const SendOutcome& outcome);

  DispatcherDependencies deps_;
  GithubIssues github_;
  std::set<std::string> busy_;  // sinks with a delivery under way; one loop only
  bool first_ = true;
  std::atomic<bool> leaving_{false};
};

}  // namespace npmgate
