// Rows of the review queue and the verdicts last recorded.
// Thread-safe; every call may block on disk: call it off the loops. A call that returned success
// survives kill -9.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "inspect/findings/findings.h"
#include "policy/decide.h"

namespace npmgate {

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

class ReleaseStore {
 public:
  virtual ~ReleaseStore() = default;

  // Replaces the row of (name, version, content_id). A row with a content id also replaces the one
  // without, of the same version, and one without is not kept beside it: whichever comes last.
  virtual Result<void> put_release_row(const ReleaseRow& row) = 0;
  // kNotFound if there is no such row. Cheap when repeated.
  virtual Result<void> mark_served(std::string_view name, std::string_view version,
                                   std::string_view content_id) = 0;
  // In order of first sight, on one consistent state; `visit` may call the store, its argument is
  // valid during the call.
  virtual Result<void> for_each_release(const std::function<void(const ReleaseRow&)>& visit) = 0;
  virtual Result<std::vector<ReleaseRow>> releases_of(std::string_view name) = 0;

  // Remembers the verdicts as observed at `at`. One that differs from the last recorded verdict of
  // its release is written to the audit trail with it (kind verdict, detail {"before", "because"});
  // a first one only if the release is refused. Returns how many were written. `counts` (null:
  // all do) is asked within the transaction: a verdict by rules that no longer hold when it is
  // written must not follow the row of the decision that ended them; its row is refreshed alone.
  using VerdictCounts = std::function<bool(const SeenVerdict&)>;
  virtual Result<std::size_t> record_verdicts(const std::vector<SeenVerdict>& seen, Time at,
                                              const VerdictCounts& counts = {}) = 0;
};

}  // namespace npmgate
