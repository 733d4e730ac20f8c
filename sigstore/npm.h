// The attestations of one release as npm's registry hands them out, verified.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "registry/provenance.h"
#include "sigstore/verify.h"

namespace npmgate::sigstore {

// What the attestations of one release prove: every one of them was verified whole.
struct VerifiedAttestations {
  Provenance provenance;  // vouched_for()
  Identity signer;        // of the provenance
  Time signed_at{};
  bool publish_attested = false;  // the registry's key vouches for the publish
  std::size_t checks = 0;         // that ran and held, over all attestations
};

// What is left of a statement once its source is what the signer's certificate says: repository,
// workflow, commit and ref, empty if the certificate does not have them. Whoever runs a build
// writes its statement. The builder stays what was stated; of that, the certificate's issuer and
// runner are what is vouched for.
Provenance vouched_for(Provenance stated, const Identity& signer);

// `answer`: of GET /-/npm/v1/attestations/NAME@VERSION. kNotFound: it holds no provenance, though
// everything in it verifies. Any other error: what is there is not what it says; kIntegrityMismatch
// if it is about another release. Hostile input, pure; never on an event loop.
Result<VerifiedAttestations> verify_attestations(std::string_view answer,
                                                 const AttestedRelease& release,
                                                 const TrustedRoot& root,
                                                 const FindKeys& registry_keys);

}  // namespace npmgate::sigstore
