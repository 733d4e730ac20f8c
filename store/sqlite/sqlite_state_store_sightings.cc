// First sights: what each look at a package's packument showed.
#include <algorithm>
#include <set>

#include "store/row_json.h"
#include "store/sqlite/sqlite_state_store.h"

namespace npmgate {
namespace {

constexpr std::size_t kTagHistory = 20;

// An empty record (no first_look) if the package was never seen.
Result<PackageRecord> load(Connection& connection, std::string_view name) {
  PackageRecord record;
  record.name = name;
  Statement package(connection,
                    "SELECT upstream, first_look, last_look FROM package WHERE name=?1");
  if (package.bind(name).step()) {
    record.upstream = package.string(0);
    record.first_look = package.time(1);
    record.last_look = package.time(2);
  }
  if (auto done = package.result(); !done) return done.error();

  Statement versions(connection,
                     "SELECT version, first_seen, looked_before, integrity, withdrawn"
                     " FROM seen_version WHERE name=?1 ORDER BY version");
  versions.bind(name);
  while (versions.step()) {
    std::string version = versions.string(0);
    SeenVersion seen{version, versions.time(1), versions.optional_time(2), versions.string(3),
                     versions.optional_time(4)};
    record.versions.emplace_hint(record.versions.end(), std::move(version), std::move(seen));
  }
  if (auto done = versions.result(); !done) return done.error();

  Statement tags(connection, "SELECT tag, targets FROM tag_history WHERE name=?1 ORDER BY tag");
  tags.bind(name);
  while (tags.step()) {
    auto targets = strings_from_text(tags.text(1));
    if (!targets) return targets.error();
    record.tag_history.emplace_hint(record.tag_history.end(), tags.string(0), std::move(*targets));
  }
  if (auto done = tags.result(); !done) return done.error();
  return record;
}

Result<void> save_package(Connection& connection, const StateStore::PackumentSighting& look,
                          PackageRecord& record) {
  if (!record.first_look) record.first_look = look.at;
  // A look that comes late does not set the clock back.
  record.last_look = std::max(record.last_look.value_or(look.at), look.at);
  record.upstream = look.upstream;
  Statement save(connection,
                 "INSERT INTO package (name, upstream, first_look, last_look)"
                 " VALUES (?1, ?2, ?3, ?4) ON CONFLICT (name) DO UPDATE"
                 " SET upstream=excluded.upstream, last_look=excluded.last_look");
  save.run(look.name, record.upstream, record.first_look, record.last_look);
  return save.result();
}

// Versions seen for the first time, and those that came back. `looked_before` is the look before
// this one.
Result<void> save_present(Connection& connection, const StateStore::PackumentSighting& look,
                          std::optional<Time> looked_before, PackageRecord& record) {
  Statement insert(connection,
                   "INSERT INTO seen_version (name, version, first_seen, looked_before, integrity)"
                   " VALUES (?1, ?2, ?3, ?4, ?5)");
  Statement restore(connection,
                    "UPDATE seen_version SET withdrawn=NULL WHERE name=?1 AND version=?2");
  for (const auto& [version, integrity] : look.versions) {
    const auto known = record.versions.find(version);
    if (known == record.versions.end()) {
      insert.run(look.name, version, look.at, looked_before, integrity);
      record.versions.emplace(
          version, SeenVersion{version, look.at, looked_before, integrity, std::nullopt});
    } else if (known->second.withdrawn) {
      restore.run(look.name, version);
      known->second.withdrawn.reset();
    }
  }
  if (auto done = insert.result(); !done) return done;
  return restore.result();
}

Result<void> save_vanished(Connection& connection, const StateStore::PackumentSighting& look,
                           PackageRecord& record) {
  std::set<std::string_view> present;
  for (const auto& [version, integrity] : look.versions) present.insert(version);
  Statement withdraw(connection,
                     "UPDATE seen_version SET withdrawn=?3 WHERE name=?1 AND version=?2");
  for (auto& [version, seen] : record.versions) {
    if (seen.withdrawn || present.contains(version)) continue;
    withdraw.run(look.name, version, look.at);
    seen.withdrawn = look.at;
  }
  return withdraw.result();
}

// A target that returns moves to the front: the list holds distinct targets.
Result<void> save_tags(Connection& connection, const StateStore::PackumentSighting& look,
                       PackageRecord& record) {
  Statement save(connection,
                 "INSERT INTO tag_history (name, tag, targets) VALUES (?1, ?2, ?3)"
                 " ON CONFLICT (name, tag) DO UPDATE SET targets=excluded.targets");
  for (const auto& [tag, target] : look.dist_tags) {
    std::vector<std::string>& targets = record.tag_history[tag];
    if (!targets.empty() && targets.front() == target) continue;
    std::erase(targets, target);
    targets.insert(targets.begin(), target);
    if (targets.size() > kTagHistory) targets.resize(kTagHistory);
    save.run(look.name, tag, strings_to_text(targets));
  }
  return save.result();
}

}  // namespace

Result<PackageRecord> SqliteStateStore::record_sighting(const PackumentSighting& look) {
  return database_->write(Durability::kProcess,
                          [&](Connection& connection) -> Result<PackageRecord> {
                            auto record = load(connection, look.name);
                            if (!record) return record;
                            std::optional<Time> before = record->last_look;
                            if (before) before = std::min(*before, look.at);
                            if (auto done = save_package(connection, look, *record); !done)
                              return done.error();
                            if (auto done = save_present(connection, look, before, *record); !done)
                              return done.error();
                            if (auto done = save_vanished(connection, look, *record); !done)
                              return done.error();
                            if (auto done = save_tags(connection, look, *record); !done)
                              return done.error();
                            return record;
                          });
}

Result<PackageRecord> SqliteStateStore::package(std::string_view name) {
  return database_->read([&](Connection& connection) { return load(connection, name); });
}

Result<std::vector<std::string>> SqliteStateStore::package_names() {
  return database_->read([](Connection& connection) -> Result<std::vector<std::string>> {
    std::vector<std::string> names;
    Statement rows(connection, "SELECT name FROM package ORDER BY name");
    while (rows.step()) names.push_back(rows.string(0));
    if (auto done = rows.result(); !done) return done.error();
    return names;
  });
}

}  // namespace npmgate
