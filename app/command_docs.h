// Manual page and shell completions, made from the command definitions: they cannot fall behind.
#pragma once

namespace npmgate {

class Command;

// `npm-gate completion bash|zsh|fish` and `npm-gate man`. Call last: they describe what is there.
void add_command_docs(Command root);

}  // namespace npmgate
