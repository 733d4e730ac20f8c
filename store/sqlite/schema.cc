#include "store/sqlite/schema.h"

#include <string>

namespace npmgate {
namespace {

// Times are milliseconds since 1970 (UTC). Lists and structures that no query looks into are JSON
// text. STRICT tables refuse a value of another type than declared; WITHOUT ROWID if rows are
// small and read by key.
constexpr std::string_view kFirst = R"sql(
CREATE TABLE package (
  name TEXT NOT NULL PRIMARY KEY,
  upstream TEXT NOT NULL,
  first_look INTEGER NOT NULL,
  last_look INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE seen_version (
  name TEXT NOT NULL REFERENCES package (name),
  version TEXT NOT NULL,
  first_seen INTEGER NOT NULL,
  looked_before INTEGER,
  integrity TEXT NOT NULL,
  withdrawn INTEGER,
  PRIMARY KEY (name, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE tag_history (
  name TEXT NOT NULL REFERENCES package (name),
  tag TEXT NOT NULL,
  targets TEXT NOT NULL,
  PRIMARY KEY (name, tag)
) STRICT, WITHOUT ROWID;

CREATE TABLE evidence (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  version TEXT NOT NULL,
  content_id TEXT NOT NULL,
  inspector INTEGER NOT NULL,
  gathered INTEGER NOT NULL,
  json TEXT NOT NULL,
  UNIQUE (name, version, content_id, inspector)
) STRICT;

CREATE TABLE git_tag (
  name TEXT NOT NULL,
  version TEXT NOT NULL,
  json TEXT NOT NULL,
  PRIMARY KEY (name, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE pin (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  version TEXT NOT NULL,
  content_id TEXT NOT NULL,
  tarball_sha512 TEXT NOT NULL,
  raw_manifest TEXT NOT NULL,
  accepted INTEGER NOT NULL,
  UNIQUE (name, version)
) STRICT;
CREATE INDEX pin_tarball ON pin (tarball_sha512);
CREATE TRIGGER pin_is_final BEFORE UPDATE ON pin
BEGIN SELECT RAISE(ABORT, 'a pin is never changed'); END;
CREATE TRIGGER pin_stays BEFORE DELETE ON pin
BEGIN SELECT RAISE(ABORT, 'a pin is never removed'); END;

CREATE TABLE decision (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL CHECK (kind IN ('approve', 'reject')),
  name TEXT NOT NULL,
  versions TEXT NOT NULL,
  content_id TEXT NOT NULL,
  findings TEXT NOT NULL,
  actor TEXT NOT NULL,
  reason TEXT NOT NULL,
  at INTEGER NOT NULL,
  expires INTEGER,
  reopened INTEGER NOT NULL DEFAULT 0 CHECK (reopened IN (0, 1))
) STRICT;
CREATE INDEX decision_name ON decision (name);
CREATE TRIGGER decision_is_final
BEFORE UPDATE OF id, kind, name, versions, content_id, findings, actor, reason, at, expires ON decision
BEGIN SELECT RAISE(ABORT, 'a decision is never changed, only reopened'); END;
CREATE TRIGGER decision_stays BEFORE DELETE ON decision
BEGIN SELECT RAISE(ABORT, 'a decision is never removed'); END;

CREATE TABLE release (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  version TEXT NOT NULL,
  content_id TEXT NOT NULL,
  upstream TEXT NOT NULL,
  popular INTEGER NOT NULL,
  has_install_script INTEGER NOT NULL,
  publisher TEXT NOT NULL,
  license TEXT NOT NULL,
  born INTEGER NOT NULL,
  published INTEGER,
  inspected INTEGER NOT NULL,
  same_publisher_and_hooks INTEGER NOT NULL,
  findings TEXT NOT NULL,
  served INTEGER NOT NULL,
  seen INTEGER NOT NULL,
  UNIQUE (name, version, content_id)
) STRICT;

CREATE TABLE audit (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  actor TEXT NOT NULL,
  name TEXT NOT NULL,
  version TEXT NOT NULL,
  content_id TEXT NOT NULL,
  action TEXT NOT NULL,
  policy_hash TEXT NOT NULL,
  client TEXT NOT NULL,
  detail TEXT NOT NULL
) STRICT;
CREATE INDEX audit_name ON audit (name, version, id);
CREATE INDEX audit_kind ON audit (kind, id);
CREATE TRIGGER audit_is_append_only BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
CREATE TRIGGER audit_stays BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;

CREATE TABLE ledger_release (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  version TEXT NOT NULL,
  content_id TEXT NOT NULL,
  UNIQUE (name, version, content_id)
) STRICT;
CREATE TABLE ledger_client (
  id INTEGER PRIMARY KEY,
  token TEXT NOT NULL,
  address TEXT NOT NULL,
  user_agent TEXT NOT NULL,
  command TEXT NOT NULL,
  project TEXT NOT NULL,
  UNIQUE (token, address, user_agent, command, project)
) STRICT;
CREATE TABLE ledger (
  release INTEGER NOT NULL REFERENCES ledger_release (id),
  client INTEGER NOT NULL REFERENCES ledger_client (id),
  reported INTEGER NOT NULL,
  period INTEGER NOT NULL,
  at INTEGER NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (release, client, reported, period)
) STRICT, WITHOUT ROWID;
CREATE INDEX ledger_at ON ledger (at);
CREATE INDEX ledger_by_client ON ledger (client);

CREATE TABLE token (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  scope TEXT NOT NULL,
  hash TEXT NOT NULL UNIQUE,
  created INTEGER NOT NULL,
  revoked INTEGER,
  last_used INTEGER
) STRICT;

CREATE TABLE document (
  key TEXT NOT NULL PRIMARY KEY,
  etag TEXT NOT NULL,
  last_modified TEXT NOT NULL,
  fetched INTEGER NOT NULL,
  size INTEGER NOT NULL,
  sha256 TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE setting (
  key TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
)sql";

// The verdict last observed (record_verdicts).
constexpr std::string_view kLastVerdict =
    "ALTER TABLE release ADD COLUMN verdict TEXT NOT NULL DEFAULT '';";
constexpr std::string_view kObservations = R"sql(
CREATE TABLE observation (
  name TEXT NOT NULL,
  version TEXT NOT NULL,
  json TEXT NOT NULL,
  PRIMARY KEY (name, version)
) STRICT, WITHOUT ROWID;

ALTER TABLE release ADD COLUMN again TEXT NOT NULL DEFAULT '';
)sql";

// A row of `outbox` waits while it has no delivery; a delivery's events never change.
constexpr std::string_view kAlerts = R"sql(
CREATE TABLE standing (
  name TEXT NOT NULL,
  version TEXT NOT NULL,
  content_id TEXT NOT NULL,
  standing TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (name, version, content_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE alert_event (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  version TEXT NOT NULL,
  content_id TEXT NOT NULL,
  json TEXT NOT NULL
) STRICT;
CREATE INDEX alert_event_release ON alert_event (name, version, kind, at);

CREATE TABLE delivery (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  sink TEXT NOT NULL,
  target TEXT NOT NULL,
  key TEXT NOT NULL UNIQUE,
  created INTEGER NOT NULL,
  due INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('pending', 'sent', 'dead')),
  detail TEXT NOT NULL,
  done INTEGER
) STRICT;
CREATE INDEX delivery_due ON delivery (state, due);
CREATE INDEX delivery_sink ON delivery (sink, state, done);

CREATE TABLE outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  event INTEGER NOT NULL REFERENCES alert_event (id),
  sink TEXT NOT NULL,
  target TEXT NOT NULL,
  delivery INTEGER REFERENCES delivery (id)
) STRICT;
CREATE INDEX outbox_event ON outbox (event);
CREATE INDEX outbox_delivery ON outbox (delivery);

CREATE TABLE issue (
  repository TEXT NOT NULL,
  name TEXT NOT NULL,
  version TEXT NOT NULL,
  number INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'cleared', 'gone')),
  at INTEGER NOT NULL,
  PRIMARY KEY (repository, name, version)
) STRICT, WITHOUT ROWID;
)sql";

constexpr std::string_view kSubscriptions = R"sql(
CREATE TABLE subscription (
  id TEXT NOT NULL PRIMARY KEY,
  repository TEXT NOT NULL,
  project TEXT NOT NULL,
  file TEXT NOT NULL,
  format TEXT NOT NULL,
  token TEXT NOT NULL,
  created INTEGER NOT NULL,
  renewed INTEGER NOT NULL,
  releases INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX subscription_renewed ON subscription (renewed);

CREATE TABLE subscribed (
  name TEXT NOT NULL,
  subscription TEXT NOT NULL REFERENCES subscription (id),
  version TEXT NOT NULL,
  range TEXT NOT NULL,
  PRIMARY KEY (name, subscription, version, range)
) STRICT, WITHOUT ROWID;
CREATE INDEX subscribed_by ON subscribed (subscription);
)sql";

// `alike`: what entries of kinds that are added up have in common; null for all others. The first
// refusal of each release and action stays, whatever anybody tries.
constexpr std::string_view kFoldedAudit = R"sql(
ALTER TABLE audit ADD COLUMN times INTEGER NOT NULL DEFAULT 1;
ALTER TABLE audit ADD COLUMN alike TEXT;
CREATE UNIQUE INDEX audit_alike ON audit (alike) WHERE alike IS NOT NULL;
DROP TRIGGER audit_is_append_only;
DROP TRIGGER audit_stays;
CREATE TRIGGER audit_is_append_only BEFORE UPDATE OF id, at, kind, actor, name, version, content_id,
  action, policy_hash, client, detail, alike ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
CREATE TRIGGER audit_counts_up BEFORE UPDATE OF times ON audit
WHEN old.alike IS NULL OR new.times < old.times
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
CREATE TRIGGER audit_stays BEFORE DELETE ON audit
WHEN old.kind NOT IN ('served', 'refused') OR (old.kind = 'refused' AND NOT EXISTS (
  SELECT 1 FROM audit WHERE kind = 'refused' AND name = old.name AND version = old.version
  AND content_id = old.content_id AND action = old.action AND id < old.id))
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
)sql";

// An answered request stays: the asker reads the answer later. One is open for a release at a time.
constexpr std::string_view kRequests = R"sql(
CREATE TABLE request (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  version TEXT NOT NULL,
  opened INTEGER NOT NULL,
  answer TEXT NOT NULL DEFAULT '' CHECK (answer IN ('', 'approved', 'declined', 'instead')),
  answered INTEGER,
  answered_by TEXT NOT NULL DEFAULT '',
  reason TEXT NOT NULL DEFAULT '',
  instead TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE UNIQUE INDEX request_open ON request (name, version) WHERE answer='';
CREATE INDEX request_release ON request (name, version, id);

CREATE TABLE asker (
  request INTEGER NOT NULL REFERENCES request (id),
  token TEXT NOT NULL,
  address TEXT NOT NULL,
  project TEXT NOT NULL,
  reason TEXT NOT NULL,
  needed_until INTEGER,
  asked INTEGER NOT NULL,
  UNIQUE (request, token, address, project)
) STRICT;
)sql";

constexpr std::string_view kOrigin =
    "ALTER TABLE release ADD COLUMN origin TEXT NOT NULL DEFAULT '';";

// An approval can be for one token or one project alone; whoever it covers has an answer, the
// others of the same request wait on.
constexpr std::string_view kApprovalsForSome = R"sql(
ALTER TABLE decision ADD COLUMN token TEXT NOT NULL DEFAULT '';
ALTER TABLE decision ADD COLUMN project TEXT NOT NULL DEFAULT '';
CREATE TRIGGER decision_is_for_whom_it_was BEFORE UPDATE OF token, project ON decision
BEGIN SELECT RAISE(ABORT, 'a decision is never changed, only reopened'); END;
ALTER TABLE asker ADD COLUMN approved_by TEXT NOT NULL DEFAULT '';
ALTER TABLE asker ADD COLUMN approved_reason TEXT NOT NULL DEFAULT '';
ALTER TABLE asker ADD COLUMN approved INTEGER;
)sql";

constexpr SchemaStep kSteps[] = {
    {"first sights, evidence, pins, decisions, releases, audit, ledger, tokens, documents, "
     "settings",
     kFirst},
    {"last verdict of each release", kLastVerdict},
    {"standings of releases, alerts and their outbox, issues written", kAlerts},
    {"observations beside git tags; the release that another one is again", kObservations},
    {"subscriptions of projects and the releases they lock", kSubscriptions},
    {"audit entries of what was served or refused are added up", kFoldedAudit},
    {"releases that developers ask for", kRequests},
    {"what is proven of each release's origin", kOrigin},
    {"approvals for one token or project", kApprovalsForSome},
};

Result<void> set_pragma(Connection& connection, const std::string& name, std::int64_t value) {
  return connection.execute("PRAGMA " + name + "=" + std::to_string(value));
}

// Whether the file may be touched at all, and where it stands.
Result<std::int64_t> present_version(Connection& connection) {
  const auto version = connection.query_integer("PRAGMA user_version");
  if (!version) return version;
  const auto application = connection.query_integer("PRAGMA application_id");
  if (!application) return application;
  if (*application == kApplicationId) return version;
  const auto tables = connection.query_integer("SELECT count(*) FROM sqlite_schema");
  if (!tables) return tables;
  if (*application == 0 && *version == 0 && *tables == 0) return version;
  return fail(Code::kRefused, Origin::kDisk,
              "state.db belongs to another program; name another storage path");
}

Result<void> apply(Connection& connection, const SchemaStep& step, std::int64_t number) {
  Transaction transaction(connection);
  if (!transaction.begun()) return transaction.begun();
  // Another process may have upgraded between the look and the lock.
  const auto now = connection.query_integer("PRAGMA user_version");
  if (!now) return now.error();
  if (*now >= number) return {};
  if (auto done = connection.execute(std::string(step.sql)); !done) return done;
  if (auto done = set_pragma(connection, "application_id", kApplicationId); !done) return done;
  if (auto done = set_pragma(connection, "user_version", number); !done) return done;
  return transaction.commit();
}

}  // namespace

std::span<const SchemaStep> schema_steps() {
  return kSteps;
}

Result<void> upgrade_schema(Connection& connection, std::span<const SchemaStep> steps) {
  const auto version = present_version(connection);
  if (!version) return version.error();
  const auto known = static_cast<std::int64_t>(steps.size());
  if (*version > known) {
    return fail(Code::kRefused, Origin::kDisk,
                "state.db was written by a newer npm-gate (schema " + std::to_string(*version) +
                    ", this build knows " + std::to_string(known) + ")");
  }
  for (std::int64_t number = *version + 1; number <= known; ++number) {
    const SchemaStep& step = steps[static_cast<std::size_t>(number - 1)];
    if (auto done = apply(connection, step, number); !done) return done;
  }
  return {};
}

}  // namespace npmgate
