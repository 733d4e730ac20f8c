// `npm-gate inspect` and `npm-gate explain`: one release from evidence to verdict, without a
// running gate.
#pragma once

namespace CLI {
class App;
}

namespace npmgate {

void add_inspect(CLI::App& app, int& exit_code);
void add_explain(CLI::App& app, int& exit_code);

}  // namespace npmgate
