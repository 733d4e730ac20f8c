// What lies outside a release's tarball, asked for with its inspection and again while it may
// change. Thread-safe.
#pragma once

#include <mutex>
#include <set>
#include <string>

#include "proxy/packages/external_evidence_collector.h"
#include "proxy/packages/package_judge.h"

namespace npmgate {

class ExternalEvidenceRefresh {
 public:
  // `collector`: null if outside sources are not asked.
  ExternalEvidenceRefresh(Dependencies deps, PackageCache& cache, PackageJudge& judging,
                          ExternalEvidenceCollector* collector)
      : deps_(deps), cache_(cache), judging_(judging), collector_(collector) {}
  bool asks() const { return collector_ != nullptr; }

  // Asks about an inspected release compared with `baseline` ("" = none) and stores what came.
  // Returns the newer snapshot. Only if asks().
  Task<Result<SnapshotPtr>> observe(SnapshotPtr snapshot, std::string version,
                                    std::string baseline);
  // The same; without a collector, and if the disk fails, the snapshot as it is.
  Task<SnapshotPtr> observe_again(SnapshotPtr snapshot, std::string version, std::string baseline);
  // Asks `collector` instead; what came is kept in memory only.
  Task<SnapshotPtr> observe_with(ExternalEvidenceCollector& collector, SnapshotPtr snapshot,
                                 std::string version, std::string baseline);
  // Asks in the background for what may have changed since it was last asked; one round per package
  // at a time.
  void observe_behind(PackageName name, net::any_io_executor executor);

 private:
  Task<void> observe_due(SnapshotPtr snapshot);

  Dependencies deps_;
  PackageCache& cache_;
  PackageJudge& judging_;
  ExternalEvidenceCollector* collector_;
  std::mutex mutex_;
  std::set<std::string, std::less<>> observing_;
};

}  // namespace npmgate
