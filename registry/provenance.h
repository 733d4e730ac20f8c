// Provenance attestations as npm's registry hands them out: where, it says, a release was built.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace npmgate {

// What the statement of one provenance attestation says, as written. Texts that it does not have
// are empty.
struct Provenance {
  std::string predicate;   // "https://slsa.dev/provenance/v1"
  std::string repository;  // URL of the source, without "git+" and "@ref"
  std::string workflow;    // its file in there, ".github/workflows/release.yml"; GitLab: the job
  std::string ref;         // "refs/heads/main"
  std::string commit;
  std::string builder;
  friend bool operator==(const Provenance&, const Provenance&) = default;
};

// What the attestation has to be about.
struct AttestedRelease {
  std::string name, version;
  std::string sha512;  // hex, of its tarball
};

// npm's package URL of a release: "pkg:npm/%40scope/name@1.0.0".
std::string package_url(const AttestedRelease& release);

// Reads one in-toto statement with SLSA provenance, as read_provenance does: what a verified
// envelope holds (sigstore/npm.h).
Result<Provenance> read_provenance_statement(std::string_view statement,
                                             const AttestedRelease& release);

// Reads the answer of GET /-/npm/v1/attestations/NAME@VERSION: sigstore bundles, of which the one
// with SLSA provenance (1.0 or 0.2) holds an in-toto statement in a DSSE envelope. Neither
// signature nor certificate is verified: what comes out is the registry's claim.
// kNotFound: there is no provenance among the attestations. kIntegrityMismatch: the statement is
// about something else than `release`, by package URL or SHA-512. kMalformed: anything that is not
// strict JSON in these forms, without a repository, or there twice. Hostile input, pure.
Result<Provenance> read_provenance(std::string_view answer, const AttestedRelease& release);

}  // namespace npmgate
