// `npm-gate alerts`: the outbox, and a test message to every sink.
#pragma once

namespace CLI {
class App;
}

namespace npmgate {

void add_alerts(CLI::App& app, int& exit_code);

}  // namespace npmgate
