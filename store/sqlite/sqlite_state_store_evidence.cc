// Evidence, git tags and other observations.
#include <boost/json/serialize.hpp>

#include "base/log.h"
#include "store/row_json.h"
#include "store/sqlite/sqlite_state_store.h"

namespace npmgate {
namespace {

// Null if the row cannot be read (damage, or a newer inspector's format): the release then
// counts as not inspected.
EvidencePtr read_evidence(std::string_view text, std::string_view what) {
  const auto value = parse_row_json(text);
  auto evidence = value ? evidence_from_json(*value) : Result<Evidence>(value.error());
  if (evidence) return std::make_shared<const Evidence>(std::move(*evidence));
  log::warn("evidence-unreadable", evidence.error().context, {{"release", std::string(what)}});
  return nullptr;
}

}  // namespace

Result<void> SqliteStateStore::put_evidence(const Evidence& evidence) {
  const std::string text = boost::json::serialize(to_json(evidence));
  const std::string content_id = evidence.content_id();
  return database_->write(Durability::kProcess, [&](Connection& connection) -> Result<void> {
    Statement save(connection,
                   "INSERT INTO evidence (name, version, content_id, inspector, gathered, json)"
                   " VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
                   " ON CONFLICT (name, version, content_id, inspector) DO UPDATE"
                   " SET gathered=excluded.gathered, json=excluded.json");
    save.run(evidence.name, evidence.version, content_id, evidence.inspector, evidence.gathered,
             text);
    if (auto done = save.result(); !done) return done;
    // What an older inspector found out is replaced by this.
    Statement drop(connection,
                   "DELETE FROM evidence"
                   " WHERE name=?1 AND version=?2 AND content_id=?3 AND inspector<?4");
    drop.run(evidence.name, evidence.version, content_id, evidence.inspector);
    return drop.result();
  });
}

Result<std::vector<EvidencePtr>> SqliteStateStore::evidence_of(std::string_view name) {
  return database_->read([&](Connection& connection) -> Result<std::vector<EvidencePtr>> {
    std::vector<EvidencePtr> all;
    Statement rows(connection,
                   "SELECT version, content_id, json FROM evidence WHERE name=?1"
                   " ORDER BY version, content_id, inspector DESC");
    rows.bind(name);
    std::string last;  // the release of the row before: its newest readable inspector was taken
    while (rows.step()) {
      std::string release = rows.string(0) + " " + rows.string(1);
      if (release == last) continue;
      EvidencePtr evidence = read_evidence(rows.text(2), release);
      if (!evidence) continue;
      all.push_back(std::move(evidence));
      last = std::move(release);
    }
    if (auto done = rows.result(); !done) return done.error();
    return all;
  });
}

Result<EvidencePtr> SqliteStateStore::evidence(std::string_view name, std::string_view version,
                                               std::string_view content_id) {
  return database_->read([&](Connection& connection) -> Result<EvidencePtr> {
    EvidencePtr newest;
    Statement rows(connection,
                   "SELECT json FROM evidence WHERE name=?1 AND version=?2 AND content_id=?3"
                   " ORDER BY inspector DESC");
    rows.bind(name, version, content_id);
    while (!newest && rows.step()) newest = read_evidence(rows.text(0), version);
    if (auto done = rows.result(); !done) return done.error();
    return newest;
  });
}

Result<void> SqliteStateStore::put_tag(std::string_view name, std::string_view version,
                                       const TagEvidence& tag) {
  const std::string text = tag_to_text(tag);
  return database_->write(Durability::kProcess, [&](Connection& connection) {
    Statement save(connection,
                   "INSERT INTO git_tag (name, version, json) VALUES (?1, ?2, ?3)"
                   " ON CONFLICT (name, version) DO UPDATE SET json=excluded.json");
    save.run(name, version, text);
    return save.result();
  });
}

Result<std::map<std::string, TagEvidence, std::less<>>> SqliteStateStore::tags_of(
    std::string_view name) {
  using Tags = std::map<std::string, TagEvidence, std::less<>>;
  return database_->read([&](Connection& connection) -> Result<Tags> {
    Tags tags;
    Statement rows(connection, "SELECT version, json FROM git_tag WHERE name=?1");
    rows.bind(name);
    while (rows.step()) {
      auto tag = tag_from_text(rows.text(1));
      if (!tag) return tag.error();
      tags.emplace(rows.string(0), std::move(*tag));
    }
    if (auto done = rows.result(); !done) return done.error();
    return tags;
  });
}

Result<void> SqliteStateStore::put_observation(std::string_view name, std::string_view version,
                                               std::string_view text) {
  return database_->write(Durability::kProcess, [&](Connection& connection) {
    Statement save(connection,
                   "INSERT INTO observation (name, version, json) VALUES (?1, ?2, ?3)"
                   " ON CONFLICT (name, version) DO UPDATE SET json=excluded.json");
    save.run(name, version, text);
    return save.result();
  });
}

Result<StringMap> SqliteStateStore::observations_of(std::string_view name) {
  return database_->read([&](Connection& connection) -> Result<StringMap> {
    StringMap texts;
    Statement rows(connection, "SELECT version, json FROM observation WHERE name=?1");
    rows.bind(name);
    while (rows.step()) texts.emplace(rows.string(0), rows.string(1));
    if (auto done = rows.result(); !done) return done.error();
    return texts;
  });
}

}  // namespace npmgate
