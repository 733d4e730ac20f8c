// What the gate does by itself: writes the gathered records, notices a changed policy file, reloads
// on SIGHUP.
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <memory>

#include "proxy/async.h"
#include "proxy/recorder.h"
#include "proxy/rulebook.h"

namespace npmgate {

class Watcher {
 public:
  Watcher(net::any_io_executor executor, Rulebook& rulebook, Recorder& recorder, Pool& pool);
  void start();
  void stop();

 private:
  Task<void> flush_loop();
  Task<void> policy_loop();
  Task<void> hangup_loop();
  Task<void> reload();

  net::any_io_executor executor_;
  Rulebook& rulebook_;
  Recorder& recorder_;
  Pool& pool_;
  net::posix::stream_descriptor inotify_;
  net::signal_set hangup_;
  bool stopping_ = false;
};

}  // namespace npmgate
