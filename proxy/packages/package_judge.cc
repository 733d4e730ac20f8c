// What the watch asks of Packages: what is kept, outside sources asked again, rows brought up to
// date.
#include "proxy/packages/packages.h"

namespace npmgate {
namespace {

bool same_findings(const std::vector<Finding>& a, const std::vector<Finding>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i].id != b[i].id || a[i].digest() != b[i].digest()) return false;
  }
  return true;
}

}  // namespace

Task<Result<SnapshotPtr>> Packages::kept(PackageName name) {
  if (SnapshotPtr known = in_memory(name.str())) co_return known;
  auto load = [this, name] { return stored(name); };
  co_return co_await deps_.pool.offload(std::move(load));
}

Task<SnapshotPtr> Packages::observe_again(SnapshotPtr snapshot, std::string version,
                                          std::string baseline) {
  if (collector_ == nullptr) co_return snapshot;
  auto observed = co_await observe_now(snapshot, std::move(version), std::move(baseline));
  if (!observed) log::error("observation", to_string(observed.error()));
  co_return observed ? *observed : snapshot;
}

Result<bool> Packages::rejudge(const SnapshotPtr& snapshot) {
  auto rows = deps_.store.releases_of(snapshot->name);
  if (!rows) return rows.error();
  Judge judge = this->judge(snapshot, *deps_.active_policy.rules());
  bool changed = false;
  std::vector<std::string> versions;
  for (ReleaseRow& row : *rows) {
    const Judged* judged = judge.of(row.version);
    if (judged == nullptr || judged->subject.content_id != row.content_id) continue;
    versions.push_back(row.version);
    if (same_findings(judged->findings, row.findings) &&
        judged->subject.age_start == row.subject.age_start)
      continue;
    row.subject = judged->subject;
    row.findings = judged->findings;
    if (auto done = deps_.store.put_release_row(row); !done) return done.error();
    changed = true;
  }
  if (auto kept = keep_comparisons(snapshot, judge, versions); !kept) return kept.error();
  return changed;
}

}  // namespace npmgate
