// `npm-gate log`: the audit trail.
#pragma once

namespace CLI {
class App;
}

namespace npmgate {

void add_log(CLI::App& app, int& exit_code);

}  // namespace npmgate
