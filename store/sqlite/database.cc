#include "store/sqlite/database.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "store/disk/disk.h"

namespace npmgate {
namespace {

// Connections kept for the next reader; more are opened under load and closed again.
constexpr std::size_t kIdleReaders = 8;

// The write-ahead log is cut back to this after a checkpoint; a burst would otherwise keep its size
// for good.
constexpr const char* kWriterSetup =
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA journal_size_limit=67108864;";

// SQLite creates with 0644: the file is made first, and -wal and -shm take its mode over.
Result<void> create_private(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (fd.get() < 0) return disk_error(errno, "create", path);
  return {};
}

}  // namespace

Result<std::unique_ptr<Database>> Database::open(const std::string& path, Millis busy_timeout) {
  if (auto created = create_private(path); !created) return created.error();
  auto writer = Connection::open(path, {true, false, busy_timeout});
  if (!writer) return writer.error();
  if (auto set = (*writer)->execute(kWriterSetup); !set) return set.error();
  return std::unique_ptr<Database>(new Database(path, busy_timeout, std::move(*writer)));
}

Result<std::unique_ptr<Database>> Database::open_in_memory() {
  auto writer = Connection::open(":memory:", {true, false, Millis(0)});
  if (!writer) return writer.error();
  return std::unique_ptr<Database>(new Database("", Millis(0), std::move(*writer)));
}

// With NORMAL a commit in WAL mode is not synced, but what follows with FULL syncs it too: the log
// is written in order.
Result<void> Database::set_durability(Durability durability) {
  if (durability == durability_ || path_.empty()) return {};
  auto set = writer_->execute(durability == Durability::kPower ? "PRAGMA synchronous=FULL"
                                                               : "PRAGMA synchronous=NORMAL");
  if (set) durability_ = durability;
  return set;
}

Database::Reader::Reader(Database& database) : database_(database) {
  {
    const std::lock_guard lock(database.readers_mutex_);
    if (!database.idle_readers_.empty()) {
      connection_ = std::move(database.idle_readers_.back());
      database.idle_readers_.pop_back();
    }
  }
  if (!connection_) {
    auto opened = Connection::open(database.path_, {false, true, database.busy_timeout_});
    if (!opened) {
      begun_ = opened.error();
      return;
    }
    connection_ = std::move(*opened);
  }
  begun_ = connection_->execute("BEGIN");
}

Database::Reader::~Reader() {
  if (!connection_ || !connection_->execute("COMMIT")) return;
  const std::lock_guard lock(database_.readers_mutex_);
  if (database_.idle_readers_.size() < kIdleReaders) {
    database_.idle_readers_.push_back(std::move(connection_));
  }
}

}  // namespace npmgate
