// The signer's certificate: who it names, its chain to the trusted root, and its entry in a
// certificate transparency log.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "sigstore/trusted_root.h"

namespace npmgate::sigstore {

// What Fulcio wrote into the certificate from the builder's OIDC token (fulcio, docs/oid-info.md,
// 1.3.6.1.4.1.57264.1). Texts that it does not have are empty.
struct Identity {
  std::string subject;     // the SAN: URL of the workflow that signed, or a mail address
  std::string issuer;      // of the OIDC token
  std::string repository;  // "https://git.example/owner/name"
  std::string commit;
  std::string ref;       // "refs/heads/main"
  std::string workflow;  // of the build's configuration in the repository
  std::string runner;    // "github-hosted" "self-hosted"
  std::string run;       // URL of the run
  std::string trigger;   // "push" "workflow_dispatch"
  friend bool operator==(const Identity&, const Identity&) = default;
};

Identity identity_of(X509* certificate);

// Made only by checking: the certificate may sign code, and at every one of `times` it chains up to
// an authority of the root that was valid then.
class ChainProof {
 public:
  // `further`: what else the bundle's chain held; it must be of the authority, byte for byte.
  static Result<ChainProof> check(const CertificatePtr& leaf,
                                  const std::vector<std::string>& further, const TrustedRoot& root,
                                  const std::vector<Time>& times);
  X509* issuer() const { return issuer_.get(); }

 private:
  explicit ChainProof(CertificatePtr issuer) : issuer_(std::move(issuer)) {}
  CertificatePtr issuer_;
};

// Made only by checking: a certificate timestamp inside the certificate is by a CT log of the root
// that was valid then, and covers this certificate of this issuer.
class SctProof {
 public:
  static Result<SctProof> check(const CertificatePtr& leaf, const ChainProof& chain,
                                const TrustedRoot& root);

 private:
  SctProof() = default;
};

}  // namespace npmgate::sigstore
