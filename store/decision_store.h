// What people decided about releases.
// Thread-safe; every call may block on disk: call it off the loops. A call that returned success
// survives kill -9.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "policy/decide.h"
#include "store/audit_log.h"

namespace npmgate {

class DecisionStore {
 public:
  virtual ~DecisionStore() = default;

  // Decision and audit entry are written together or not at all. The id is given here. reopen:
  // kNotFound if no such decision is in force.
  virtual Result<std::int64_t> add_decision(const Decision& decision, const AuditEntry& audit) = 0;
  virtual Result<void> reopen(std::int64_t decision_id, const AuditEntry& audit) = 0;
  virtual Result<std::vector<Decision>> decisions(
      std::string_view name = {}) = 0;  // all if name is empty
};

}  // namespace npmgate
