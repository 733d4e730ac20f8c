// Registry signatures: ECDSA over "name@version:integrity" with the keys that the registry
// publishes (npm docs, "Verifying ECDSA registry signatures").
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "registry/manifest.h"

namespace npmgate {

struct SigningKey {
  std::string keyid;  // "SHA256:…"
  std::string key;    // base64 of the SubjectPublicKeyInfo (DER)
  std::optional<Time> expires;
};

// The answer of GET /-/npm/v1/keys. Keys whose `expires` is there and no time are left out.
Result<std::vector<SigningKey>> parse_keys(std::string_view body);

// true: a signature by a known key verifies; false: a known key's signature does not verify, or the
// key had expired before the release was published; nullopt: no signature by a known key, or by one
// that expires while the time of publishing is not known (`times_real` false: it is one of
// arrival): nothing can be said.
std::optional<bool> verify_signatures(const Release& release, const std::vector<SigningKey>& keys,
                                      bool times_real);

}  // namespace npmgate
