// `npm-gate policy`: check, try, schema, default.
#pragma once

namespace npmgate {

class Command;

void add_policy(Command app);

}  // namespace npmgate
