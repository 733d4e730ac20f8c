#include "store/sqlite/open_state_store.h"

#include "store/sqlite/schema.h"
#include "store/sqlite/sqlite_state_store.h"

namespace npmgate {
namespace {

Result<std::unique_ptr<StateStore>> assemble(std::unique_ptr<Database> database,
                                             std::unique_ptr<DocumentFiles> files,
                                             std::unique_ptr<DiskReserve> reserve) {
  if (auto done = upgrade_schema(database->writer(), schema_steps()); !done) return done.error();
  if (auto done = files->prepare(); !done) return done.error();
  return std::unique_ptr<StateStore>(std::make_unique<SqliteStateStore>(
      std::move(database), std::move(files), std::move(reserve)));
}

}  // namespace

Result<std::unique_ptr<StateStore>> open_state_store(const std::string& directory,
                                                     const StateStoreOptions& options) {
  const Disk disk(options.fault);
  if (auto made = disk.make_directory(directory); !made) return made.error();
  auto database = Database::open(directory + "/state.db", options.busy_timeout);
  if (!database) return database.error();
  auto reserve = std::make_unique<DiskReserve>(directory + "/reserve");
  reserve->fill();
  return assemble(std::move(*database),
                  std::make_unique<DocumentFiles>(directory + "/packuments", disk),
                  std::move(reserve));
}

Result<std::unique_ptr<StateStore>> open_memory_state_store() {
  auto database = Database::open_in_memory();
  if (!database) return database.error();
  return assemble(std::move(*database), std::make_unique<DocumentFiles>("", Disk()), nullptr);
}

}  // namespace npmgate
