// Operating a gate: `cache refresh|purge` on the running one, `backup` of its state, `doctor`,
// `check`.
#pragma once

namespace npmgate {

class Command;

void add_cache(Command app);
void add_backup(Command app);
void add_doctor(Command app);  // app/commands/doctor.cc
void add_check(Command app);   // app/commands/doctor.cc

}  // namespace npmgate
