// Who asks outside sources about a release.
#pragma once

#include <string>

#include "judge/snapshot.h"
#include "proxy/net/async.h"

namespace npmgate {

// Asks about a release that was just inspected (git tags, signatures, ages of new dependencies).
// Never an error: what did not come is in the answer as unknown. Thread-safe.
class ExternalEvidenceCollector {
 public:
  virtual ~ExternalEvidenceCollector() = default;
  virtual Task<ExternalEvidence> observe(SnapshotPtr snapshot, std::string version,
                                         std::string baseline) = 0;
};

}  // namespace npmgate
