// Opens state.db. Nothing else of SQLite shows outside this folder.
#pragma once

#include <memory>
#include <string>

#include "store/disk/disk.h"
#include "store/state_store.h"

namespace npmgate {

struct StateStoreOptions {
  Millis busy_timeout{
      5000};        // how long a write waits for another process; kUnavailable with retry after it
  DiskFault fault;  // tests: fails the document files' disk calls
};

// Opens (creates, upgrades; never downgrades: a newer schema is an error that says so)
// `<directory>/state.db`; documents lie gzip-compressed under <directory>/packuments.
Result<std::unique_ptr<StateStore>> open_state_store(const std::string& directory,
                                                     const StateStoreOptions& options = {});

// The same, gone with the object and without a disk, for tests. Calls of several threads take
// turns.
Result<std::unique_ptr<StateStore>> open_memory_state_store();

}  // namespace npmgate
