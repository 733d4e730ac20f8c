// What the running gate tidies in the background: old entries of the fetch ledger, tarballs beyond
// storage.tarballs.max_size.
#pragma once

#include "proxy/net/async.h"
#include "proxy/packages/dependencies.h"

namespace npmgate {

class Maintenance {
 public:
  Maintenance(net::any_io_executor executor, Dependencies deps)
      : executor_(executor), deps_(deps), tick_(executor) {}
  // Tidies now, and then again and again until stop(). Call on the executor's thread.
  void start();
  void stop();

  // One round; blocks on disk. Tarballs that were never served go first. What was served once must
  // be served as the same bytes again: it goes only if the limit is still exceeded and the upstream
  // lists exactly these bytes, which the pin proves when they are fetched again.
  Result<void> tidy();

 private:
  Task<void> loop();

  net::any_io_executor executor_;
  Dependencies deps_;
  net::steady_timer tick_;
  bool stopping_ = false;
};

}  // namespace npmgate
