#include "sigstore/registry_keys.h"

#include "sigstore/fields.h"
#include "sigstore/validity.h"

namespace npmgate::sigstore {
namespace {

constexpr std::size_t kMaxKeys = 256;
constexpr std::size_t kMaxKeysFile = std::size_t{1} << 20;
constexpr std::size_t kMaxKeyDer = 4096;

}  // namespace

Result<std::vector<RegistryKey>> parse_registry_keys(std::string_view text) {
  json::StrictParser parser;
  json::Element value;
  if (text.size() > kMaxKeysFile) return unreadable("the registry's keys are larger than 1 MiB");
  if (const auto refusal = parser.parse_unambiguous(text, false, value))
    return unreadable("the registry's keys cannot be read: " + refusal->detail);
  Problem whole;
  std::vector<RegistryKey> keys;
  for (const json::Element& each : Fields(value, "keys", whole, {}).list("keys", kMaxKeys)) {
    Problem problem;
    const Fields fields(each, "key", problem, {});
    RegistryKey key;
    key.id = fields.text("keyId");
    key.usage = fields.text("keyUsage");
    const Fields material = fields.object("publicKey", {});
    key.key = key_of_der(material.bytes("rawBytes", kMaxKeyDer));
    const auto valid = read_validity(material, "validFor");
    if (!problem.none() || !key.key || !valid) continue;
    key.valid = *valid;
    keys.push_back(std::move(key));
  }
  if (keys.empty()) return unreadable("the registry's keys cannot be read: there are none");
  return keys;
}

FindKeys attestation_keys(std::vector<RegistryKey> keys) {
  return [keys = std::move(keys)](const std::string& hint) {
    std::vector<BareKey> found;
    for (const RegistryKey& key : keys) {
      if (key.id == hint && key.usage == kAttestationsUsage)
        found.push_back({key.key, key.id, key.valid});
    }
    return found;
  };
}

}  // namespace npmgate::sigstore
