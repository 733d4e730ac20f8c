// Entries of Rekor: bound to one signature, and proven to be in the log.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "sigstore/bundle.h"
#include "sigstore/trusted_root.h"

namespace npmgate::sigstore {

// What an entry must speak of: this very signature, its verifier and what was signed.
struct Signed {
  std::string verifier;   // DER of the certificate, or of the bare public key
  std::string signature;  // raw
  std::string digest;     // SHA-256: of the artifact, or of the envelope's encoding (PAE)
  std::string payload;    // SHA-256 of the envelope's payload; "" = no envelope
};

// kRefused if the entry's canonical body is about anything else: hashedrekord 0.0.1 and 0.0.2,
// dsse 0.0.1 and 0.0.2, intoto 0.0.2. Pure.
Result<void> check_binding(const LogEntry& entry, const Signed& what);

// Made only by checking one entry whole: its log is a trusted one, the body is bound to `what`, and
// the log vouches for it by a signed entry timestamp, an inclusion proof with checkpoint, or both
// if both are there.
class LogProof {
 public:
  static Result<LogProof> check(const LogEntry& entry, const Signed& what, const TrustedRoot& root);
  // When the log signed that it took the entry; none for logs that sign no time (Rekor v2).
  std::optional<Time> integrated() const { return integrated_; }
  bool promised() const { return integrated_.has_value(); }
  bool included() const { return included_; }
  // Whether the log's key was in force; entries without a time of their own are asked with the
  // bundle's time stamps.
  bool in_force(Time at) const { return valid_.holds(at); }

 private:
  LogProof(std::optional<Time> integrated, bool included, Validity valid)
      : integrated_(integrated), included_(included), valid_(valid) {}
  std::optional<Time> integrated_;
  bool included_;
  Validity valid_;
};

// What a signed entry timestamp is over: canonical JSON (RFC 8785) of these four fields.
std::string promise_payload(const LogEntry& entry);

}  // namespace npmgate::sigstore
