#include "judge/verdict_log.h"

#include <algorithm>
#include <string>
#include <vector>

#include "judge/judge.h"

namespace npmgate {
namespace {

constexpr std::size_t kSweepBatch = 1000;  // rows per transaction

SeenVerdict seen_verdict(const ReleaseRow& row, const Verdict& verdict,
                         const PolicySnapshot& rules) {
  SeenVerdict seen;
  seen.row.name = row.name;
  seen.row.version = row.version;
  seen.row.content_id = row.content_id;
  seen.action = to_string(verdict.action);
  seen.policy_hash = rules.policy->hash;
  seen.revision = rules.revision;
  for (const Reason& reason : verdict.reasons) {
    if (reason.waived_by.empty()) seen.because += (seen.because.empty() ? "" : " ") + reason.rule;
  }
  if (seen.because.empty() && !verdict.approved_by.empty())
    seen.because = "approved by " + verdict.approved_by;
  return seen;
}

}  // namespace

Result<std::size_t> record_changed_verdicts(ReleaseStore& store, const ActivePolicy& active_policy,
                                            Time now, std::string_view name) {
  const std::shared_ptr<const PolicySnapshot> in_force = active_policy.rules();
  const PolicySnapshot& rules = *in_force;
  std::vector<SeenVerdict> changed;
  const auto look = [&](const ReleaseRow& row) {
    const Verdict verdict = decide(*rules.policy, row.subject, findings_now(row, rules.feed.get()),
                                   rules.of(row.name), now);
    if (to_string(verdict.action) != row.verdict)
      changed.push_back(seen_verdict(row, verdict, rules));
  };
  if (name.empty()) {
    if (auto done = store.for_each_release(look); !done) return done.error();
  } else {
    const auto rows = store.releases_of(name);
    if (!rows) return rows.error();
    for (const ReleaseRow& row : *rows) look(row);
  }
  std::size_t written = 0;
  for (std::size_t at = 0; at < changed.size(); at += kSweepBatch) {
    const auto begin = changed.begin() + static_cast<std::ptrdiff_t>(at);
    const auto end =
        changed.begin() + static_cast<std::ptrdiff_t>(std::min(changed.size(), at + kSweepBatch));
    const auto counts = [&](const SeenVerdict& seen) {
      return seen.revision == active_policy.revision();
    };
    auto done = store.record_verdicts({begin, end}, now, counts);
    if (!done) return done.error();
    written += *done;
  }
  return written;
}

}  // namespace npmgate
