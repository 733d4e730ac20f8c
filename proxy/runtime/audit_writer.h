// What the audit trail and the fetch ledger are told, gathered in memory and written in batches, so
// that no answer waits for the disk. Thread-safe. At most kFlush of entries are lost by kill -9;
// decisions and pins do not go through here.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "judge/judge.h"
#include "store/state_store.h"

namespace npmgate {

class AuditWriter {
 public:
  // `revision`: of the rules in force (ActivePolicy::revision); null: verdicts are never outdated.
  AuditWriter(StateStore& store, const Clock& clock, std::function<std::uint64_t()> revision = {})
      : store_(store), clock_(clock), revision_(std::move(revision)) {}
  void audit(AuditEntry entry);
  void ledger(LedgerEntry entry);
  // A tarball leaves for a client. Those alike in all but the time are written together, as one
  // audit entry that says how many ("times") and one ledger entry: `alike` names them, and `make`
  // is called for the first.
  struct Served {
    AuditEntry audit;
    LedgerEntry ledger;
  };
  void served(std::string_view alike, const std::function<Served()>& make);
  // A release was judged for an answer: its row in the review list follows, and if its verdict
  // is another than before, the audit trail says so, unless a policy or decision came into force
  // meanwhile: it was judged by `revision` of the rules. Cheap if nothing has changed.
  void judged(const Judged& judged, const std::string& policy_hash, std::uint64_t revision);
  void token_used(std::int64_t id, Time at);
  // Writes what has gathered; blocks on disk. What cannot be written stays for the next call (at
  // most kKeep entries, then the oldest go, with a log line).
  void flush();

 private:
  static constexpr std::size_t kKeep = 100'000;
  void flush_verdicts();
  void flush_records();
  void gather_served();

  StateStore& store_;
  const Clock& clock_;
  std::mutex writing_;  // held over the write of verdicts: a flush returns when all are on disk
  const std::function<std::uint64_t()> revision_;
  std::mutex mutex_;
  std::vector<AuditEntry> audit_;
  std::vector<LedgerEntry> ledger_;
  std::vector<SeenVerdict> verdicts_;
  struct Pending {
    Served first;
    std::int64_t times = 0;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  std::vector<Pending> served_;  // in the order in which the first of each came
  std::unordered_map<std::string, std::size_t, Hash, std::equal_to<>> served_at_;  // by `alike`
  std::unordered_map<std::string, std::size_t> told_;  // by release: what its row was told last
  std::map<std::int64_t, Time> tokens_;
};

}  // namespace npmgate
