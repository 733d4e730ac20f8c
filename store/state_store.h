// Everything the gate remembers: evidence, first sights, pins, decisions, audit trail, fetch
// ledger, tokens. SQLite now; the SQL stays behind this interface. Thread-safe; every call may
// block on disk: call it off the loops. A call that returned success survives kill -9.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "inspect/evidence/evidence.h"
#include "inspect/findings/findings.h"
#include "policy/decide.h"
#include "store/alert_store.h"
#include "store/disk.h"
#include "store/request_store.h"
#include "store/subscription_store.h"

namespace npmgate {

// A version as first seen in a packument of its upstream.
struct SeenVersion {
  std::string version;
  Time first_seen{};                  // when a look first showed it
  std::optional<Time> looked_before;  // the look before that, which did not show it; nullopt: it
                                      // was there at our first look
  std::string integrity;  // of the manifest at first sight ("" = none): dist.integrity, else the
                          // bare hex of shasum
  std::optional<Time> withdrawn;  // when the upstream stopped listing it
};

struct PackageRecord {
  std::string name;
  std::string upstream;
  std::optional<Time> first_look, last_look;
  std::map<std::string, SeenVersion, std::less<>> versions;
  std::map<std::string, std::vector<std::string>, std::less<>>
      tag_history;  // targets seen, newest first, at most 20
};

// The manifest and bytes first accepted for a name@version: what every door serves from then on,
// never evicted.
struct Pin {
  std::string name, version;
  std::string content_id;
  std::string raw_manifest;
  Time accepted{};
};

struct AuditEntry {
  std::int64_t id = 0;
  Time at{};
  std::string
      kind;  // verdict, refused, served, decision, policy-loaded, policy-refused, token, recall …
  std::string actor;  // "client", "admin:<token name>", "gate", "cli:<user>"
  std::string name, version, content_id;
  std::string action;  // allow, warn, quarantine, block, …
  std::string policy_hash;
  std::string client;  // address and token name
  std::string detail;  // JSON object
};
struct AuditFilter {
  std::string kind, name, version;
  std::optional<Time> since;
  std::int64_t after_id = 0;
  int limit = 100;
  std::optional<Time> until;  // before this moment
  std::string actor, action;
  std::string client;   // a part of it: an address or a token name
  bool latest = false;  // where there are more than `limit`: the last ones instead of the first
};

// Who got what: one row per tarball sent or reported.
struct LedgerEntry {
  Time at{};
  std::string name, version, content_id;
  std::string token, address, user_agent, command, project;
  bool reported = false;   // only named in an audit request, not fetched here
  std::int64_t count = 1;  // entries alike but for the time are added up, per hour (fetched) or day
                           // (reported); `at` is then the last
  std::string position{};  // set by downloads(): where the next page goes on
};

// Which entries of the ledger; empty fields match everything.
struct LedgerFilter {
  std::string name, token, project, address;
  std::string text;  // a part of name, token, project or address
};

struct TokenRecord {
  std::int64_t id = 0;
  std::string name;
  std::string scope;  // install, review, admin
  std::string hash;   // SHA-256 hex of the token
  Time created{};
  std::optional<Time> revoked, last_used;
};

// One row of the review queue and of `policy try`: findings cached in small form.
struct ReleaseRow {
  std::string name, version, content_id;
  Subject subject;
  std::vector<Finding> findings;
  bool served = false;  // bytes have left for a client at least once; once set it stays
  Time seen{};          // the earliest put stays
  std::string verdict;  // the last one recorded (record_verdicts); "" = none yet
};

// What a release was just judged to be.
struct SeenVerdict {
  ReleaseRow row;
  bool refresh = false;        // the row is written too, as put_release_row does
  std::string action;          // allow, warn, quarantine, block
  std::string policy_hash;     // of the policy that said so
  std::string because;         // rules that decided, for the audit trail
  std::uint64_t revision = 0;  // PolicySnapshot::revision of the rules that it was judged by
};

class StateStore {
 public:
  virtual ~StateStore() = default;

  // First sights. record_sighting adds what is new, marks what vanished, updates tag history;
  // returns the record after it.
  struct PackumentSighting {
    std::string name, upstream;
    Time at{};
    std::vector<std::pair<std::string, std::string>> versions;  // version, integrity
    StringMap dist_tags;
  };
  virtual Result<PackageRecord> record_sighting(const PackumentSighting& look) = 0;
  virtual Result<PackageRecord> package(
      std::string_view name) = 0;  // empty record where never seen
  virtual Result<std::vector<std::string>> package_names() = 0;

  // Evidence, keyed (name, version, content id, inspector version): the newest inspector's is
  // returned. Evidence that cannot be read is logged and counts as absent. evidence() is a null
  // pointer where there is none; evidence_of() holds no null pointers.
  virtual Result<void> put_evidence(const Evidence& evidence) = 0;
  virtual Result<std::vector<std::shared_ptr<const Evidence>>> evidence_of(
      std::string_view name) = 0;
  virtual Result<std::shared_ptr<const Evidence>> evidence(std::string_view name,
                                                           std::string_view version,
                                                           std::string_view content_id) = 0;
  virtual Result<void> put_tag(std::string_view name, std::string_view version,
                               const TagEvidence& tag) = 0;
  virtual Result<std::map<std::string, TagEvidence, std::less<>>> tags_of(
      std::string_view name) = 0;
  // What else was observed about releases, as texts of judge/external_evidence.h, by version.
  virtual Result<void> put_observation(std::string_view name, std::string_view version,
                                       std::string_view text) = 0;
  virtual Result<StringMap> observations_of(std::string_view name) = 0;

