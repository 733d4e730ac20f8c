#include "store/sqlite/request_rows.h"

#include <algorithm>

#include "store/sqlite/sqlite_state_store.h"

namespace npmgate {
namespace {

Result<std::int64_t> count(Connection& connection, std::string_view sql, std::int64_t id) {
  Statement rows(connection, sql);
  const bool counted = rows.bind(id).step();
  if (!counted)
    return rows.result() ? Result<std::int64_t>(std::int64_t{0}) : rows.result().error();
  return rows.integer(0);
}

// The open request for the release, made if there is none.
Result<RequestStore::Asked> open_request(Connection& connection, const std::string& name,
                                         const std::string& version, Time at) {
  Statement known(connection, "SELECT id FROM request WHERE name=?1 AND version=?2 AND answer=''");
  if (known.bind(name, version).step()) return RequestStore::Asked{known.integer(0), false};
  if (auto done = known.result(); !done) return done.error();
  const auto open = count(connection, "SELECT count(*) FROM request WHERE answer='' AND id<>?1", 0);
  if (!open) return open.error();
  if (static_cast<std::size_t>(*open) >= RequestStore::kMaxOpen)
    return fail(Code::kRefused, Origin::kClient,
                "too many requests are open; ask the reviewers in person");
  Statement add(connection, "INSERT INTO request (name, version, opened) VALUES (?1, ?2, ?3)");
  add.run(name, version, at);
  if (auto done = add.result(); !done) return done.error();
  return RequestStore::Asked{connection.last_insert_id(), true};
}

Result<std::vector<Asker>> askers_of(Connection& connection, std::int64_t id) {
  std::vector<Asker> askers;
  Statement rows(connection,
                 "SELECT token, address, project, reason, needed_until, asked, approved,"
                 " approved_by, approved_reason FROM asker"
                 " WHERE request=?1 ORDER BY rowid");
  rows.bind(id);
  while (rows.step()) {
    askers.push_back({rows.string(0), rows.string(1), rows.string(2), rows.string(3),
                      rows.optional_time(4), rows.time(5), rows.optional_time(6), rows.string(7),
                      rows.string(8)});
  }
  if (auto done = rows.result(); !done) return done.error();
  return askers;
}

Error none_open(std::int64_t id) {
  return fail(Code::kNotFound, Origin::kClient, "no request " + std::to_string(id) + " is open");
}

Result<void> close_request(Connection& connection, std::int64_t id,
                           const RequestStore::Answer& answer) {
  Statement update(connection,
                   "UPDATE request SET answer=?2, answered=?3, answered_by=?4, reason=?5,"
                   " instead=?6 WHERE id=?1 AND answer=''");
  update.run(id, answer.answer, answer.at, answer.by, answer.reason, answer.instead);
  if (auto done = update.result(); !done) return done;
  if (connection.changes() == 0) return none_open(id);
  return {};
}

}  // namespace

Result<RequestStore::Asked> SqliteRequestStore::ask(const std::string& name,
                                                    const std::string& version, const Asker& asker,
                                                    const AuditEntry& audit) {
  return database_.write(Durability::kPower, [&](Connection& connection) -> Result<Asked> {
    auto asked = open_request(connection, name, version, asker.asked);
    if (!asked) return asked;
    const auto others = count(connection, "SELECT count(*) FROM asker WHERE request=?1", asked->id);
    if (!others) return others.error();
    if (static_cast<std::size_t>(*others) >= kMaxAskers)
      return fail(Code::kRefused, Origin::kClient, "enough people asked for this release already");
    Statement save(connection,
                   "INSERT INTO asker (request, token, address, project, reason, needed_until,"
                   " asked) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
                   " ON CONFLICT (request, token, address, project) DO UPDATE"
                   " SET reason=excluded.reason, needed_until=excluded.needed_until,"
                   " approved=NULL, approved_by='', approved_reason=''");
    save.run(asked->id, asker.token, asker.address, asker.project, asker.reason, asker.needed_until,
             asker.asked);
    if (auto done = save.result(); !done) return done.error();
    if (auto done = insert_audit(connection, audit); !done) return done.error();
    return asked;
  });
}

Result<void> SqliteRequestStore::answer(std::int64_t id, const Answer& answer,
                                        const AuditEntry& audit) {
  return database_.write(Durability::kPower, [&](Connection& connection) -> Result<void> {
    if (auto done = close_request(connection, id, answer); !done) return done;
    return insert_audit(connection, audit);
  });
}

Result<std::size_t> SqliteRequestStore::approve_for(std::int64_t id, const std::string& token,
                                                    const std::string& project,
                                                    const Answer& answer, const AuditEntry& audit) {
  return database_.write(Durability::kPower, [&](Connection& connection) -> Result<std::size_t> {
    const auto open =
        count(connection, "SELECT count(*) FROM request WHERE answer='' AND id=?1", id);
    if (!open) return open.error();
    if (*open == 0) return none_open(id);
    Statement cover(connection,
                    "UPDATE asker SET approved=?4, approved_by=?5, approved_reason=?6"
                    " WHERE request=?1 AND approved IS NULL AND (?2='' OR token=?2)"
                    " AND (?3='' OR project=?3)");
    cover.run(id, token, project, answer.at, answer.by, answer.reason);
    if (auto done = cover.result(); !done) return done.error();
    const auto covered = static_cast<std::size_t>(connection.changes());
    if (covered == 0) return covered;
    const auto waiting =
        count(connection, "SELECT count(*) FROM asker WHERE request=?1 AND approved IS NULL", id);
    if (!waiting) return waiting.error();
    if (*waiting == 0) {
      if (auto done = close_request(connection, id, answer); !done) return done.error();
    }
    if (auto done = insert_audit(connection, audit); !done) return done.error();
    return covered;
  });
}

Result<std::vector<ReleaseRequest>> SqliteRequestStore::requests(const RequestFilter& filter) {
  return database_.read([&](Connection& connection) -> Result<std::vector<ReleaseRequest>> {
    std::vector<ReleaseRequest> found;
    std::string sql =
        "SELECT id, name, version, opened, answer, answered, answered_by, reason, instead"
        " FROM request WHERE 1=1";
    if (!filter.name.empty()) sql += " AND name=?1";
    if (!filter.version.empty()) sql += " AND version=?2";
    if (filter.open) sql += " AND answer=''";
    if (filter.before > 0) sql += " AND id<?3";
    sql += " ORDER BY id DESC LIMIT ?4";
    Statement rows(connection, sql);
    rows.bind(filter.name, filter.version, filter.before, std::max(filter.limit, 0));
    while (rows.step()) {
      ReleaseRequest request;
      request.id = rows.integer(0);
      request.name = rows.string(1);
      request.version = rows.string(2);
      request.opened = rows.time(3);
      request.answer = rows.string(4);
      request.answered = rows.optional_time(5);
      request.answered_by = rows.string(6);
      request.reason = rows.string(7);
      request.instead = rows.string(8);
      found.push_back(std::move(request));
    }
    if (auto done = rows.result(); !done) return done.error();
    for (ReleaseRequest& request : found) {
      auto askers = askers_of(connection, request.id);
      if (!askers) return askers.error();
      request.askers = std::move(*askers);
    }
    return found;
  });
}

}  // namespace npmgate
