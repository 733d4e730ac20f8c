// Watching and alerting put together: what notices, what looks, what delivers.
#pragma once

#include "proxy/delivery/alert_dispatcher.h"
#include "proxy/monitor/package_refresher.h"
#include "proxy/monitor/standing_monitor.h"

namespace npmgate {

class Alarm {
 public:
  // Everything given outlives it. `subscribers` and `wanted` may be null.
  Alarm(const Gear& gear, Packages& packages, Sentinel::Subscribers subscribers,
        Patrol::Wanted wanted);
  // Begins to work on `executor`, one loop.
  void start(const net::any_io_executor& executor);
  // A project uploaded what it locks (Sentinel::uploaded). Thread-safe.
  void uploaded(const std::string& repository,
                std::vector<std::pair<std::string, std::string>> refused);
  // At the end of the process.
  void finish() { mail_.finish(); }

 private:
  Sentinel sentinel_;
  Patrol patrol_;
  Pool mail_;
  Courier courier_;
};

}  // namespace npmgate
