// Everything known about one package at one moment, as values: what judging reads and nothing else.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "judge/external_evidence.h"
#include "judge/kept_comparison.h"
#include "registry/packument.h"
#include "store/pin_store.h"
#include "store/sighting_store.h"

namespace npmgate {

// Immutable once shared. Revision grows with every change of any part, so that it can stand in
// cache keys.
struct PackageSnapshot {
  std::string name;
  std::string upstream;
  bool times_real = true;  // upstream `times: publish`
  std::shared_ptr<const Packument> packument;
  PackageRecord record;
  std::vector<EvidencePtr> evidence;  // by version; add_evidence() keeps it so
  std::map<std::string, Pin, std::less<>> pins;
  std::map<std::string, ExternalEvidence, std::less<>> observations;  // by version
  std::map<std::string, KeptComparison, std::less<>> comparisons;     // by version
  Time fetched{};      // when the packument was last known to be current
  bool stale = false;  // the upstream could not be asked; served within `packuments.stale`
  // The upstream said at this time that there is no such package any more; a second look decides.
  std::optional<Time> missing_since;
  std::optional<Time> ask_again;  // the earliest instant at which an observation is asked for again
  std::uint64_t revision = 0;
};

using SnapshotPtr = std::shared_ptr<const PackageSnapshot>;

void add_evidence(PackageSnapshot& snapshot, EvidencePtr evidence);
// What it takes in memory beside its packument (registry/footprint.h): evidence, pins, history.
std::size_t memory_beside(const PackageSnapshot& snapshot);

// manifest_identity of `raw`.
std::string manifest_digest(std::string_view raw);

// Whether an inspection is due again because its outcome may have been an accident: bytes that did
// not match (a broken transfer, a mirror in mid-update), a tarball that could not be inspected (a
// worker that was killed), one that an inspector of before refused and this one may not, or a young
// release that an inspector of before read less of. Five seconds later; how often it is repeated is
// bounded by FailureMemory::kContent.
bool due_again(const Evidence& evidence, Time now);

// The evidence of the release as the packument states it now, of the inspector's newest version;
// null if it was never inspected.
EvidencePtr current_evidence(const PackageSnapshot& snapshot, const PackumentVersion& version);
// The evidence that a pin names; null if it is lost.
EvidencePtr pinned_evidence(const PackageSnapshot& snapshot, const Pin& pin);

// When releases' ages start counting (SPEC, section 4 "Age"). Reads the packument's stamps once;
// the snapshot outlives it.
class Ages {
 public:
  explicit Ages(const PackageSnapshot& snapshot);
  // Of one of the snapshot's versions; `now` if nothing tells.
  Time age_start(const PackumentVersion& version, Time now) const;

 private:
  const PackageSnapshot& snapshot_;
  std::vector<std::optional<Time>> stamps_;  // `times: ingest` only; in the packument's order
};

}  // namespace npmgate
