#include "proxy/admin/release_diff.h"

#include <algorithm>

#include "base/text.h"
#include "proxy/admin/diff_view.h"
#include "proxy/inspection/joined_file.h"

namespace npmgate {

std::shared_ptr<const ContentDiff> ReleaseDiffs::known(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(kept_.begin(), kept_.end(),
                                  [&](const auto& entry) { return entry.first == key; });
  if (found == kept_.end()) return nullptr;
  kept_.splice(kept_.begin(), kept_, found);
  return found->second;
}

void ReleaseDiffs::keep(std::string key, std::shared_ptr<const ContentDiff> diff) {
  const std::lock_guard lock(mutex_);
  kept_.emplace_front(std::move(key), std::move(diff));
  if (kept_.size() > kKept) kept_.pop_back();
}

Task<Result<ReleaseDiffs::Blob>> ReleaseDiffs::open(SnapshotPtr snapshot, std::string version,
                                                    std::string sha512) {
  std::function<Result<Blob>()> look = [this, sha512] { return blobs_.open(sha512); };
  auto blob = co_await pool_.offload(look);
  if (blob || blob.error().code != Code::kNotFound) co_return blob;
  auto fetched = co_await tarballs_.refetch(snapshot, version, sha512);
  if (!fetched) co_return fetched.error();
  co_return co_await pool_.offload(std::move(look));
}

Task<Result<std::shared_ptr<const ContentDiff>>> ReleaseDiffs::of(Comparison sides) {
  std::string key = sides.baseline_tarball + ":" + sides.tarball;
  if (auto found = known(key)) co_return found;
  auto after = co_await open(sides.snapshot, sides.version, sides.tarball);
  if (!after) co_return after.error();
  Blob before;
  if (!sides.baseline.empty()) {
    auto opened = co_await open(sides.snapshot, sides.baseline, sides.baseline_tarball);
    if (!opened) co_return opened.error();
    before = *opened;
  }
  std::function<Result<std::shared_ptr<const Fd>>()> join = [before, release = *after] {
    return joined_file({before.get(), release.get()});
  };
  auto both = co_await pool_.offload(std::move(join));
  if (!both) co_return both.error();
  DiffJob job;
  job.request.baseline_size = before ? before->size : 0;
  job.request.paths = std::move(sides.paths);
  job.limits = limits_;
  job.both = *both;
  auto diff = co_await inspector_.compare(std::move(job));
  if (!diff) co_return diff.error();
  auto made = std::make_shared<const ContentDiff>(std::move(*diff));
  keep(std::move(key), made);
  co_return made;
}

Task<Result<boost::json::object>> ReleaseDiffs::view(Wanted wanted) {
  Comparison comparison = wanted.comparison;
  auto diff = co_await of(std::move(comparison));
  if (!diff) co_return diff.error();
  auto write = [&]() -> Result<boost::json::object> {
    const std::string& baseline = wanted.comparison.baseline;
    boost::json::object out{{"name", wanted.comparison.snapshot->name},
                            {"version", wanted.comparison.version}};
    out["baseline"] = baseline.empty() ? boost::json::value() : boost::json::value(baseline);
    for (auto& [key, value] : diff_view(**diff, wanted.report, wanted.findings))
      out[key] = std::move(value);
    return out;
  };
  co_return co_await pool_.offload(std::move(write));
}

Result<ReleaseDiffs::Wanted> diff_wanted(Judge& judge, const SnapshotPtr& snapshot,
                                         const std::string& version, const ReleaseReport& report) {
  const Judged* judged = judge.of(version);
  if (judged == nullptr || !judged->evidence || judged->evidence->tree.files.empty()) {
    return fail(Code::kNotFound, Origin::kClient,
                snapshot->name + "@" + printable(version, 60) +
                    " was not inspected, or its archive is refused: there are no files to compare");
  }
  if (!judged->baseline.empty() && !judged->baseline_evidence) {
    return fail(Code::kUnavailable, Origin::kUpstream,
                "the tarball of " + judged->baseline + ", the release before, is not here");
  }
  const Judged* before = judged->baseline.empty() ? nullptr : judge.of(judged->baseline);
  ReleaseDiffs::Wanted wanted;
  if (report.json) {
    ReleaseReport::Told told;
    told.judged = judged;
    told.baseline = before != nullptr ? before->release : nullptr;
    told.now = judge.now();
    wanted.report = report.json(told);
  }
  wanted.findings = judged->findings;
  wanted.comparison.snapshot = snapshot;
  wanted.comparison.version = version;
  wanted.comparison.tarball = judged->evidence->tarball_sha512;
  wanted.comparison.baseline = judged->baseline;
  if (judged->baseline_evidence)
    wanted.comparison.baseline_tarball = judged->baseline_evidence->tarball_sha512;
  wanted.comparison.paths = paths_to_show(wanted.report, judged->findings);
  if (judged->baseline.empty()) {
    for (const FileFacts& file : judged->evidence->tree.files)
      wanted.comparison.paths.push_back(file.path);
  }
  return wanted;
}

}  // namespace npmgate
