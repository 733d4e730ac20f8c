#include "store/sqlite/subscription_rows.h"

#include <set>

#include "registry/semver.h"

namespace npmgate {
namespace {

constexpr std::string_view kColumns =
    "s.id, s.repository, s.project, s.file, s.format, s.token, s.created, s.renewed, s.releases";

Subscription read_subscription(const Statement& row) {
  Subscription subscription;
  subscription.id = row.string(0);
  subscription.repository = row.string(1);
  subscription.project = row.string(2);
  subscription.file = row.string(3);
  subscription.format = row.string(4);
  subscription.token = row.string(5);
  subscription.created = row.time(6);
  subscription.renewed = row.time(7);
  subscription.releases = static_cast<std::size_t>(row.integer(8));
  return subscription;
}

Result<void> check_room(Connection& connection, const std::string& id, std::size_t limit) {
  Statement others(connection, "SELECT count(*) FROM subscription WHERE id<>?1");
  const bool counted = others.bind(id).step();
  if (!counted) return others.result();
  if (static_cast<std::size_t>(others.integer(0)) < limit) return {};
  return fail(Code::kRefused, Origin::kClient,
              "there are " + std::to_string(limit) +
                  " subscriptions already; remove some (DELETE /api/v1/subscriptions/ID)");
}

}  // namespace

Result<void> SqliteSubscriptionStore::put(const Subscription& subscription,
                                          const std::vector<SubscribedRelease>& releases,
                                          std::size_t limit) {
  return database_.write(Durability::kPower, [&](Connection& connection) -> Result<void> {
    if (auto room = check_room(connection, subscription.id, limit); !room) return room;
    Statement save(connection,
                   "INSERT INTO subscription (id, repository, project, file, format, token,"
                   " created, renewed, releases) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
                   " ON CONFLICT (id) DO UPDATE SET format=excluded.format, token=excluded.token,"
                   " renewed=excluded.renewed, releases=excluded.releases");
    save.run(subscription.id, subscription.repository, subscription.project, subscription.file,
             subscription.format, subscription.token, subscription.created, subscription.renewed,
             releases.size());
    if (auto done = save.result(); !done) return done;
    Statement clear(connection, "DELETE FROM subscribed WHERE subscription=?1");
    clear.run(subscription.id);
    if (auto done = clear.result(); !done) return done;
    Statement add(connection,
                  "INSERT INTO subscribed (name, subscription, version, range)"
                  " VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING");
    for (const SubscribedRelease& release : releases)
      add.run(release.name, subscription.id, release.version, release.range);
    return add.result();
  });
}

Result<std::vector<Subscription>> SqliteSubscriptionStore::all() {
  return database_.read([&](Connection& connection) -> Result<std::vector<Subscription>> {
    std::vector<Subscription> found;
    const std::string sql = "SELECT " + std::string(kColumns) +
                            " FROM subscription s ORDER BY s.repository, s.project, s.file";
    Statement rows(connection, sql);
    while (rows.step()) found.push_back(read_subscription(rows));
    if (auto done = rows.result(); !done) return done.error();
    return found;
  });
}

Result<std::vector<SubscribedRelease>> SqliteSubscriptionStore::releases_of(std::string_view id) {
  return database_.read([&](Connection& connection) -> Result<std::vector<SubscribedRelease>> {
    std::vector<SubscribedRelease> found;
    Statement rows(connection,
                   "SELECT name, version, range FROM subscribed WHERE subscription=?1"
                   " ORDER BY name, version, range");
    rows.bind(id);
    while (rows.step()) found.push_back({rows.string(0), rows.string(1), rows.string(2)});
    if (auto done = rows.result(); !done) return done.error();
    return found;
  });
}

Result<bool> SqliteSubscriptionStore::remove(std::string_view id) {
  return database_.write(Durability::kPower, [&](Connection& connection) -> Result<bool> {
    Statement clear(connection, "DELETE FROM subscribed WHERE subscription=?1");
    clear.run(id);
    if (auto done = clear.result(); !done) return done.error();
    Statement drop(connection, "DELETE FROM subscription WHERE id=?1");
    drop.run(id);
    if (auto done = drop.result(); !done) return done.error();
    return connection.changes() > 0;
  });
}

Result<int> SqliteSubscriptionStore::remove_renewed_before(Time time) {
  return database_.write(Durability::kPower, [&](Connection& connection) -> Result<int> {
    Statement clear(connection,
                    "DELETE FROM subscribed WHERE subscription IN"
                    " (SELECT id FROM subscription WHERE renewed<?1)");
    clear.run(time);
    if (auto done = clear.result(); !done) return done.error();
    Statement drop(connection, "DELETE FROM subscription WHERE renewed<?1");
    drop.run(time);
    if (auto done = drop.result(); !done) return done.error();
    return static_cast<int>(connection.changes());
  });
}

Result<std::vector<std::string>> SqliteSubscriptionStore::names() {
  return database_.read([&](Connection& connection) -> Result<std::vector<std::string>> {
    std::vector<std::string> found;
    Statement rows(connection, "SELECT DISTINCT name FROM subscribed ORDER BY name");
    while (rows.step()) found.push_back(rows.string(0));
    if (auto done = rows.result(); !done) return done.error();
    return found;
  });
}

Result<std::vector<std::pair<Subscription, SubscribedRelease>>> SqliteSubscriptionStore::holders(
    std::string_view name) {
  using Found = std::vector<std::pair<Subscription, SubscribedRelease>>;
  return database_.read([&](Connection& connection) -> Result<Found> {
    Found found;
    const std::string sql = "SELECT " + std::string(kColumns) +
                            ", d.version, d.range FROM subscribed d JOIN subscription s"
                            " ON s.id=d.subscription WHERE d.name=?1"
                            " ORDER BY s.repository, s.project, s.file, d.version, d.range";
    Statement rows(connection, sql);
    rows.bind(name);
    while (rows.step())
      found.emplace_back(read_subscription(rows),
                         SubscribedRelease{std::string(name), rows.string(9), rows.string(10)});
    if (auto done = rows.result(); !done) return done.error();
    return found;
  });
}

std::vector<Subscription> who_has(
    const std::vector<std::pair<Subscription, SubscribedRelease>>& holders,
    std::string_view version) {
  const auto wanted = Version::parse_loose(version);
  std::vector<Subscription> found;
  std::set<std::string> seen;
  for (const auto& [subscription, held] : holders) {
    bool has = held.version == version;
    if (!held.range.empty() && wanted) {
      const auto range = Range::parse(held.range);
      has = range && range->matches(*wanted);
    }
    if (has && seen.insert(subscription.id).second) found.push_back(subscription);
  }
  return found;
}

}  // namespace npmgate
