// The documents of tests/fixtures/sigstore.
#pragma once

#include <string>
#include <vector>

#include "sigstore/npm.h"
#include "sigstore/registry_keys.h"

namespace npmgate::sigstore::testing {

std::string read_fixture(const std::string& name);  // below tests/fixtures/sigstore

struct Case {
  std::string name, root, key, sha256, identity, issuer;
  bool good() const { return !name.ends_with("_fail"); }
};
std::vector<Case> conformance_cases();

// The test-only entry: verifies one case as a client of its files would. `bundle`: its text.
Result<VerifiedBundle> verify_case(const Case& which, const std::string& bundle);
Result<VerifiedBundle> verify_case(const Case& which);

TrustedRootPtr public_root();
FindKeys registry_keys();

// What the answers of npm/ are about, by file name.
AttestedRelease release_of(const std::string& file);
std::vector<std::string> npm_answers();
bool is_good_answer(const std::string& file);
Result<VerifiedAttestations> verify_answer(const std::string& file, const std::string& text);

}  // namespace npmgate::sigstore::testing
