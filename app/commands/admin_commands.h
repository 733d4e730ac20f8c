// `npm-gate quarantine …`: the review queue of a running gate, over its admin API.
#pragma once

namespace npmgate {

class Command;

void add_quarantine(Command app);

}  // namespace npmgate
