// Entries of the audit trail and the ledger as the command line and the admin API print them.
#pragma once

#include <boost/json/object.hpp>

#include "store/state_store.h"

namespace npmgate {

// What an audit entry can be about, in one list: "cache-purged, decision, …".
std::string audit_kinds();
bool is_audit_kind(std::string_view kind);

// `detail` is the object that was written with the entry, empty if there was none.
boost::json::object entry_json(const AuditEntry& entry);
boost::json::object entry_json(const LedgerEntry& entry);

}  // namespace npmgate
