// `npm-gate alerts`: the outbox, and a test message to every sink.
#pragma once

namespace npmgate {

class Command;

void add_alerts(Command app);

}  // namespace npmgate
