// One release's tarball: fetched, verified, inspected, its evidence stored. Thread-safe.
#pragma once

#include <memory>
#include <string>

#include "proxy/inspection/inspector.h"
#include "proxy/net/upstream.h"
#include "proxy/packages/dependencies.h"
#include "proxy/packages/failure_memory.h"
#include "proxy/packages/package_cache.h"
#include "proxy/packages/running_inspections.h"
#include "store/disk/blob_store.h"

namespace npmgate {

class TarballInspection {
 public:
  TarballInspection(Dependencies deps, PackageCache& cache, FailureMemory& failures)
      : deps_(deps), cache_(cache), failures_(failures) {}

  // Fetches, verifies and unpacks one tarball and stores the evidence, once however many want it
  // (as a pick, as a baseline of another), and not at all if that was done meanwhile. Returns the
  // newer snapshot.
  Task<Result<SnapshotPtr>> inspect(SnapshotPtr snapshot, std::string version);
  // The same whatever is known; kTimeout if `limit` passed, and the work goes on.
  Task<Result<SnapshotPtr>> inspect_alone(SnapshotPtr snapshot, std::string version, Millis limit);
  // What is being inspected at this moment.
  const RunningInspections& running() const { return running_; }
  // Why the release could not be fetched or did not come as promised, as long as it is not to be
  // tried again.
  std::optional<Error> remembered(const PackageSnapshot& snapshot, const std::string& version);

  // Fetches the tarball of a pinned release again whose blob is gone; kIntegrityMismatch if other
  // bytes come.
  Task<Result<void>> refetch(SnapshotPtr snapshot, std::string version, std::string sha512);

 private:
  using Writer = std::shared_ptr<BlobStore::Writer>;
  Task<Result<SnapshotPtr>> inspect_now(SnapshotPtr snapshot, std::string version);
  Task<Result<SnapshotPtr>> inspect_once(SnapshotPtr snapshot, std::string version);
  // Which release the bytes are, here; what they hold, by the inspector.
  Task<Result<void>> examine(Writer writer, InspectionInput& input, Evidence& evidence);
  Task<Result<Writer>> download(SnapshotPtr snapshot, std::string version, Dist dist,
                                bool fresh = false);
  Task<Result<Writer>> download_once(SnapshotPtr snapshot, std::string version, Dist dist,
                                     bool fresh);

  Dependencies deps_;
  PackageCache& cache_;
  FailureMemory& failures_;
  RunningInspections running_;
  SingleFlight<Result<SnapshotPtr>> readings_, repeats_;
};

}  // namespace npmgate
