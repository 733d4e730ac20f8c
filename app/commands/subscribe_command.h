// `npm-gate subscribe`: a project's lockfile uploaded to the running gate.
#pragma once

namespace CLI {
class App;
}

namespace npmgate {

void add_subscribe(CLI::App& app, int& exit_code);

}  // namespace npmgate
