// A sigstore bundle as a value: protobuf-specs, sigstore_bundle.proto, versions 0.1 to 0.3.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace npmgate::sigstore {

// Of one bundle or answer: the largest real ones are below 40 KB.
inline constexpr std::size_t kMaxBundle = std::size_t{1} << 20;

struct InclusionProof {
  std::uint64_t log_index = 0;  // in the tree of this log, not the global one
  std::uint64_t tree_size = 0;
  std::string root_hash;            // 32 bytes
  std::vector<std::string> hashes;  // 32 bytes each, from the leaf up
  std::string checkpoint;           // the signed note
};

// One entry of a transparency log (Rekor).
struct LogEntry {
  std::uint64_t log_index = 0;
  std::string log_id;  // SHA-256 of the log's key, 32 bytes
  std::string kind, kind_version;
  std::optional<std::uint64_t> integrated_time;  // seconds since 1970
  std::string promise;                           // signed entry timestamp; "" = none
  std::optional<InclusionProof> proof;
  std::string body;  // canonical JSON, the leaf of the tree
};

// A signature over an artifact itself.
struct MessageSignature {
  std::string sha256, signature;
};

// A DSSE envelope with its one signature.
struct Envelope {
  std::string payload_type, payload, signature, keyid;
};

struct Bundle {
  unsigned version = 0;                   // 1, 2 or 3: the minor one
  std::vector<std::string> certificates;  // DER, the signer's first; empty = signed by a bare key
  std::string key_hint;                   // names the bare key
  std::vector<LogEntry> entries;          // at least one
  std::vector<std::string> timestamps;    // RFC 3161 responses in DER
  std::variant<MessageSignature, Envelope> content;

  const std::string& signature() const;
};

// Hostile input, pure. What is accepted is bounded and complete for its version: 0.1 has a signed
// entry timestamp per entry, 0.2 and 0.3 an inclusion proof with checkpoint, 0.3 one certificate
// and no chain. kMalformed names the first field that is wrong; unknown fields are refused, because
// what they would mean is not checked.
Result<Bundle> parse_bundle(std::string_view text);

// "DSSEv1 29 application/vnd.in-toto+json …": what the signature of an envelope is over (DSSE
// protocol, "Signature Definition").
std::string pre_authentication_encoding(const Envelope& envelope);

}  // namespace npmgate::sigstore
