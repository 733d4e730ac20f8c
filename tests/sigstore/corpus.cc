#include "tests/sigstore/corpus.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace npmgate::sigstore::testing {
namespace {

const std::string kFolder = NPM_GATE_SOURCE_DIR "/tests/fixtures/sigstore/";

// The suite signs with this workflow; cases with another signer name it.
constexpr std::string_view kIdentity =
    "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/"
    "workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";
constexpr std::string_view kIssuer = "https://token.actions.githubusercontent.com";

}  // namespace

std::string read_fixture(const std::string& name) {
  std::ifstream in(kFolder + name, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::vector<Case> conformance_cases() {
  std::istringstream lines(read_fixture("cases.txt"));
  std::vector<Case> cases;
  for (Case row;
       lines >> row.name >> row.root >> row.key >> row.sha256 >> row.identity >> row.issuer;)
    cases.push_back(row);
  return cases;
}

Result<VerifiedBundle> verify_case(const Case& which, const std::string& text) {
  const auto root = parse_trusted_root(read_fixture("roots/" + which.root + ".json"));
  if (!root) return root.error();
  const FindKeys keys = [&](const std::string& hint) {
    std::vector<BareKey> found;
    if (which.key == "-") return found;
    const std::string der = der_of_pem(read_fixture("keys/" + which.key + ".pem"));
    // The suite's hints are the key's digest; its wrong key is none at all.
    if (der.empty() || hint == encode_base64(sha256(der)))
      found.push_back({key_of_der(der), "given", {}});
    return found;
  };
  const auto bundle = parse_bundle(text);
  if (!bundle) return bundle.error();
  auto verified = verify_bundle(*bundle, **root, Artifact{"", which.sha256, ""}, keys);
  if (!verified || !verified->key_id().empty()) return verified;
  const std::string identity = which.identity == "-" ? std::string(kIdentity) : which.identity;
  const std::string issuer = which.issuer == "-" ? std::string(kIssuer) : which.issuer;
  if (verified->signer().subject != identity || verified->signer().issuer != issuer)
    return refused("signed by " + verified->signer().subject);
  return verified;
}

Result<VerifiedBundle> verify_case(const Case& which) {
  return verify_case(which, read_fixture("conformance/" + which.name + ".json"));
}

TrustedRootPtr public_root() {
  return *parse_trusted_root(read_fixture("roots/public-good.json"));
}

FindKeys registry_keys() {
  return attestation_keys(*parse_registry_keys(read_fixture("registry_keys.json")));
}

AttestedRelease release_of(const std::string& file) {
  if (file == "valid-sigstore-attestations.json")
    return {"sigstore", "1.0.0",
            "7bea9f6e7ff37f5fab0b36bf061200fff03099fd2fd696b91d04bc5e4f225eb9"
            "fd6e0cadcad54ba980f43fb352a99e8810b4e0abeb5c0ef2cf9108cd1f258b36"};
  if (file == "valid-tuf-js-attestations.json")
    return {"tuf-js", "1.0.0",
            "d5dc6c4301120f30022634dd607438c09d5ffe87fb8c02d629f2441d20565100"
            "7fe544c9531f525ba1875e9e266752af7414490a91a3b2ca0f1468b886fc3cfc"};
  if (file == "valid-sigstore-1.3.0-attestations.json")
    return {"sigstore", "1.3.0",
            "76176ffa33808b54602c7c35de5c6e9a4deb96066dba6533f50ac234f4f1f4c6"
            "b3527515dc17c06fbe2860030f410eee69ea20079bd3a2c6f3dcf3b329b10751"};
  if (file == "valid-sigstore-2.0.0-attestations.json")
    return {"sigstore", "2.0.0",
            "46d4e2f74c4877316640000a6fdf8a8b59f1e0847667973e9859f774dd31b8f1"
            "e0937813b777fb66a2ac67d50540fe34640966eee9fc2ccca387082b4c85cd3c"};
  if (file.starts_with("npm-"))
    return {"@laurentsimon/provenance-npm-test", "1.0.0",
            "29d19f26233f4441328412b34fd73ed104ecfef62f14097890cccf7455b521b6"
            "5c5acff851849faa85c85395aa22d401436f01f3afb61b19c780e906c88c7f20"};
  return {"sigstore", "0.4.0",
          "282c0c5fa936d264321643581b65d3de5c0af6ed4fdfac12f5851115df39cc25"
          "cfaf0ad22d908487bfef30114d61c25746206d1834be4f8fd1659178f77cc004"};
}

std::vector<std::string> npm_answers() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder + "npm"))
    names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

bool is_good_answer(const std::string& file) {
  return file.starts_with("valid-") || file == "npm-attestations.json";
}

Result<VerifiedAttestations> verify_answer(const std::string& file, const std::string& text) {
  return verify_attestations(text, release_of(file), *public_root(), registry_keys());
}

}  // namespace npmgate::sigstore::testing
