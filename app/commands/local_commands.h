// Commands that need no running gate and no upstream: init, version, and those that read the state
// on disk: token, downloads.
#pragma once

#include <memory>

#include "app/cli.h"
#include "store/state_store.h"

namespace npmgate {

class Command;

// The state that a configuration names, which a gate may be using; an error if there is none.
Result<std::unique_ptr<StateStore>> open_state(const ConfigFlags& flags);

void add_init(Command app);
void add_version(Command app);
// "npm-gate 0.1.0 (commit 1a2b3c4d5e6f, Release, g++ 12.2.0, hardening: PIE CET ...)"
std::string version_line();
void add_token(Command app);
void add_downloads(Command app);

}  // namespace npmgate
