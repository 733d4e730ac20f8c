// Admins' decisions, each written together with its line of the audit trail.
#include "store/row_json.h"
#include "store/sqlite/sqlite_state_store.h"

namespace npmgate {
namespace {

Result<Decision> read_decision(const Statement& row) {
  auto findings = strings_from_text(row.text(5));
  if (!findings) return findings.error();
  Decision decision;
  decision.id = row.integer(0);
  decision.kind = row.text(1) == "approve" ? Decision::Kind::kApprove : Decision::Kind::kReject;
  decision.name = row.string(2);
  decision.versions = row.string(3);
  decision.content_id = row.string(4);
  decision.findings = std::move(*findings);
  decision.actor = row.string(6);
  decision.reason = row.string(7);
  decision.at = row.time(8);
  decision.expires = row.optional_time(9);
  decision.reopened = row.flag(10);
  decision.token = row.string(11);
  decision.project = row.string(12);
  return decision;
}

}  // namespace

Result<std::int64_t> SqliteStateStore::add_decision(const Decision& decision,
                                                    const AuditEntry& audit) {
  return decide_on_disk([&](Connection& connection) -> Result<std::int64_t> {
    Statement insert(connection,
                     "INSERT INTO decision (kind, name, versions, content_id, findings, actor,"
                     " reason, at, expires, reopened, token, project)"
                     " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)");
    insert.run(decision.kind == Decision::Kind::kApprove ? "approve" : "reject", decision.name,
               decision.versions, decision.content_id, strings_to_text(decision.findings),
               decision.actor, decision.reason, decision.at, decision.expires, decision.reopened,
               decision.token, decision.project);
    if (auto done = insert.result(); !done) return done.error();
    const std::int64_t id = connection.last_insert_id();
    if (auto done = insert_audit(connection, audit); !done) return done.error();
    return id;
  });
}

Result<void> SqliteStateStore::reopen(std::int64_t decision_id, const AuditEntry& audit) {
  return decide_on_disk([&](Connection& connection) -> Result<void> {
    Statement update(connection, "UPDATE decision SET reopened=1 WHERE id=?1 AND reopened=0");
    update.run(decision_id);
    if (auto done = update.result(); !done) return done;
    if (connection.changes() == 0) {
      return fail(Code::kNotFound, Origin::kClient,
                  "no decision " + std::to_string(decision_id) + " is in force");
    }
    return insert_audit(connection, audit);
  });
}

Result<std::vector<Decision>> SqliteStateStore::decisions(std::string_view name) {
  return database_->read([&](Connection& connection) -> Result<std::vector<Decision>> {
    std::vector<Decision> all;
    std::string sql =
        "SELECT id, kind, name, versions, content_id, findings, actor, reason, at, expires,"
        " reopened, token, project FROM decision";
    sql += name.empty() ? " ORDER BY id" : " WHERE name=?1 ORDER BY id";
    Statement rows(connection, sql);
    if (!name.empty()) rows.bind(name);
    while (rows.step()) {
      auto decision = read_decision(rows);
      if (!decision) return decision.error();
      all.push_back(std::move(*decision));
    }
    if (auto done = rows.result(); !done) return done.error();
    return all;
  });
}

}  // namespace npmgate
