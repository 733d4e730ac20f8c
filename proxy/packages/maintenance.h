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

  // One round; blocks on disk. Pinned tarballs stay whatever the limit says: what was served once
  // must be served as the same bytes again, and the upstream may not have them any more.
  Result<void> tidy();

 private:
  Task<void> loop();

  net::any_io_executor executor_;
  Dependencies deps_;
  net::steady_timer tick_;
  bool stopping_ = false;
};

}  // namespace npmgate
