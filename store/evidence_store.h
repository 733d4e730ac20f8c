// Evidence of releases, and what was observed about them outside.
// Thread-safe; every call may block on disk: call it off the loops. A call that returned success
// survives kill -9.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "inspect/evidence/evidence.h"
#include "inspect/findings/findings.h"

namespace npmgate {

class EvidenceStore {
 public:
  virtual ~EvidenceStore() = default;

  // Evidence, keyed (name, version, content id, inspector version): the newest inspector's is
  // returned. Evidence that cannot be read is logged and counts as absent. evidence() is a null
  // pointer if there is none; evidence_of() holds no null pointers.
  virtual Result<void> put_evidence(const Evidence& evidence) = 0;
  virtual Result<std::vector<std::shared_ptr<const Evidence>>> evidence_of(
      std::string_view name) = 0;
  virtual Result<std::shared_ptr<const Evidence>> evidence(std::string_view name,
                                                           std::string_view version,
                                                           std::string_view content_id) = 0;
  virtual Result<void> put_tag(std::string_view name, std::string_view version,
                               const TagEvidence& tag) = 0;
  virtual Result<std::map<std::string, TagEvidence, std::less<>>> tags_of(
      std::string_view name) = 0;
  // What else was observed about releases, as texts of judge/external_evidence.h, by version.
  virtual Result<void> put_observation(std::string_view name, std::string_view version,
                                       std::string_view text) = 0;
  virtual Result<StringMap> observations_of(std::string_view name) = 0;
};

}  // namespace npmgate
