// `npm-gate log`: the audit trail.
#pragma once

namespace npmgate {

class Command;

void add_log(Command app);

}  // namespace npmgate
