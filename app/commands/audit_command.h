// `npm-gate audit`: every release of a lockfile judged, for CI and for a team's first day.
#pragma once

namespace npmgate {

class Command;

void add_audit(Command app);

}  // namespace npmgate
