// Watching and alerting put together: what notices, what looks, what delivers.
#pragma once

#include "proxy/delivery/alert_dispatcher.h"
#include "proxy/monitor/package_refresher.h"
#include "proxy/monitor/standing_monitor.h"

namespace npmgate {

class Alarm {
 public:
  // Everything given outlives it. `subscribers` and `wanted` may be null.
  Alarm(const Dependencies& deps, Packages& packages, StandingMonitor::Subscribers subscribers,
        PackageRefresher::Wanted wanted);
  // Begins to work on `executor`, one loop.
  void start(const net::any_io_executor& executor);
  // A project uploaded what it locks (StandingMonitor::uploaded). Thread-safe.
  void uploaded(const std::string& repository,
                std::vector<std::pair<std::string, std::string>> refused);
  // At the end of the process.
  void finish() { mail_.finish(); }

 private:
  StandingMonitor standing_monitor_;
  PackageRefresher refresher_;
  Pool mail_;
  AlertDispatcher dispatcher_;
};

}  // namespace npmgate
