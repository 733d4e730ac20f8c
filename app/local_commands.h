// Commands that need no running gate and no upstream: init, policy, version, and those that read
// the state on disk: log, token.
#pragma once

namespace CLI {
class App;
}

namespace npmgate {

void add_init(CLI::App& app, int& exit_code);
void add_policy(CLI::App& app, int& exit_code);
void add_version(CLI::App& app, int& exit_code);
void add_token(CLI::App& app, int& exit_code);
void add_log(CLI::App& app, int& exit_code);
void add_downloads(CLI::App& app, int& exit_code);

}  // namespace npmgate
