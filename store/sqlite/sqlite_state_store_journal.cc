// Who did and who got what: the audit trail, the fetch ledger, and tokens.
#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <limits>

#include "base/digest.h"
#include "store/sqlite/sqlite_state_store.h"

namespace npmgate {
namespace {

// Entries alike but for their time are one row per period: a build farm that installs the same tree
// all day stays small.
constexpr Millis kFetchedPeriod = std::chrono::hours(1);
constexpr Millis kReportedPeriod = std::chrono::hours(24);
// Rows that one transaction of trim_audit() removes: it must not keep writers waiting.
constexpr std::int64_t kTrimmedAtOnce = 5000;

// The id of the row with these values in `table`, inserted if there is none.
template <class... Values>
Result<std::int64_t> intern(Statement& insert, Statement& select, const Values&... values) {
  insert.run(values...);
  if (auto done = insert.result(); !done) return done.error();
  if (!select.bind(values...).step()) {
    auto done = select.result();
    return done ? fail(Code::kInternal, Origin::kSelf, "ledger row vanished") : done.error();
  }
  return select.integer(0);
}

TokenRecord read_token(const Statement& row) {
  return {row.integer(0), row.string(1),        row.string(2),       row.string(3),
          row.time(4),    row.optional_time(5), row.optional_time(6)};
}

constexpr std::string_view kTimes = "times";  // in an audit entry's detail: so many alike

AuditEntry read_audit(const Statement& row) {
  AuditEntry entry{row.integer(0), row.time(1),   row.string(2), row.string(3),
                   row.string(4),  row.string(5), row.string(6), row.string(7),
                   row.string(8),  row.string(9), row.string(10)};
  if (const std::int64_t times = row.integer(11); times > 1) {
    boost::system::error_code none;
    boost::json::value detail = boost::json::parse(entry.detail, none);
    if (none || !detail.is_object()) detail = boost::json::object();
    detail.get_object()[kTimes] = times;
    entry.detail = boost::json::serialize(detail);
  }
  return entry;
}

// Where a page of the ledger ends: at, release, client, reported, period; written with dots.
using LedgerPosition = std::array<std::int64_t, 5>;

std::string write_position(const LedgerPosition& position) {
  std::string text;
  for (const std::int64_t part : position) text += (text.empty() ? "" : ".") + std::to_string(part);
  return text;
}

// "" is before everything; nullopt for what write_position() did not write.
std::optional<LedgerPosition> read_position(std::string_view text) {
  LedgerPosition position;
  position.fill(std::numeric_limits<std::int64_t>::max());
  if (text.empty()) return position;
  const char* at = text.data();
  const char* const end = at + text.size();
  for (std::size_t i = 0; i < position.size(); ++i) {
    if (i > 0 && (at == end || *at++ != '.')) return std::nullopt;
    const auto [next, error] = std::from_chars(at, end, position[i]);
    if (error != std::errc{}) return std::nullopt;
    at = next;
  }
  return at == end ? std::optional(position) : std::nullopt;
}

// Only the conditions that are asked for, so that SQLite can choose an index; every parameter is
// bound, used or not.
std::string audit_query(const AuditFilter& filter) {
  std::string sql =
      "SELECT id, at, kind, actor, name, version, content_id, action, policy_hash, client, detail,"
      " times FROM audit WHERE id>?1";
  if (!filter.name.empty()) sql += " AND name=?2";
  if (!filter.version.empty()) sql += " AND version=?3";
  if (!filter.kind.empty()) sql += " AND kind=?4";
  if (filter.since) sql += " AND at>=?5";
  if (filter.until) sql += " AND at<?6";
  if (!filter.actor.empty()) sql += " AND actor=?7";
  if (!filter.client.empty()) sql += " AND instr(client, ?8)>0";
  if (!filter.action.empty()) sql += " AND action=?9";
  return sql + (filter.latest ? " ORDER BY id DESC LIMIT ?10" : " ORDER BY id LIMIT ?10");
}

std::string ledger_query(const LedgerFilter& filter) {
  std::string sql =
      "SELECT l.at, r.name, r.version, r.content_id, c.token, c.address,"
      " c.user_agent, c.command, c.project, l.reported, l.count, l.release, l.client, l.period"
      " FROM ledger_release r JOIN ledger l ON l.release=r.id"
      " JOIN ledger_client c ON c.id=l.client"
      " WHERE (l.at, l.release, l.client, l.reported, l.period) < (?3, ?4, ?5, ?6, ?7)";
  if (!filter.name.empty()) sql += " AND r.name=?1";
  if (!filter.token.empty()) sql += " AND c.token=?8";
  if (!filter.project.empty()) sql += " AND c.project=?9";
  if (!filter.address.empty()) sql += " AND c.address=?10";
  if (!filter.text.empty()) {
    sql +=
        " AND (instr(r.name, ?2)>0 OR instr(c.token, ?2)>0 OR instr(c.project, ?2)>0"
        " OR instr(c.address, ?2)>0)";
  }
  return sql +
         " ORDER BY l.at DESC, l.release DESC, l.client DESC, l.reported DESC, l.period DESC"
         " LIMIT ?11";  // the last one is always there: all can be bound
}

// An entry of a kind that is added up, as it is stored.
struct Folded {
  std::string detail;      // without `times`
  std::int64_t times = 1;  // how many the entry stands for
  std::string alike;       // what those that are added up have in common; "": never added up
};

Folded folded(const AuditEntry& entry) {
  Folded out;
  out.detail = entry.detail;
  if (entry.kind != "served" && entry.kind != "refused") return out;
  boost::system::error_code none;
  boost::json::value detail = boost::json::parse(entry.detail, none);
  if (!none && detail.is_object()) {
    boost::json::object& object = detail.get_object();
    const auto* times = object.if_contains(kTimes);
    if (times != nullptr && times->is_int64() && times->get_int64() > 0) {
      out.times = times->get_int64();
      object.erase(kTimes);
      out.detail = object.empty() ? "" : boost::json::serialize(object);
    }
  }
  std::string all = std::to_string(entry.at.time_since_epoch() / kFetchedPeriod);
  for (const std::string* part : std::initializer_list<const std::string*>{
           &entry.kind, &entry.actor, &entry.name, &entry.version, &entry.content_id, &entry.action,
           &entry.policy_hash, &entry.client, &out.detail})
    all.append(1, '\n').append(std::to_string(part->size())).append(1, ':').append(*part);
  out.alike = sha256_hex(all);
  return out;
}

// Without those of the kind that are older than ?1 and among the oldest: all are looked at in the
// order of their ids, which is that of time.
constexpr std::string_view kTrimServed =
    "DELETE FROM audit WHERE at<?1 AND id IN"
    " (SELECT id FROM audit WHERE kind='served' ORDER BY id LIMIT ?2)";
constexpr std::string_view kTrimRefused =
    "DELETE FROM audit WHERE id IN (SELECT later.id FROM audit AS later"
    " WHERE later.kind='refused' AND later.at<?1 AND EXISTS"
    " (SELECT 1 FROM audit AS first WHERE first.kind='refused' AND first.name=later.name"
    " AND first.version=later.version AND first.content_id=later.content_id"
    " AND first.action=later.action AND first.id<later.id)"
    " ORDER BY later.id DESC LIMIT ?2)";

}  // namespace

Result<void> insert_audit(Connection& connection, const AuditEntry& entry) {
  Statement insert(connection,
                   "INSERT INTO audit (at, kind, actor, name, version, content_id, action,"
                   " policy_hash, client, detail, times, alike)"
                   " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, nullif(?12, ''))"
                   " ON CONFLICT (alike) WHERE alike IS NOT NULL"
                   " DO UPDATE SET times=times+excluded.times");
  const Folded row = folded(entry);
  insert.run(entry.at, entry.kind, entry.actor, entry.name, entry.version, entry.content_id,
             entry.action, entry.policy_hash, entry.client, row.detail, row.times, row.alike);
  return insert.result();
}

Result<void> SqliteStateStore::audit(const std::vector<AuditEntry>& entries) {
  if (entries.empty()) return {};
  return database_->write(Durability::kPower, [&](Connection& connection) -> Result<void> {
    for (const AuditEntry& entry : entries) {
      if (auto done = insert_audit(connection, entry); !done) return done;
    }
    return {};
  });
}

Result<std::vector<AuditEntry>> SqliteStateStore::audit_log(const AuditFilter& filter) {
  return database_->read([&](Connection& connection) -> Result<std::vector<AuditEntry>> {
    std::vector<AuditEntry> entries;
    const std::string sql = audit_query(filter);
    Statement rows(connection, sql);
    rows.bind(filter.after_id, filter.name, filter.version, filter.kind, filter.since, filter.until,
              filter.actor, filter.client, filter.action, std::max(filter.limit, 0));
    while (rows.step()) entries.push_back(read_audit(rows));
    if (auto done = rows.result(); !done) return done.error();
    if (filter.latest) std::reverse(entries.begin(), entries.end());
    return entries;
  });
}

Result<void> SqliteStateStore::ledger(const std::vector<LedgerEntry>& entries) {
  if (entries.empty()) return {};
  return database_->write(Durability::kProcess, [&](Connection& connection) -> Result<void> {
    Statement new_release(connection,
                          "INSERT OR IGNORE INTO ledger_release (name, version, content_id)"
                          " VALUES (?1, ?2, ?3)");
    Statement release_id(connection,
                         "SELECT id FROM ledger_release"
                         " WHERE name=?1 AND version=?2 AND content_id=?3");
    Statement new_client(connection,
                         "INSERT OR IGNORE INTO ledger_client (token, address, user_agent,"
                         " command, project) VALUES (?1, ?2, ?3, ?4, ?5)");
    Statement client_id(connection,
                        "SELECT id FROM ledger_client WHERE token=?1 AND address=?2"
                        " AND user_agent=?3 AND command=?4 AND project=?5");
    Statement add(connection,
                  "INSERT INTO ledger (release, client, reported, period, at, count)"
                  " VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
                  " ON CONFLICT (release, client, reported, period) DO UPDATE"
                  " SET at=max(at, excluded.at), count=count+excluded.count");
    Statement shown(connection, "SELECT 1 FROM seen_version WHERE name=?1 AND version=?2");
    for (const LedgerEntry& entry : entries) {
      if (entry.reported && !shown.bind(entry.name, entry.version).step()) {
        if (auto done = shown.result(); !done) return done;
        continue;
      }
      const auto release =
          intern(new_release, release_id, entry.name, entry.version, entry.content_id);
      if (!release) return release.error();
      const auto client = intern(new_client, client_id, entry.token, entry.address,
                                 entry.user_agent, entry.command, entry.project);
      if (!client) return client.error();
      const Millis period = entry.reported ? kReportedPeriod : kFetchedPeriod;
      add.run(*release, *client, entry.reported, entry.at.time_since_epoch() / period, entry.at,
              entry.count);
    }
    return add.result();
  });
}

Result<std::vector<LedgerEntry>> SqliteStateStore::downloads(const LedgerFilter& filter, int limit,
                                                             std::string_view after) {
  const std::optional<LedgerPosition> from = read_position(after);
  if (!from) return fail(Code::kMalformed, Origin::kClient, "not a position in the ledger");
  return database_->read([&](Connection& connection) -> Result<std::vector<LedgerEntry>> {
    std::vector<LedgerEntry> entries;
    const std::string sql = ledger_query(filter);
    Statement rows(connection, sql);
    rows.bind(filter.name, filter.text, (*from)[0], (*from)[1], (*from)[2], (*from)[3], (*from)[4],
              filter.token, filter.project, filter.address, std::max(limit, 0));
    while (rows.step()) {
      entries.push_back({rows.time(0), rows.string(1), rows.string(2), rows.string(3),
                         rows.string(4), rows.string(5), rows.string(6), rows.string(7),
                         rows.string(8), rows.flag(9), rows.integer(10),
                         write_position({rows.integer(0), rows.integer(11), rows.integer(12),
                                         rows.integer(9), rows.integer(13)})});
    }
    if (auto done = rows.result(); !done) return done.error();
    return entries;
  });
}

static Result<void> trim_audit(Database& database, Time before) {
  for (const std::string_view sql : {kTrimServed, kTrimRefused}) {
    for (std::int64_t removed = kTrimmedAtOnce; removed == kTrimmedAtOnce;) {
      auto done = database.write(Durability::kProcess, [&](Connection& connection) -> Result<void> {
        Statement drop(connection, sql);
        drop.run(before, kTrimmedAtOnce);
        removed = connection.changes();
        return drop.result();
      });
      if (!done) return done;
    }
  }
  return {};
}

Result<void> SqliteStateStore::trim_ledger(Time before) {
  if (auto done = trim_audit(*database_, before); !done) return done;
  return database_->write(Durability::kProcess, [&](Connection& connection) -> Result<void> {
    Statement drop(connection, "DELETE FROM ledger WHERE at<?1");
    drop.run(before);
    if (auto done = drop.result(); !done) return done;
    if (auto done = connection.execute("DELETE FROM ledger_client WHERE NOT EXISTS"
                                       " (SELECT 1 FROM ledger WHERE client=ledger_client.id)");
        !done) {
      return done;
    }
    return connection.execute(
        "DELETE FROM ledger_release WHERE NOT EXISTS"
        " (SELECT 1 FROM ledger WHERE release=ledger_release.id)");
  });
}

Result<std::int64_t> SqliteStateStore::add_token(const TokenRecord& token) {
  return database_->write(Durability::kPower, [&](Connection& connection) -> Result<std::int64_t> {
    Statement same(connection, "SELECT id FROM token WHERE name=?1 AND revoked IS NULL");
    const bool taken = same.bind(token.name).step();
    if (auto done = same.result(); !done) return done.error();
    if (taken && !token.revoked) {
      return fail(Code::kRefused, Origin::kClient,
                  "a token named '" + token.name + "' exists (" + std::to_string(same.integer(0)) +
                      "); choose another name, or revoke it first (npm-gate token revoke)");
    }
    Statement insert(connection,
                     "INSERT INTO token (name, scope, hash, created, revoked, last_used)"
                     " VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
    insert.run(token.name, token.scope, token.hash, token.created, token.revoked, token.last_used);
    if (auto done = insert.result(); !done) return done.error();
    return connection.last_insert_id();
  });
}

Result<std::vector<TokenRecord>> SqliteStateStore::tokens() {
  return database_->read([](Connection& connection) -> Result<std::vector<TokenRecord>> {
    std::vector<TokenRecord> all;
    Statement rows(connection,
                   "SELECT id, name, scope, hash, created, revoked, last_used FROM token"
                   " ORDER BY id");
    rows.bind();
    while (rows.step()) all.push_back(read_token(rows));
    if (auto done = rows.result(); !done) return done.error();
    return all;
  });
}

Result<std::optional<TokenRecord>> SqliteStateStore::token_by_hash(std::string_view hash) {
  return database_->read([&](Connection& connection) -> Result<std::optional<TokenRecord>> {
    Statement row(connection,
                  "SELECT id, name, scope, hash, created, revoked, last_used FROM token"
                  " WHERE hash=?1");
    std::optional<TokenRecord> found;
    if (row.bind(hash).step()) found = read_token(row);
    if (auto done = row.result(); !done) return done.error();
    return found;
  });
}

Result<void> SqliteStateStore::revoke_token(std::int64_t id, Time at) {
  return database_->write(Durability::kPower, [&](Connection& connection) -> Result<void> {
    Statement update(connection, "UPDATE token SET revoked=coalesce(revoked, ?2) WHERE id=?1");
    update.run(id, at);
    if (auto done = update.result(); !done) return done;
    if (connection.changes() == 0) {
      return fail(Code::kNotFound, Origin::kClient, "no token " + std::to_string(id));
    }
    return {};
  });
}

Result<void> SqliteStateStore::touch_token(std::int64_t id, Time at) {
  return database_->write(Durability::kProcess, [&](Connection& connection) {
    Statement update(connection,
                     "UPDATE token SET last_used=max(coalesce(last_used, ?2), ?2) WHERE id=?1");
    update.run(id, at);
    return update.result();
  });
}

}  // namespace npmgate
