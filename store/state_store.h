// Everything the gate remembers, as one: small interfaces by trade over one database, so that a
// decision and its audit entry are one transaction. Whoever needs one of them is given that one.
// SQLite now (store/sqlite); the SQL stays behind these interfaces.
#pragma once

#include <string>

#include "store/alert_store.h"
#include "store/audit_log.h"
#include "store/decision_store.h"
#include "store/document_store.h"
#include "store/evidence_store.h"
#include "store/fetch_ledger.h"
#include "store/pin_store.h"
#include "store/release_store.h"
#include "store/request_store.h"
#include "store/setting_store.h"
#include "store/sighting_store.h"
#include "store/subscription_store.h"
#include "store/token_store.h"

namespace npmgate {

class StateStore : public SightingStore,
                   public EvidenceStore,
                   public PinStore,
                   public DecisionStore,
                   public ReleaseStore,
                   public AuditLog,
                   public FetchLedger,
                   public TokenStore,
                   public DocumentStore,
                   public SettingStore {
 public:
  // A consistent copy of state.db while running, one file, replaced atomically. Documents and
  // tarballs are not in it: they are fetched again.
  virtual Result<void> backup(const std::string& file) = 0;

  // Of the same database. Lives as long as this.
  virtual AlertStore& alerts() = 0;
  virtual SubscriptionStore& subscriptions() = 0;
  virtual RequestStore& requests() = 0;
};

}  // namespace npmgate
