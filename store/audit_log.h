// The audit trail.
// Thread-safe; every call may block on disk: call it off the loops. A call that returned success
// survives kill -9.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace npmgate {

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
  bool latest = false;  // if there are more than `limit`: the last ones instead of the first
};

class AuditLog {
 public:
  virtual ~AuditLog() = default;

  virtual Result<void> audit(const std::vector<AuditEntry>& entries) = 0;
  // Ascending ids after `after_id`, at most `limit`; empty fields of the filter match everything.
  virtual Result<std::vector<AuditEntry>> audit_log(const AuditFilter& filter) = 0;
};

}  // namespace npmgate
