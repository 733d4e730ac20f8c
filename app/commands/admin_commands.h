// `npm-gate quarantine …`: the review queue of a running gate, over its admin API.
#pragma once

namespace CLI {
class App;
}

namespace npmgate {

void add_quarantine(CLI::App& app, int& exit_code);

}  // namespace npmgate
