#pragma once

namespace npmgate {

class Command;

// Each add_… registers one command; its action returns the exit code (app/cli.h).
void add_serve(Command app);

}  // namespace npmgate
