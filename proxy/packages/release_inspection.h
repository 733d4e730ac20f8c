// Releases inspected with all that judging them takes: the tarball, those it is compared with, what
// it pins exactly, outside sources; at once, and in the background what no client waits for.
// Thread-safe.
//
// The life of a comparison:
//
//   planned   plan_comparison(): a recent release names the tarballs it cannot do without
//   complete  they were inspected; the release's row is written
//   waiting   one did not come: the release is judged without it (Judge::keep_strictest), its name
//             lies in ComparisonRetries, and compare_again() inspects it again when it is due
//   ended     inspected, or the upstream does not list the release any more
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "proxy/packages/packument_fetcher.h"
#include "proxy/packages/tarball_inspection.h"

namespace npmgate {

class ReleaseInspection {
 public:
  ReleaseInspection(Dependencies deps, PackageCache& cache, PackageJudge& judging,
                    ExternalEvidenceRefresh& evidence, PackumentFetcher& packuments,
                    TarballInspection& tarballs, ComparisonRetries& retries)
      : deps_(deps),
        cache_(cache),
        judging_(judging),
        evidence_(evidence),
        packuments_(packuments),
        tarballs_(tarballs),
        retries_(retries) {}

  // Inspects one release unless that was done, and the tarballs that its comparison needs; stores
  // the evidence and returns the newer snapshot. Single flight per release. A tarball for the
  // comparison that does not come is no error: it is asked for again in the background.
  // kTimeout if `limit` passed; the work goes on.
  Task<Result<SnapshotPtr>> inspect(SnapshotPtr snapshot, std::string version, Millis limit);

  // Inspects, one after another and as long as no client waits for an inspection, the recent
  // releases that no resolver picks. Returns at once.
  void inspect_later(SnapshotPtr snapshot, net::any_io_executor executor);

 private:
  struct Plan {  // what the comparison of a release needs
    Plan() {}
    bool inspected = false, recent = false;
    std::string baseline;
    std::vector<std::string> needed;  // versions whose tarballs it cannot do without
    std::vector<std::string> useful;  // versions whose tarballs might free it
  };
  Task<Result<SnapshotPtr>> inspect_with_baseline(SnapshotPtr snapshot, std::string version);
  Plan plan_comparison(const SnapshotPtr& snapshot, const std::string& version) const;
  // Whether a tarball was fetched is in `fetched`.
  Task<SnapshotPtr> fetch_for_comparison(SnapshotPtr snapshot, std::string version, Plan plan,
                                         bool& fetched);
  // The packuments of what a release pins exactly; what is new in them is inspected behind it.
  Task<void> fetch_siblings(SnapshotPtr snapshot, std::string version);
  // Asks again for what comparisons wait for until nothing waits; one at a time.
  void compare_behind(net::any_io_executor executor);
  Task<void> compare_again();

  Dependencies deps_;
  PackageCache& cache_;
  PackageJudge& judging_;
  ExternalEvidenceRefresh& evidence_;
  PackumentFetcher& packuments_;
  TarballInspection& tarballs_;
  ComparisonRetries& retries_;
  SingleFlight<Result<SnapshotPtr>> inspections_;
  std::atomic<bool> comparing_{false};
  std::atomic<int> waiting_{0};  // inspections that a client waits for
  std::atomic<int> background_{0};
};

}  // namespace npmgate
