// Commands that need no running gate and no upstream: init, version, and those that read the state
// on disk: token, downloads.
#pragma once

#include <memory>

#include "app/cli.h"
#include "store/state_store.h"

namespace CLI {
class App;
}

namespace npmgate {

// The state that a configuration names, which a gate may be using; an error where there is none.
Result<std::unique_ptr<StateStore>> open_state(const ConfigFlags& flags);

void add_init(CLI::App& app, int& exit_code);
void add_version(CLI::App& app, int& exit_code);
void add_token(CLI::App& app, int& exit_code);
void add_downloads(CLI::App& app, int& exit_code);

}  // namespace npmgate
