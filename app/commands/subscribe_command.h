// `npm-gate subscribe`: a project's lockfile uploaded to the running gate.
#pragma once

namespace npmgate {

class Command;

void add_subscribe(Command app);

}  // namespace npmgate
