#include "store/sqlite/alert_rows.h"

#include <algorithm>

#include "store/sqlite/sqlite_state_store.h"

namespace npmgate {
namespace {

constexpr int kMaxWaiting = 1'000;

OutboxEvent read_event(const Statement& row, int from) {
  return {row.integer(from),    row.time(from + 1),   row.string(from + 2), row.string(from + 3),
          row.string(from + 4), row.string(from + 5), row.string(from + 6)};
}

Result<void> save_standings(Connection& connection, const std::vector<KnownStanding>& standings) {
  Statement save(connection,
                 "INSERT INTO standing (name, version, content_id, standing, at)"
                 " VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (name, version, content_id) DO UPDATE"
                 " SET standing=excluded.standing, at=excluded.at");
  for (const KnownStanding& each : standings)
    save.run(each.name, each.version, each.content_id, each.standing, each.at);
  return save.result();
}

Result<std::int64_t> insert_event(Connection& connection, const OutboxEvent& event) {
  Statement insert(connection,
                   "INSERT INTO alert_event (at, kind, name, version, content_id, json)"
                   " VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
  insert.run(event.at, event.kind, event.name, event.version, event.content_id, event.json);
  if (auto done = insert.result(); !done) return done.error();
  return connection.last_insert_id();
}

Result<std::string> last_kind(Connection& connection, const OutboxAddress& to,
                              std::string_view name, std::string_view version) {
  Statement event(connection,
                  "SELECT e.kind FROM alert_event e JOIN outbox o ON o.event=e.id WHERE e.name=?1"
                  " AND e.version=?2 AND o.sink=?3 AND o.target=?4 ORDER BY o.id DESC LIMIT 1");
  if (event.bind(name, version, to.sink, to.target).step()) return event.string(0);
  if (auto done = event.result(); !done) return done.error();
  Statement issue(connection,
                  "SELECT state FROM issue WHERE repository=?1 AND name=?2 AND version=?3");
  std::string kind;
  if (issue.bind(to.target, name, version).step())
    kind = issue.string(0) == "cleared" ? "cleared" : "held";
  if (auto done = issue.result(); !done) return done.error();
  return kind;
}

// The addresses of `news` whose last event about the release is none of skip_after.
Result<std::vector<OutboxAddress>> unless_told(Connection& connection,
                                               const AlertStore::News& news) {
  std::vector<OutboxAddress> to;
  for (const OutboxAddress& each : news.to) {
    const auto last = last_kind(connection, each, news.event->name, news.event->version);
    if (!last) return last.error();
    if (std::find(news.skip_after.begin(), news.skip_after.end(), *last) == news.skip_after.end())
      to.push_back(each);
  }
  return to;
}

Result<std::vector<OutboxAddress>> unless_repeated(Connection& connection,
                                                   const AlertStore::News& news) {
  const OutboxEvent& event = *news.event;
  // Also looked for by json: trouble of the gate has no release to be told apart by.
  Statement told(connection,
                 "SELECT 1 FROM outbox o JOIN alert_event e ON e.id=o.event"
                 " WHERE o.sink=?1 AND o.target=?2 AND e.kind=?3 AND e.name=?4 AND e.version=?5"
                 " AND e.content_id=?6 AND e.at>?7 AND (e.name<>'' OR e.json=?8) LIMIT 1");
  std::vector<OutboxAddress> to;
  for (const OutboxAddress& each : news.to) {
    const bool known = told.bind(each.sink, each.target, event.kind, event.name, event.version,
                                 event.content_id, event.at - news.repeat, event.json)
                           .step();
    if (!known) to.push_back(each);
  }
  if (auto done = told.result(); !done) return done.error();
  return to;
}

Result<int> insert_rows(Connection& connection, const AlertStore::News& news) {
  const auto to =
      news.skip_after.empty() ? unless_repeated(connection, news) : unless_told(connection, news);
  if (!to) return to.error();
  if (to->empty()) return 0;
  const auto id = insert_event(connection, *news.event);
  if (!id) return id.error();
  Statement insert(connection, "INSERT INTO outbox (event, sink, target) VALUES (?1, ?2, ?3)");
  for (const OutboxAddress& each : *to) insert.run(*id, each.sink, each.target);
  if (auto done = insert.result(); !done) return done.error();
  return static_cast<int>(to->size());
}

Result<void> load_events(Connection& connection, Delivery& delivery) {
  Statement rows(connection,
                 "SELECT e.id, e.at, e.kind, e.name, e.version, e.content_id, e.json"
                 " FROM outbox o JOIN alert_event e ON e.id=o.event WHERE o.delivery=?1"
                 " ORDER BY o.id");
  rows.bind(delivery.id);
  while (rows.step()) delivery.events.push_back(read_event(rows, 0));
  return rows.result();
}

// The columns of `sql`: id, sink, target, key, created, due, attempts, state, detail, done.
Result<std::vector<Delivery>> load_deliveries(Connection& connection, Statement& rows) {
  std::vector<Delivery> all;
  while (rows.step()) {
    Delivery delivery;
    delivery.id = rows.integer(0);
    delivery.to = {rows.string(1), rows.string(2)};
    delivery.key = rows.string(3);
    delivery.created = rows.time(4);
    delivery.due = rows.time(5);
    delivery.attempts = static_cast<int>(rows.integer(6));
    delivery.state = rows.string(7);
    delivery.detail = rows.string(8);
    delivery.done = rows.optional_time(9);
    all.push_back(std::move(delivery));
  }
  if (auto done = rows.result(); !done) return done.error();
  for (Delivery& delivery : all) {
    if (auto done = load_events(connection, delivery); !done) return done.error();
  }
  return all;
}

}  // namespace

Result<std::vector<KnownStanding>> SqliteAlertStore::standings() {
  return database_.read([](Connection& connection) -> Result<std::vector<KnownStanding>> {
    std::vector<KnownStanding> all;
    Statement rows(connection, "SELECT name, version, content_id, standing, at FROM standing");
    rows.bind();
    while (rows.step())
      all.push_back({rows.string(0), rows.string(1), rows.string(2), rows.string(3), rows.time(4)});
    if (auto done = rows.result(); !done) return done.error();
    return all;
  });
}

Result<int> SqliteAlertStore::record(const News& news) {
  return database_.write(Durability::kPower, [&](Connection& connection) -> Result<int> {
    if (auto done = save_standings(connection, news.standings); !done) return done.error();
    for (const AuditEntry* entry : news.audit) {
      if (auto done = insert_audit(connection, *entry); !done) return done.error();
    }
    if (!news.event || news.to.empty()) return 0;
    return insert_rows(connection, news);
  });
}

Result<std::string> SqliteAlertStore::last_told(const OutboxAddress& to, std::string_view name,
                                                std::string_view version) {
  return database_.read(
      [&](Connection& connection) { return last_kind(connection, to, name, version); });
}

Result<std::vector<OutboxAddress>> SqliteAlertStore::told(std::string_view name,
                                                          std::string_view version) {
  return database_.read([&](Connection& connection) -> Result<std::vector<OutboxAddress>> {
    std::vector<OutboxAddress> all;
    Statement rows(connection,
                   "SELECT DISTINCT o.sink, o.target FROM alert_event e JOIN outbox o"
                   " ON o.event=e.id WHERE e.name=?1 AND e.version=?2 ORDER BY 1, 2");
    rows.bind(name, version);
    while (rows.step()) all.push_back({rows.string(0), rows.string(1)});
    if (auto done = rows.result(); !done) return done.error();
    return all;
  });
}

Result<std::vector<WaitingEvent>> SqliteAlertStore::waiting() {
  return database_.read([](Connection& connection) -> Result<std::vector<WaitingEvent>> {
    std::vector<WaitingEvent> all;
    Statement rows(connection,
                   "SELECT o.id, o.sink, o.target, e.id, e.at, e.kind, e.name, e.version,"
                   " e.content_id, e.json FROM (SELECT *, row_number() OVER"
                   " (PARTITION BY sink, target ORDER BY id) AS place FROM outbox"
                   " WHERE delivery IS NULL) o JOIN alert_event e ON e.id=o.event"
                   " WHERE o.place<=?1 ORDER BY o.id");
    rows.bind(kMaxWaiting);
    while (rows.step()) {
      WaitingEvent waiting;
      waiting.id = rows.integer(0);
      waiting.to = {rows.string(1), rows.string(2)};
      waiting.event = read_event(rows, 3);
      all.push_back(std::move(waiting));
    }
    if (auto done = rows.result(); !done) return done.error();
    return all;
  });
}

Result<Delivery> SqliteAlertStore::bundle(const std::vector<std::int64_t>& rows,
                                          const OutboxAddress& to, const std::string& key,
                                          Time now) {
  return database_.write(Durability::kPower, [&](Connection& connection) -> Result<Delivery> {
    Statement insert(connection,
                     "INSERT INTO delivery (sink, target, key, created, due, attempts, state,"
                     " detail) VALUES (?1, ?2, ?3, ?4, ?4, 0, 'pending', '')");
    insert.run(to.sink, to.target, key, now);
    if (auto done = insert.result(); !done) return done.error();
    Delivery delivery;
    delivery.id = connection.last_insert_id();
    delivery.to = to;
    delivery.key = key;
    delivery.created = delivery.due = now;
    delivery.state = "pending";
    Statement take(connection, "UPDATE outbox SET delivery=?2 WHERE id=?1 AND delivery IS NULL");
    for (const std::int64_t row : rows) {
      take.run(row, delivery.id);
      if (auto done = take.result(); !done) return done.error();
      if (connection.changes() == 0)
        return fail(Code::kNotFound, Origin::kSelf, "outbox row " + std::to_string(row));
    }
    if (auto done = load_events(connection, delivery); !done) return done.error();
    return delivery;
  });
}

Result<std::vector<Delivery>> SqliteAlertStore::due(Time now, int limit) {
  return database_.read([&](Connection& connection) {
    Statement rows(connection,
                   "SELECT id, sink, target, key, created, due, attempts, state, detail, done"
                   " FROM delivery WHERE state='pending' AND due<=?1 ORDER BY id LIMIT ?2");
    rows.bind(now, limit);
    return load_deliveries(connection, rows);
  });
}

Result<void> SqliteAlertStore::begin_attempt(std::int64_t id, Time next) {
  return database_.write(Durability::kPower, [&](Connection& connection) {
    Statement update(connection, "UPDATE delivery SET attempts=attempts+1, due=?2 WHERE id=?1");
    update.run(id, next);
    return update.result();
  });
}

Result<void> SqliteAlertStore::failed(std::int64_t id, Time next, std::string_view detail) {
  return database_.write(Durability::kPower, [&](Connection& connection) {
    Statement update(connection, "UPDATE delivery SET due=?2, detail=?3 WHERE id=?1");
    update.run(id, next, detail);
    return update.result();
  });
}

Result<void> SqliteAlertStore::finish(std::int64_t id, std::string_view state, Time now,
                                      std::string_view detail) {
  return database_.write(Durability::kPower, [&](Connection& connection) {
    Statement update(connection, "UPDATE delivery SET state=?2, done=?3, detail=?4 WHERE id=?1");
    update.run(id, state, now, detail);
    return update.result();
  });
}

Result<int> SqliteAlertStore::sent_since(std::string_view sink, Time since) {
  return database_.read([&](Connection& connection) -> Result<int> {
    Statement row(connection,
                  "SELECT count(*) FROM delivery WHERE sink=?1 AND state='sent' AND done>=?2");
    const int count = row.bind(sink, since).step() ? static_cast<int>(row.integer(0)) : 0;
    if (auto done = row.result(); !done) return done.error();
    return count;
  });
}

Result<std::vector<Delivery>> SqliteAlertStore::deliveries(int limit) {
  return database_.read([&](Connection& connection) {
    Statement rows(connection,
                   "SELECT id, sink, target, key, created, due, attempts, state, detail, done"
                   " FROM delivery ORDER BY id DESC LIMIT ?1");
    rows.bind(limit);
    return load_deliveries(connection, rows);
  });
}

Result<std::vector<StoredIssue>> SqliteAlertStore::issues(std::string_view repository) {
  return database_.read([&](Connection& connection) -> Result<std::vector<StoredIssue>> {
    std::vector<StoredIssue> all;
    Statement rows(connection,
                   "SELECT repository, name, version, number, state, at FROM issue"
                   " WHERE repository=?1 ORDER BY at, name, version");
    rows.bind(repository);
    while (rows.step())
      all.push_back({rows.string(0), rows.string(1), rows.string(2), rows.integer(3),
                     rows.string(4), rows.time(5)});
    if (auto done = rows.result(); !done) return done.error();
    return all;
  });
}

Result<void> SqliteAlertStore::put_issue(const StoredIssue& issue) {
  return database_.write(Durability::kPower, [&](Connection& connection) {
    Statement save(connection,
                   "INSERT INTO issue (repository, name, version, number, state, at)"
                   " VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (repository, name, version)"
                   " DO UPDATE SET number=excluded.number, state=excluded.state, at=excluded.at");
    save.run(issue.repository, issue.name, issue.version, issue.number, issue.state, issue.at);
    return save.result();
  });
}

Result<void> SqliteAlertStore::trim_outbox(Time before) {
  return database_.write(Durability::kProcess, [&](Connection& connection) -> Result<void> {
    Statement rows(connection,
                   "DELETE FROM outbox WHERE delivery IN"
                   " (SELECT id FROM delivery WHERE state<>'pending' AND done<?1)");
    rows.run(before);
    if (auto done = rows.result(); !done) return done;
    Statement messages(connection, "DELETE FROM delivery WHERE state<>'pending' AND done<?1");
    messages.run(before);
    if (auto done = messages.result(); !done) return done;
    Statement events(connection,
                     "DELETE FROM alert_event WHERE at<?1 AND NOT EXISTS"
                     " (SELECT 1 FROM outbox WHERE event=alert_event.id)");
    events.run(before);
    return events.result();
  });
}

}  // namespace npmgate
