// Commands that need no running gate and no upstream: init, version, and those that read the state
// on disk: token, downloads.
#pragma once

#include <memory>

#include "app/cli.h"
#include "store/state_store.h"

namespace npmgate {

class Command;

// The state that a configuration names, which a gate may be using; an error where there is none.
Result<std::unique_ptr<StateStore>> open_state(const ConfigFlags& flags);

void add_init(Command app);
void add_version(Command app);
void add_token(Command app);
void add_downloads(Command app);

}  // namespace npmgate
