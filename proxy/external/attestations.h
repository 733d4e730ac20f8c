// Asks an upstream for a release's provenance attestation.
#pragma once

#include <optional>
#include <string>

#include "inspect/findings/findings.h"
#include "proxy/external/trust_store.h"
#include "proxy/net/async.h"
#include "proxy/net/upstream.h"
#include "proxy/runtime/config.h"

namespace npmgate {

// Where the attestation of a release is asked for: where its packument says, if that is the
// upstream's own origin; else at npm's endpoint of the upstream. No other host is ever asked.
std::string attestation_url(const UpstreamConfig& upstream, const Release& release);

struct AttestationAnswer {
  AttestationAnswer() {}  // a constructor: it travels into coroutines (see proxy/net/async.h)
  std::optional<ProvenanceEvidence> evidence;
  std::string unknown;  // why there is none
};

// Fetches at most 1 MiB from `url`, within `limit`, and verifies it against `anchors` in the pool;
// without anchors it is read as stated. `sha512`: hex, of the release's tarball.
Task<AttestationAnswer> ask_attestation(Upstream& client, const UpstreamConfig& upstream,
                                        std::string url, std::string name, std::string version,
                                        std::string sha512, Millis limit, const Clock& clock,
                                        std::shared_ptr<const TrustAnchors> anchors, Pool& pool);

}  // namespace npmgate
