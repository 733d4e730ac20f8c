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
  // Repository, workflow, commit and ref are the certificate's, which the statement does not
  // contradict. The builder is only stated: `signer` has what is vouched for.
  Provenance provenance;
  Identity signer;        // of the provenance
  Time signed_at{};
  bool publish_attested = false;  // the registry's key vouches for the publish
  std::size_t checks = 0;         // that ran and held, over all attestations
};

// `answer`: of GET /-/npm/v1/attestations/NAME@VERSION. kNotFound: it holds no provenance, though
// everything in it verifies. Any other error: what is there is not what it says; kIntegrityMismatch
// where it is about another release. Hostile input, pure; never on an event loop.
Result<VerifiedAttestations> verify_attestations(std::string_view answer,
                                                 const AttestedRelease& release,
                                                 const TrustedRoot& root,
                                                 const FindKeys& registry_keys);

}  // namespace npmgate::sigstore
