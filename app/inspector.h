// Which inspector a command gets: sandboxed workers, or this process where the configuration says
// so.
#pragma once

#include <memory>

#include "proxy/config.h"
#include "proxy/sandboxed_inspector.h"

namespace npmgate {

// kUnavailable, with what is missing and how to go on, where the configuration wants a sandbox and
// this machine has none.
Result<std::unique_ptr<Inspector>> make_inspector(const Config& config,
                                                  net::any_io_executor executor, Pool& pool,
                                                  Metrics& metrics);

}  // namespace npmgate
