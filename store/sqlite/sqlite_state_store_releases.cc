// The releases seen so far with their findings in small form: the review queue and `policy try`
// walk over all of them.
#include "base/log.h"
#include "store/row_json.h"
#include "store/sqlite/sqlite_state_store.h"

// In the order that read_row takes the columns; a macro, so that statements stay string literals.
#define kSelectRows                                                                         \
  "SELECT name, version, content_id, upstream, popular, has_install_script, publisher,"     \
  " license, born, published, inspected, same_publisher_and_hooks, findings, served, seen," \
  " verdict, again, origin FROM release"

namespace npmgate {
namespace {

bool read_row(const Statement& row, ReleaseRow& out) {
  auto findings = findings_from_text(row.text(12));
  if (!findings) {
    log::warn("release-row-unreadable", findings.error().context,
              {{"release", row.string(0) + "@" + row.string(1)}});
    return false;
  }
  out.findings = std::move(*findings);
  out.name = row.text(0);
  out.version = row.text(1);
  out.content_id = row.text(2);
  Subject& subject = out.subject;
  subject.name = out.name;
  subject.version = out.version;
  subject.semver = Version::parse_loose(out.version);
  subject.content_id = out.content_id;
  subject.upstream = row.text(3);
  subject.popular = row.flag(4);
  subject.has_install_script = row.flag(5);
  subject.publisher = row.text(6);
  subject.license = row.text(7);
  subject.age_start = row.time(8);
  subject.published = row.optional_time(9);
  subject.inspected = row.flag(10);
  subject.same_publisher_and_hooks = row.flag(11);
  subject.again = row.text(16);
  if (auto origin = origin_from_text(row.text(17), subject); !origin) {
    log::warn("release-row-unreadable", origin.error().context,
              {{"release", row.string(0) + "@" + row.string(1)}});
    return false;
  }
  out.served = row.flag(13);
  out.seen = row.time(14);
  out.verdict = row.text(15);
  return true;
}

}  // namespace

namespace {

Result<bool> has_inspected_row(Connection& connection, const ReleaseRow& row) {
  Statement known(connection,
                  "SELECT 1 FROM release WHERE name=?1 AND version=?2 AND content_id<>''");
  const bool found = known.bind(row.name, row.version).step();
  if (auto done = known.result(); !done) return done.error();
  return found;
}

}  // namespace

Result<void> save_release_row(Connection& connection, const ReleaseRow& row) {
  if (row.content_id.empty()) {
    // Judged on metadata before the inspection that has ended meanwhile: that one knows more.
    const auto inspected = has_inspected_row(connection, row);
    if (!inspected) return inspected.error();
    if (*inspected) return {};
  }
  const std::string findings = findings_to_text(row.findings);
  const Subject& subject = row.subject;
  Statement save(connection,
                 "INSERT INTO release (name, version, content_id, upstream, popular,"
                 " has_install_script, publisher, license, born, published, inspected,"
                 " same_publisher_and_hooks, findings, served, seen, again, origin)"
                 " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16,"
                 " ?17)"
                 " ON CONFLICT (name, version, content_id) DO UPDATE SET"
                 " upstream=excluded.upstream, popular=excluded.popular,"
                 " has_install_script=excluded.has_install_script,"
                 " publisher=excluded.publisher, license=excluded.license, born=excluded.born,"
                 " published=excluded.published, inspected=excluded.inspected,"
                 " same_publisher_and_hooks=excluded.same_publisher_and_hooks,"
                 " findings=excluded.findings, served=max(served, excluded.served),"
                 " seen=min(seen, excluded.seen), again=excluded.again,"
                 " origin=excluded.origin");
  save.run(row.name, row.version, row.content_id, subject.upstream, subject.popular,
           subject.has_install_script, subject.publisher, subject.license, subject.age_start,
           subject.published, subject.inspected, subject.same_publisher_and_hooks, findings,
           row.served, row.seen, subject.again, origin_to_text(subject));
  if (auto done = save.result(); !done || row.content_id.empty()) return done;
  // It was listed by its metadata alone until its tarball was read, and what it was judged to be
  // goes on.
  Statement keep(connection,
                 "UPDATE release SET verdict=listed.verdict FROM release AS listed"
                 " WHERE release.name=?1 AND release.version=?2 AND release.content_id=?3"
                 " AND release.verdict='' AND listed.name=?1 AND listed.version=?2"
                 " AND listed.content_id=''");
  keep.run(row.name, row.version, row.content_id);
  if (auto kept = keep.result(); !kept) return kept;
  Statement drop(connection, "DELETE FROM release WHERE name=?1 AND version=?2 AND content_id=''");
  drop.run(row.name, row.version);
  return drop.result();
}

Result<void> SqliteStateStore::put_release_row(const ReleaseRow& row) {
  return database_->write(Durability::kProcess, [&](Connection& connection) {
    return save_release_row(connection, row);
  });
}

Result<void> SqliteStateStore::mark_served(std::string_view name, std::string_view version,
                                           std::string_view content_id) {
  // Asked for every tarball sent, true but once: the common case takes no write lock.
  const auto served = database_->read([&](Connection& connection) -> Result<bool> {
    Statement row(connection,
                  "SELECT served FROM release WHERE name=?1 AND version=?2 AND content_id=?3");
    const bool found = row.bind(name, version, content_id).step();
    const bool already = found && row.flag(0);
    if (auto done = row.result(); !done) return done.error();
    if (!found) {
      return fail(Code::kNotFound, Origin::kSelf,
                  "no row for " + std::string(name) + "@" + std::string(version));
    }
    return already;
  });
  if (!served) return served.error();
  if (*served) return {};
  return database_->write(Durability::kProcess, [&](Connection& connection) {
    Statement update(connection,
                     "UPDATE release SET served=1 WHERE name=?1 AND version=?2 AND content_id=?3");
    update.run(name, version, content_id);
    return update.result();
  });
}

Result<std::vector<ReleaseRow>> SqliteStateStore::releases_of(std::string_view name) {
  return database_->read([&](Connection& connection) -> Result<std::vector<ReleaseRow>> {
    Statement rows(connection, kSelectRows " WHERE name=?1 ORDER BY id");
    rows.bind(name);
    std::vector<ReleaseRow> found;
    ReleaseRow row;
    while (rows.step()) {
      if (read_row(rows, row)) found.push_back(row);
    }
    if (auto done = rows.result(); !done) return done.error();
    return found;
  });
}

Result<void> SqliteStateStore::for_each_release(
    const std::function<void(const ReleaseRow&)>& visit) {
  return database_->read([&](Connection& connection) -> Result<void> {
    Statement rows(connection, kSelectRows " ORDER BY id");
    rows.bind();
    ReleaseRow row;  // reused: its strings keep their memory
    while (rows.step()) {
      if (read_row(rows, row)) visit(row);
    }
    return rows.result();
  });
}

}  // namespace npmgate
