// What git hosts and attestation servers say about a release: gathered apart from its tarball,
// since it can change or come late.
#pragma once

#include <string>
#include <vector>

#include "base/time.h"
#include "registry/provenance.h"

namespace npmgate {

// The tag that git hosting shows for a release, gathered apart from the tarball since it can
// change.
struct TagEvidence {
  enum class State { kFound, kMissing, kUnknown, kNotApplicable } state = State::kUnknown;
  std::string reason;        // for kUnknown: why
  std::string repository;    // URL asked
  std::string tag, commit;   // found
  std::string first_commit;  // the commit when the tag was first seen
  std::vector<std::string>
      tagged_versions;  // of this package, recent ones, found under the learned habit
  std::vector<std::string> untagged_versions;
  std::string habit;  // "v{version}", "{name}@{version}" …
  Time asked{};
  friend bool operator==(const TagEvidence&, const TagEvidence&) = default;
};

// A release's provenance attestation, gathered apart from the tarball since it can come late. The
// registry's claim: what it names was read, its signature was not verified.
struct ProvenanceEvidence {
  Provenance stated;
  std::string foreign;  // not empty: what it names is not this release; `stated` is empty then
  std::string url;      // asked
  Time asked{};
  friend bool operator==(const ProvenanceEvidence&, const ProvenanceEvidence&) = default;
};

}  // namespace npmgate
