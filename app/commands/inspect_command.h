// `npm-gate inspect` and `npm-gate explain`: one release from evidence to verdict, without a
// running gate.
#pragma once

namespace npmgate {

class Command;

void add_inspect(Command app);
void add_explain(Command app);

}  // namespace npmgate
