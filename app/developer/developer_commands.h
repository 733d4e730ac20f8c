// What a developer asks a running gate: request a release, and why something was refused.
#pragma once

namespace npmgate {

class Command;

void add_request(Command app);
void add_why(Command app);

}  // namespace npmgate
