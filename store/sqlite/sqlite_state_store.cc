#include "store/sqlite/sqlite_state_store.h"

#include <unistd.h>

#include "base/digest.h"
#include "store/disk/data_folder.h"

namespace npmgate {
namespace {

Pin read_pin(const Statement& row) {
  return {row.string(0), row.string(1), row.string(2), row.string(3), row.time(4)};
}

Result<std::optional<Pin>> find_pin(Connection& connection, std::string_view name,
                                    std::string_view version) {
  std::optional<Pin> found;
  Statement row(connection,
                "SELECT name, version, content_id, raw_manifest, accepted FROM pin"
                " WHERE name=?1 AND version=?2");
  if (row.bind(name, version).step()) found = read_pin(row);
  if (auto done = row.result(); !done) return done.error();
  return found;
}

}  // namespace

Result<Pin> SqliteStateStore::pin(const Pin& wanted) {
  // A pin in force is asked for far more often than a new one is made: that case takes no write
  // lock.
  const auto known = database_->read(
      [&](Connection& connection) { return find_pin(connection, wanted.name, wanted.version); });
  if (!known) return known.error();
  if (*known) return **known;
  // The tarball's digest is the part of the content id before the colon (Evidence::content_id).
  const std::string sha512 = wanted.content_id.substr(0, wanted.content_id.find(':'));
  return database_->write(Durability::kPower, [&](Connection& connection) -> Result<Pin> {
    // Another thread may have come first.
    const auto winner = find_pin(connection, wanted.name, wanted.version);
    if (!winner) return winner.error();
    if (*winner) return **winner;
    Statement insert(connection,
                     "INSERT INTO pin (name, version, content_id, tarball_sha512, raw_manifest,"
                     " accepted) VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
    insert.run(wanted.name, wanted.version, wanted.content_id, sha512, wanted.raw_manifest,
               wanted.accepted);
    if (auto done = insert.result(); !done) return done.error();
    return wanted;
  });
}

Result<std::map<std::string, Pin, std::less<>>> SqliteStateStore::pins_of(std::string_view name) {
  using Pins = std::map<std::string, Pin, std::less<>>;
  return database_->read([&](Connection& connection) -> Result<Pins> {
    Pins pins;
    Statement rows(connection,
                   "SELECT name, version, content_id, raw_manifest, accepted FROM pin"
                   " WHERE name=?1");
    rows.bind(name);
    while (rows.step()) pins.emplace(rows.string(1), read_pin(rows));
    if (auto done = rows.result(); !done) return done.error();
    return pins;
  });
}

Result<bool> SqliteStateStore::is_pinned(std::string_view sha512_hex) {
  return database_->read([&](Connection& connection) -> Result<bool> {
    Statement row(connection, "SELECT 1 FROM pin WHERE tarball_sha512=?1 LIMIT 1");
    const bool found = row.bind(sha512_hex).step();
    if (auto done = row.result(); !done) return done.error();
    return found;
  });
}

Result<void> SqliteStateStore::put_setting(std::string_view key, std::string_view value) {
  return database_->write(Durability::kPower, [&](Connection& connection) {
    Statement save(connection,
                   "INSERT INTO setting (key, value) VALUES (?1, ?2)"
                   " ON CONFLICT (key) DO UPDATE SET value=excluded.value");
    save.run(key, value);
    return save.result();
  });
}

Result<std::optional<std::string>> SqliteStateStore::setting(std::string_view key) {
  return database_->read([&](Connection& connection) -> Result<std::optional<std::string>> {
    std::optional<std::string> value;
    Statement row(connection, "SELECT value FROM setting WHERE key=?1");
    if (row.bind(key).step()) value = row.string(0);
    if (auto done = row.result(); !done) return done.error();
    return value;
  });
}

namespace {

// A backup belongs to no folder: the one that it is restored to takes it for its own.
Result<void> belongs_nowhere(const std::string& copy) {
  auto connection = Connection::open(copy, Connection::Options{});
  if (!connection) return connection.error();
  return (*connection)
      ->execute("UPDATE setting SET value='' WHERE key='" + std::string(DataFolder::kSetting) +
                "'");
}

}  // namespace

Result<void> SqliteStateStore::backup(const std::string& file) {
  const Disk disk;
  const std::string temporary = file + ".tmp-" + random_hex(8);
  auto done = disk.create(temporary);
  if (!done) {
    Error error = done.error();
    error.context.replace(0, temporary.size(), file);  // the name that the caller knows
    return error;
  }
  auto copied =
      database_->read([&](Connection& connection) { return connection.copy_to(temporary); });
  if (copied) copied = belongs_nowhere(temporary);
  if (copied) copied = disk.sync(done->get(), temporary);
  if (copied) copied = disk.rename(temporary, file);
  if (!copied) ::unlink(temporary.c_str());
  return copied;
}

}  // namespace npmgate
