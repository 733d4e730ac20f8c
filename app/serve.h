#pragma once

namespace CLI {
class App;
}

namespace npmgate {

// Each add_… registers one command; its callback sets `exit_code` (app/cli.h).
void add_serve(CLI::App& app, int& exit_code);

}  // namespace npmgate
