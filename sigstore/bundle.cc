#include "sigstore/bundle.h"

#include "sigstore/bundle_reader.h"
#include "sigstore/crypto.h"

namespace npmgate::sigstore {
namespace {

using json::Element;

constexpr std::size_t kMaxCertificate = std::size_t{16} << 10;
constexpr std::size_t kMaxCertificates = 8;
constexpr std::size_t kMaxEntries = 8;
constexpr std::size_t kMaxTimestamps = 8;
// A tree of 2^63 leaves is that high.
constexpr std::size_t kMaxHashes = 63;
constexpr std::size_t kMaxCheckpoint = std::size_t{16} << 10;
constexpr std::size_t kMaxPayload = std::size_t{512} << 10;
constexpr std::size_t kMaxSignature = 2048;
constexpr std::size_t kHash = 32;

unsigned version_of(std::string_view media_type) {
  constexpr std::string_view kOld = "application/vnd.dev.sigstore.bundle+json;version=0.";
  if (media_type == "application/vnd.dev.sigstore.bundle.v0.3+json") return 3;
  if (!media_type.starts_with(kOld)) return 0;
  const std::string_view minor = media_type.substr(kOld.size());
  return minor == "1" ? 1 : minor == "2" ? 2 : minor == "3" ? 3 : 0;
}

std::string hash_of(const Fields& fields, std::string_view key) {
  std::string hash = fields.bytes(key, kHash);
  if (hash.size() != kHash) fields.problem().note(fields.path(key) + " is not a SHA-256");
  return hash;
}

InclusionProof read_proof(const Fields& entry) {
  const Fields fields =
      entry.object("inclusionProof", {"logIndex", "rootHash", "treeSize", "hashes", "checkpoint"});
  InclusionProof proof;
  proof.log_index = fields.number("logIndex");
  proof.tree_size = fields.number("treeSize");
  proof.root_hash = hash_of(fields, "rootHash");
  // protobuf leaves an empty list out: the only leaf of a tree has no siblings.
  if (fields.has("hashes")) {
    for (const Element& each : fields.list("hashes", kMaxHashes)) {
      proof.hashes.push_back(bytes_of(each, fields.path("hashes"), kHash, fields.problem()));
      if (proof.hashes.back().size() != kHash)
        fields.problem().note(fields.path("hashes") + " holds what is not a SHA-256");
    }
  }
  proof.checkpoint = fields.object("checkpoint", {"envelope"}).text("envelope", kMaxCheckpoint);
  return proof;
}

LogEntry read_entry(const Element& value, unsigned version, Problem& problem) {
  const Fields fields(value, "tlogEntries", problem,
                      {"logIndex", "logId", "kindVersion", "integratedTime", "inclusionPromise",
                       "inclusionProof", "canonicalizedBody"});
  LogEntry entry;
  entry.log_index = fields.number("logIndex");
  entry.log_id = hash_of(fields.object("logId", {"keyId"}), "keyId");
  const Fields kind = fields.object("kindVersion", {"kind", "version"});
  entry.kind = kind.text("kind", 32);
  entry.kind_version = kind.text("version", 16);
  if (fields.has("integratedTime")) entry.integrated_time = fields.number("integratedTime");
  if (fields.has("inclusionPromise"))
    entry.promise = fields.object("inclusionPromise", {"signedEntryTimestamp"})
                        .bytes("signedEntryTimestamp", kMaxSignature);
  if (fields.has("inclusionProof")) entry.proof = read_proof(fields);
  entry.body = fields.bytes("canonicalizedBody", kMaxPayload);
  if (version == 1 && entry.promise.empty())
    problem.note("tlogEntries.inclusionPromise is missing");
  if (version > 1 && !entry.proof) problem.note("tlogEntries.inclusionProof is missing");
  return entry;
}

void read_signer(const Fields& material, Bundle& bundle) {
  const bool chain = material.has("x509CertificateChain");
  const bool leaf = material.has("certificate");
  const bool key = material.has("publicKey");
  Problem& problem = material.problem();
  if (chain + leaf + key != 1) problem.note("verificationMaterial names not exactly one signer");
  if ((chain && bundle.version > 2) || (leaf && bundle.version < 3))
    problem.note("verificationMaterial has its certificate in the form of another version");
  if (!problem.none()) return;
  if (key) {
    bundle.key_hint = material.object("publicKey", {"hint"}).text("hint");
  } else if (leaf) {
    bundle.certificates.push_back(
        material.object("certificate", {"rawBytes"}).bytes("rawBytes", kMaxCertificate));
  } else {
    const Fields list = material.object("x509CertificateChain", {"certificates"});
    for (const Element& each : list.list("certificates", kMaxCertificates))
      bundle.certificates.push_back(
          Fields(each, "certificates", problem, {"rawBytes"}).bytes("rawBytes", kMaxCertificate));
    if (bundle.certificates.empty()) problem.note("the certificate chain is empty");
  }
}

void read_material(const Fields& root, Bundle& bundle) {
  const Fields material =
      root.object("verificationMaterial", {"x509CertificateChain", "certificate", "publicKey",
                                           "tlogEntries", "timestampVerificationData"});
  Problem& problem = material.problem();
  read_signer(material, bundle);
  for (const Element& each : material.list("tlogEntries", kMaxEntries))
    bundle.entries.push_back(read_entry(each, bundle.version, problem));
  if (bundle.entries.empty()) problem.note("there is no entry of a transparency log");
  if (!material.has("timestampVerificationData")) return;
  const Fields times = material.object("timestampVerificationData", {"rfc3161Timestamps"});
  if (!times.has("rfc3161Timestamps")) return;
  for (const Element& each : times.list("rfc3161Timestamps", kMaxTimestamps))
    bundle.timestamps.push_back(Fields(each, "rfc3161Timestamps", problem, {"signedTimestamp"})
                                    .bytes("signedTimestamp", kMaxCertificate));
}

MessageSignature read_message(const Fields& root) {
  const Fields fields = root.object("messageSignature", {"messageDigest", "signature"});
  const Fields digest = fields.object("messageDigest", {"algorithm", "digest"});
  if (digest.text("algorithm") != "SHA2_256")
    fields.problem().note("messageDigest is not a SHA-256");
  return {hash_of(digest, "digest"), fields.bytes("signature", kMaxSignature)};
}

Envelope read_envelope(const Fields& root) {
  const Fields fields = root.object("dsseEnvelope", {"payload", "payloadType", "signatures"});
  Envelope envelope;
  envelope.payload_type = fields.text("payloadType");
  envelope.payload = fields.bytes("payload", kMaxPayload);
  const auto signatures = fields.list("signatures", 1);
  if (signatures.empty()) {
    fields.problem().note("the envelope is not signed");
    return envelope;
  }
  const Fields signature(signatures.front(), "signatures", fields.problem(), {"sig", "keyid"});
  envelope.signature = signature.bytes("sig", kMaxSignature);
  envelope.keyid = signature.text_or_none("keyid");
  return envelope;
}

}  // namespace

const std::string& Bundle::signature() const {
  const auto* envelope = std::get_if<Envelope>(&content);
  return envelope != nullptr ? envelope->signature : std::get<MessageSignature>(content).signature;
}

Result<Bundle> read_bundle(const Element& value) {
  Problem problem;
  const Fields root(value, "bundle", problem,
                    {"mediaType", "verificationMaterial", "messageSignature", "dsseEnvelope"});
  Bundle bundle;
  bundle.version = version_of(root.text("mediaType"));
  if (bundle.version == 0) problem.note("the bundle is of a version that is not known");
  if (root.has("messageSignature") == root.has("dsseEnvelope"))
    problem.note("the bundle has not exactly one content");
  if (problem.none()) read_material(root, bundle);
  if (problem.none() && root.has("dsseEnvelope")) bundle.content = read_envelope(root);
  if (problem.none() && root.has("messageSignature")) bundle.content = read_message(root);
  if (!problem.none()) return unreadable("the bundle cannot be read: " + problem.what);
  return bundle;
}

Result<Bundle> parse_bundle(std::string_view text) {
  json::StrictParser parser;
  Element root;
  if (text.size() > kMaxBundle) return unreadable("the bundle is larger than 1 MiB");
  if (const auto refusal = parser.parse_unambiguous(text, false, root))
    return unreadable("the bundle cannot be read: " + refusal->detail);
  return read_bundle(root);
}

std::string pre_authentication_encoding(const Envelope& envelope) {
  return "DSSEv1 " + std::to_string(envelope.payload_type.size()) + " " + envelope.payload_type +
         " " + std::to_string(envelope.payload.size()) + " " + envelope.payload;
}

}  // namespace npmgate::sigstore
