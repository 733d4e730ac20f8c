// What git hosts and attestation servers say about a release: gathered apart from its tarball,
// since it can change or come late.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "inspect/evidence/source_evidence.h"
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
  std::vector<std::string> tagged_commits;  // theirs, in that order; of older records empty
  std::vector<std::string> untagged_versions;
  std::string habit;  // "v{version}", "{name}@{version}" …
  Time asked{};
  friend bool operator==(const TagEvidence&, const TagEvidence&) = default;
};

// A release's provenance attestation, gathered apart from the tarball since it can come late:
// verified, or the registry's claim.
struct ProvenanceEvidence {
  Provenance stated;
  std::string foreign;  // not empty: what it names is not this release; `stated` is empty then
  std::string url;      // asked
  Time asked{};
  // Not empty: it is there and does not hold, and why; `stated` is empty then.
  std::string invalid{};
  // Every check of sigstore/verify.h held: what is stated is proven by a certificate, not the
  // registry's claim. nullopt: taken as stated.
  struct Verified {
    std::string issuer;    // of the builder's identity
    std::string workflow;  // that signed, with its ref
    std::string run;       // URL of the build
    std::string runner;    // "github-hosted" "self-hosted"
    std::string sha512;    // hex, of the tarball that it is about
    Time signed_at{};
    std::uint64_t checks = 0;       // that ran and held
    bool publish_attested = false;  // a key of the registry vouches for the publish
    friend bool operator==(const Verified&, const Verified&) = default;
  };
  std::optional<Verified> verified{};
  friend bool operator==(const ProvenanceEvidence&, const ProvenanceEvidence&) = default;
};

}  // namespace npmgate