  // Pins: the first call for a name@version wins; returns the pin in force.
  virtual Result<Pin> pin(const Pin& wanted) = 0;
  virtual Result<std::map<std::string, Pin, std::less<>>> pins_of(std::string_view name) = 0;
  virtual Result<bool> is_pinned(std::string_view sha512_hex) = 0;

  // Decision and audit entry are written together or not at all. The id is given here. reopen:
  // kNotFound where no such decision is in force.
  virtual Result<std::int64_t> add_decision(const Decision& decision, const AuditEntry& audit) = 0;
  virtual Result<void> reopen(std::int64_t decision_id, const AuditEntry& audit) = 0;
  virtual Result<std::vector<Decision>> decisions(
      std::string_view name = {}) = 0;  // all where name is empty

  // Replaces the row of (name, version, content_id). A row with a content id also replaces the one
  // without, of the same version, and one without is not kept beside it: whichever comes last.
  virtual Result<void> put_release_row(const ReleaseRow& row) = 0;
  // kNotFound where there is no such row. Cheap when repeated.
  virtual Result<void> mark_served(std::string_view name, std::string_view version,
                                   std::string_view content_id) = 0;
  // In order of first sight, on one consistent state; `visit` may call the store, its argument is
  // valid during the call.
  virtual Result<void> for_each_release(const std::function<void(const ReleaseRow&)>& visit) = 0;
  virtual Result<std::vector<ReleaseRow>> releases_of(std::string_view name) = 0;

  // Remembers the verdicts as observed at `at`. One that differs from the last recorded verdict of
  // its release is written to the audit trail with it (kind verdict, detail {"before", "because"});
  // a first one only where the release is refused. Returns how many were written. `counts` (null:
  // all do) is asked within the transaction: a verdict by rules that no longer hold when it is
  // written must not follow the row of the decision that ended them; its row is refreshed alone.
  using VerdictCounts = std::function<bool(const SeenVerdict&)>;
  virtual Result<std::size_t> record_verdicts(const std::vector<SeenVerdict>& seen, Time at,
                                              const VerdictCounts& counts = {}) = 0;

  virtual Result<void> audit(const std::vector<AuditEntry>& entries) = 0;
  // Ascending ids after `after_id`, at most `limit`; empty fields of the filter match everything.
  virtual Result<std::vector<AuditEntry>> audit_log(const AuditFilter& filter) = 0;
  virtual Result<void> ledger(const std::vector<LedgerEntry>& entries) = 0;
  // Entries that match, newest first; the caller filters versions. `after`: the position of the
  // last entry of the page before; kMalformed where it is none. An entry that counts on meanwhile
  // moves to the front.
  virtual Result<std::vector<LedgerEntry>> downloads(const LedgerFilter& filter, int limit,
                                                     std::string_view after = {}) = 0;
  Result<std::vector<LedgerEntry>> downloads(std::string_view name, int limit,
                                             std::string_view after = {}) {
    LedgerFilter filter;
    filter.name = name;
    return downloads(filter, limit, after);
  }
  virtual Result<void> trim_ledger(Time before) = 0;

  // kRefused where the hash is already there, or a token that is not revoked has the name: the
  // trail tells people apart by it. Revoking twice keeps the first time; kNotFound for an
  // unknown id.
  virtual Result<std::int64_t> add_token(const TokenRecord& token) = 0;
  virtual Result<std::vector<TokenRecord>> tokens() = 0;
  // The token stored under this hash, revoked or not; nullopt where there is none. One indexed
  // read.
  virtual Result<std::optional<TokenRecord>> token_by_hash(std::string_view hash) = 0;
  virtual Result<void> revoke_token(std::int64_t id, Time at) = 0;
  virtual Result<void> touch_token(std::int64_t id, Time at) = 0;  // sets last_used

  // Raw upstream documents with their validators. A body that is damaged on disk counts as absent.
  // touch: kNotFound where there is none.
  struct Document {
    std::string body, etag, last_modified;
    Time fetched{};
    // put: one gzip member that expands to `body`, as the upstream sent it; "": made of it.
    std::string compressed{};
  };
  virtual Result<void> put_document(std::string_view key, const Document& document) = 0;
  virtual Result<std::optional<Document>> document(std::string_view key) = 0;
  // The same without the body, which is not read.
  virtual Result<std::optional<Document>> document_head(std::string_view key) = 0;
  virtual Result<void> touch_document(std::string_view key, Time fetched) = 0;
  virtual Result<void> remove_document(std::string_view key) = 0;

  // Small facts of the program itself, such as the last feed loaded.
  virtual Result<void> put_setting(std::string_view key, std::string_view value) = 0;
  virtual Result<std::optional<std::string>> setting(std::string_view key) = 0;

  // A consistent copy of state.db while running, one file, replaced atomically. Documents and
  // tarballs are not in it: they are fetched again.
  virtual Result<void> backup(const std::string& file) = 0;

  // Of the same database. Lives as long as this.
  virtual AlertStore& alerts() = 0;
  virtual SubscriptionStore& subscriptions() = 0;
  virtual RequestStore& requests() = 0;
};

struct StateStoreOptions {
  Millis busy_timeout{
      5000};        // how long a write waits for another process; kUnavailable with retry after it
  DiskFault fault;  // tests: fails the document files' disk calls
};

// Opens (creates, upgrades; never downgrades: a newer schema is an error that says so)
// `<directory>/state.db`; documents lie gzip-compressed under <directory>/packuments.
Result<std::unique_ptr<StateStore>> open_state_store(const std::string& directory,
                                                     const StateStoreOptions& options = {});

// The same, gone with the object and without a disk, for tests. Calls of several threads take
// turns.
Result<std::unique_ptr<StateStore>> open_memory_state_store();

}  // namespace npmgate
