// The last verdict observed of each release: what tells a change of verdict from one more look.
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "store/sqlite/sqlite_state_store.h"

namespace npmgate {
namespace {

bool refuses(std::string_view action) {
  return action == "quarantine" || action == "block";
}

AuditEntry change(const SeenVerdict& seen, const std::string& before, Time at) {
  AuditEntry entry;
  entry.at = at;
  entry.kind = "verdict";
  entry.actor = "gate";
  entry.name = seen.row.name;
  entry.version = seen.row.version;
  entry.content_id = seen.row.content_id;
  entry.action = seen.action;
  entry.policy_hash = seen.policy_hash;
  boost::json::object detail{{"because", seen.because}};
  detail["before"] = before.empty() ? boost::json::value() : boost::json::value(before);
  entry.detail = boost::json::serialize(detail);
  return entry;
}

// Whether a line was written.
Result<bool> record(Connection& connection, Statement& known, Statement& save,
                    const SeenVerdict& seen, Time at) {
  const ReleaseRow& row = seen.row;
  if (!known.bind(row.name, row.version, row.content_id).step()) {
    auto done = known.result();
    return done ? Result<bool>(false) : done.error();
  }
  const std::string before = known.string(0);
  if (before == seen.action) return false;
  save.run(row.name, row.version, row.content_id, seen.action);
  if (auto done = save.result(); !done) return done.error();
  if (before.empty() && !refuses(seen.action)) return false;
  if (auto done = insert_audit(connection, change(seen, before, at)); !done) return done.error();
  return true;
}

}  // namespace

Result<std::size_t> SqliteStateStore::record_verdicts(const std::vector<SeenVerdict>& seen, Time at,
                                                      const VerdictCounts& counts) {
  if (seen.empty()) return std::size_t{0};
  return database_->write(Durability::kProcess, [&](Connection& connection) -> Result<std::size_t> {
    // What was seen on metadata alone belongs to the row of the inspection that ended meanwhile.
    Statement known(connection,
                    "SELECT verdict FROM release"
                    " WHERE name=?1 AND version=?2 AND (content_id=?3 OR ?3='')"
                    " ORDER BY content_id DESC LIMIT 1");
    Statement save(connection,
                   "UPDATE release SET verdict=?4"
                   " WHERE name=?1 AND version=?2 AND (content_id=?3 OR ?3='')");
    std::size_t written = 0;
    for (const SeenVerdict& each : seen) {
      if (each.refresh) {
        if (auto done = save_release_row(connection, each.row); !done) return done.error();
      }
      if (counts && !counts(each)) continue;
      const auto line = record(connection, known, save, each, at);
      if (!line) return line.error();
      written += *line ? 1 : 0;
    }
    return written;
  });
}

}  // namespace npmgate
