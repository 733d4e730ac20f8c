// What the audit trail and the fetch ledger are told, gathered in memory and written in batches, so
// that no answer waits for the disk. Thread-safe. At most kFlush of entries are lost by kill -9;
// decisions and pins do not go through here.
#pragma once

#include <mutex>
#include <vector>

#include "store/state_store.h"

namespace npmgate {

class Recorder {
 public:
  explicit Recorder(StateStore& store) : store_(store) {}
  void audit(AuditEntry entry);
  void ledger(LedgerEntry entry);
  // Writes what has gathered; blocks on disk. What cannot be written stays for the next call (at
  // most kKeep entries, then the oldest go, with a log line).
  void flush();

 private:
  static constexpr std::size_t kKeep = 100'000;
  StateStore& store_;
  std::mutex mutex_;
  std::vector<AuditEntry> audit_;
  std::vector<LedgerEntry> ledger_;
};

}  // namespace npmgate
