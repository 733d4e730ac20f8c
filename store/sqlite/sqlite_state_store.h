// StateStore over SQLite. The methods are grouped by trade in the files sqlite_state_store*.cc (of
// the journal: audit, ledger, tokens); alert_rows.cc, subscription_rows.cc and request_rows.cc are
// stores of their own over the same database.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "store/disk/disk_reserve.h"
#include "store/disk/document_files.h"
#include "store/sqlite/alert_rows.h"
#include "store/sqlite/database.h"
#include "store/sqlite/request_rows.h"
#include "store/sqlite/subscription_rows.h"
#include "store/state_store.h"

namespace npmgate {

class SqliteStateStore final : public StateStore {
 public:
  // `reserve`: null in memory.
  SqliteStateStore(std::unique_ptr<Database> database, std::unique_ptr<DocumentFiles> files,
                   std::unique_ptr<DiskReserve> reserve)
      : database_(std::move(database)), files_(std::move(files)), reserve_(std::move(reserve)) {}

  Result<PackageRecord> record_sighting(const PackumentSighting& look) override;
  Result<PackageRecord> package(std::string_view name) override;
  Result<std::vector<std::string>> package_names() override;

  Result<void> put_evidence(const Evidence& evidence) override;
  Result<std::vector<std::shared_ptr<const Evidence>>> evidence_of(std::string_view name) override;
  Result<std::shared_ptr<const Evidence>> evidence(std::string_view name, std::string_view version,
                                                   std::string_view content_id) override;
  Result<void> put_tag(std::string_view name, std::string_view version,
                       const TagEvidence& tag) override;
  Result<std::map<std::string, TagEvidence, std::less<>>> tags_of(std::string_view name) override;
  Result<void> put_observation(std::string_view name, std::string_view version,
                               std::string_view text) override;
  Result<StringMap> observations_of(std::string_view name) override;

  Result<Pin> pin(const Pin& wanted) override;
  Result<std::map<std::string, Pin, std::less<>>> pins_of(std::string_view name) override;
  Result<bool> is_pinned(std::string_view sha512_hex) override;

  Result<std::int64_t> add_decision(const Decision& decision, const AuditEntry& audit) override;
  Result<void> reopen(std::int64_t decision_id, const AuditEntry& audit) override;
  Result<std::vector<Decision>> decisions(std::string_view name) override;

  Result<void> put_release_row(const ReleaseRow& row) override;
  Result<void> mark_served(std::string_view name, std::string_view version,
                           std::string_view content_id) override;
  Result<void> for_each_release(const std::function<void(const ReleaseRow&)>& visit) override;
  Result<std::vector<ReleaseRow>> releases_of(std::string_view name) override;

  Result<std::size_t> record_verdicts(const std::vector<SeenVerdict>& seen, Time at,
                                      const VerdictCounts& counts) override;
  Result<void> audit(const std::vector<AuditEntry>& entries) override;
  Result<std::vector<AuditEntry>> audit_log(const AuditFilter& filter) override;
  Result<void> ledger(const std::vector<LedgerEntry>& entries) override;
  using FetchLedger::downloads;
  Result<std::vector<LedgerEntry>> downloads(const LedgerFilter& filter, int limit,
                                             std::string_view after) override;
  // Of the audit trail too: what was served before, and refusals before but for the first one of
  // each release and action; everything else stays for ever.
  Result<void> trim_ledger(Time before) override;

  Result<std::int64_t> add_token(const TokenRecord& token) override;
  Result<std::vector<TokenRecord>> tokens() override;
  Result<std::optional<TokenRecord>> token_by_hash(std::string_view hash) override;
  Result<void> revoke_token(std::int64_t id, Time at) override;
  Result<void> touch_token(std::int64_t id, Time at) override;

  Result<void> put_document(std::string_view key, const Document& document) override;
  Result<std::optional<Document>> document(std::string_view key) override;
  Result<std::optional<Document>> document_head(std::string_view key) override;
  Result<void> touch_document(std::string_view key, Time fetched) override;
  Result<void> remove_document(std::string_view key) override;

  Result<void> put_setting(std::string_view key, std::string_view value) override;
  Result<std::optional<std::string>> setting(std::string_view key) override;

  Result<void> backup(const std::string& file) override;

  AlertStore& alerts() override { return alerts_; }
  SubscriptionStore& subscriptions() override { return subscriptions_; }
  RequestStore& requests() override { return requests_; }

 private:
  const std::unique_ptr<Database> database_;
  // Writes a decision; on a full disk in the room that was kept for it.
  template <class Work>
  auto decide_on_disk(const Work& work) {
    auto outcome = database_->write(Durability::kPower, work);
    while (reserve_ && !outcome && outcome.error().code == Code::kUnavailable &&
           outcome.error().origin == Origin::kDisk && reserve_->give_back())
      outcome = database_->write(Durability::kPower, work);
    if (reserve_ && outcome) reserve_->fill();
    return outcome;
  }

  const std::unique_ptr<DocumentFiles> files_;
  const std::unique_ptr<DiskReserve> reserve_;
  SqliteAlertStore alerts_{*database_};
  SqliteSubscriptionStore subscriptions_{*database_};
  SqliteRequestStore requests_{*database_};
};

// Within a transaction of the caller.
Result<void> save_release_row(Connection& connection, const ReleaseRow& row);
Result<void> insert_audit(Connection& connection, const AuditEntry& entry);

}  // namespace npmgate
