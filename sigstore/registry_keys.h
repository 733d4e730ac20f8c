// The keys that a registry signs releases and publish attestations with.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sigstore/verify.h"

namespace npmgate::sigstore {

// What a key may sign, as npm's key file says it.
inline constexpr std::string_view kSignaturesUsage = "npm:signatures";
inline constexpr std::string_view kAttestationsUsage = "npm:attestations";

struct RegistryKey {
  std::string id;     // "SHA256:…"
  std::string usage;  // one of the above
  KeyPtr key;
  Validity valid;
};

// A file of keys as TUF hands it out ({"keys": [{keyId, keyUsage, publicKey: {rawBytes, keyDetails,
// validFor}}]}). Keys whose id, kind or validity cannot be read are left out; kMalformed if none
// is left. Pure.
Result<std::vector<RegistryKey>> parse_registry_keys(std::string_view text);

// Of an attestation's key hint.
FindKeys attestation_keys(std::vector<RegistryKey> keys);

}  // namespace npmgate::sigstore
