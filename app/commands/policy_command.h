// `npm-gate policy`: check, try, schema, default.
#pragma once

namespace CLI {
class App;
}

namespace npmgate {

void add_policy(CLI::App& app, int& exit_code);

}  // namespace npmgate
