// `npm-gate certs dev|check`.
#pragma once

namespace CLI {
class App;
}

namespace npmgate {

void add_certs(CLI::App& app, int& exit_code);

}  // namespace npmgate
