// Which inspector a command gets: sandboxed workers, or this process if the configuration says
// so.
#pragma once

#include <memory>

#include "proxy/inspection/sandboxed_inspector.h"
#include "proxy/runtime/config.h"

namespace npmgate {

// kUnavailable, with what is missing and how to go on, if the configuration wants a sandbox and
// this machine has none.
Result<std::unique_ptr<Inspector>> make_inspector(const Config& config,
                                                  net::any_io_executor executor, Pool& pool,
                                                  Metrics& metrics);

// The evidence of a .tgz file, for commands: its contents read in a worker that this process keeps,
// or here if the machine cannot hold workers (said on stderr, once). kNotFound if the file
// cannot be read; what a worker could not tell is in the evidence. One thread.
Result<Evidence> inspect_tarball_file(const std::string& path, Time now);

}  // namespace npmgate
