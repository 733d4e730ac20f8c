// Operating a gate: `cache refresh|purge` on the running one, `backup` of its state, `doctor`.
#pragma once

namespace CLI {
class App;
}

namespace npmgate {

void add_cache(CLI::App& app, int& exit_code);
void add_backup(CLI::App& app, int& exit_code);
void add_doctor(CLI::App& app, int& exit_code);  // app/commands/doctor.cc

}  // namespace npmgate
