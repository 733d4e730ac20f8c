// `npm-gate audit`: every release of a lockfile judged, for CI and for a team's first day.
#pragma once

namespace CLI {
class App;
}

namespace npmgate {

void add_audit(CLI::App& app, int& exit_code);

}  // namespace npmgate
