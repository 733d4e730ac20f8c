// A bundle verified whole. The result can be built only from the proofs of every check, each of
// which can be made only by its check: a success with a skipped check does not compile.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "sigstore/bundle.h"
#include "sigstore/certificate.h"
#include "sigstore/log_entry.h"
#include "sigstore/trusted_root.h"

namespace npmgate::sigstore {

// What must have been signed. For an envelope: an in-toto statement with a subject of this name
// whose digests are these; for a message: these bytes' SHA-256.
struct Artifact {
  std::string name;            // of the subject; "" = any name
  std::string sha256, sha512;  // hex; "" = not known. At least one is compared.
};

// A key that signs without a certificate, and when it may.
struct BareKey {
  KeyPtr key;
  std::string id;
  Validity valid;
};
// The keys that a hint names; several if a key's validity has gaps.
using FindKeys = std::function<std::vector<BareKey>(const std::string& hint)>;

// When it was signed: signed by a log or a time stamping authority. Never empty.
class TimesProof {
 public:
  static Result<TimesProof> check(const Bundle& bundle, const std::vector<LogProof>& logs,
                                  const TrustedRoot& root);
  const std::vector<Time>& times() const { return times_; }
  std::size_t stamped() const { return stamped_; }

 private:
  TimesProof(std::vector<Time> times, std::size_t stamped)
      : times_(std::move(times)), stamped_(stamped) {}
  std::vector<Time> times_;
  std::size_t stamped_;
};

// Every entry of the bundle is in its log and about this very signature.
class EntriesProof {
 public:
  static Result<EntriesProof> check(const Bundle& bundle, const Signed& what,
                                    const TrustedRoot& root);
  const std::vector<LogProof>& logs() const { return logs_; }

 private:
  explicit EntriesProof(std::vector<LogProof> logs) : logs_(std::move(logs)) {}
  std::vector<LogProof> logs_;
};

// Who signed: by certificate with its chain and its certificate timestamp, or by a bare key in its
// time.
class SignerProof {
 public:
  static Result<SignerProof> certificate(const Bundle& bundle, const CertificatePtr& leaf,
                                         const TrustedRoot& root, const TimesProof& times);
  static Result<SignerProof> bare_key(const BareKey& key, const TimesProof& times);
  const Identity& identity() const { return identity_; }
  const std::string& key_id() const { return key_id_; }

 private:
  SignerProof(Identity identity, const ChainProof&, const SctProof&)
      : identity_(std::move(identity)) {}
  explicit SignerProof(std::string key_id) : key_id_(std::move(key_id)) {}
  Identity identity_;
  std::string key_id_;
};

// The signature is by that key over the bundle's content, and the content is about the artifact.
class ContentProof {
 public:
  static Result<ContentProof> check(const Bundle& bundle, EVP_PKEY* key, const Artifact& artifact);
  const std::string& statement() const { return statement_; }
  const std::string& predicate_type() const { return predicate_type_; }

 private:
  ContentProof(std::string statement, std::string predicate_type)
      : statement_(std::move(statement)), predicate_type_(std::move(predicate_type)) {}
  std::string statement_, predicate_type_;
};

class VerifiedBundle {
 public:
  VerifiedBundle(SignerProof signer, EntriesProof entries, TimesProof times, ContentProof content);
  const Identity& signer() const { return signer_.identity(); }
  const std::string& key_id() const { return signer_.key_id(); }         // "" = by certificate
  const std::string& statement() const { return content_.statement(); }  // "" = a message
  const std::string& predicate_type() const { return content_.predicate_type(); }
  Time signed_at() const { return times_.times().front(); }
  // Every check that held, one name each time it ran.
  const std::vector<std::string>& checks() const { return checks_; }

 private:
  SignerProof signer_;
  EntriesProof entries_;
  TimesProof times_;
  ContentProof content_;
  std::vector<std::string> checks_;
};

// kRefused or kMalformed with the first check that does not hold. Pure; some milliseconds of CPU:
// never on an event loop.
Result<VerifiedBundle> verify_bundle(const Bundle& bundle, const TrustedRoot& root,
                                     const Artifact& artifact, const FindKeys& find_keys);

}  // namespace npmgate::sigstore
