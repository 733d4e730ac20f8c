// A client's request as the audit trail and the fetch ledger record it.
#pragma once

#include <string>

#include "judge/active_policy.h"
#include "proxy/net/http.h"
#include "store/audit_log.h"
#include "store/fetch_ledger.h"

namespace npmgate {

// Who asked and with what: token, address, user agent, command and project. The version and the
// outcome are the caller's to fill in.
LedgerEntry ledger_entry(const Request& request, Time now);

// The project that the client states: its npm-gate-project field, or "project/NAME" in its user
// agent. Printable, at most 200 bytes.
std::string project_of(const Request& request);
// Whom an answer to this request is for.
Audience audience_of(const Request& request);

// "ADDRESS", or "ADDRESS (TOKEN'S NAME)".
std::string client_of(const Request& request);

// An entry of `kind` with the client as its actor.
AuditEntry audit_entry(const char* kind, const std::string& name, const std::string& version,
                       const Request& request, Time now);

}  // namespace npmgate
