// Whom a signature chains up to: trusted_root.json of a sigstore instance (protobuf-specs,
// sigstore_trustroot.proto).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "sigstore/crypto.h"

namespace npmgate::sigstore {

// Both ends belong to it.
struct Validity {
  Time start{};
  std::optional<Time> end;
  bool holds(Time at) const { return start <= at && (!end || at <= *end); }
};

struct Log {
  std::string id;  // as entries and SCTs name it: 32 bytes
  std::string host;
  KeyPtr key;
  Validity valid;
};

struct Authority {
  std::vector<CertificatePtr> chain;  // the root last
  Validity valid;
};

// Immutable once parsed; shared between threads.
struct TrustedRoot {
  std::vector<Log> logs, ct_logs;
  std::vector<Authority> authorities, timestamp_authorities;
  // Parts that cannot be used (a key of an unknown kind, no start of validity): they vouch for
  // nothing.
  std::vector<std::string> unused;

  const Log* log(std::string_view id) const;
  // Of an authority's certificates the earliest end, for those in force at `now`.
  std::optional<Time> expires(Time now) const;
};

using TrustedRootPtr = std::shared_ptr<const TrustedRoot>;

// kMalformed if it is not such a file, or holds no log, no authority or no CT log that can be
// used. Pure.
Result<TrustedRootPtr> parse_trusted_root(std::string_view text);

// UTC. Internal to sigstore/.
std::optional<Time> time_of(const ASN1_TIME* time);

}  // namespace npmgate::sigstore
