#include "sigstore/log_entry.h"

#include <algorithm>

#include "base/digest.h"
#include "sigstore/checkpoint.h"
#include "sigstore/fields.h"
#include "sigstore/merkle.h"

namespace npmgate::sigstore {
namespace {

using json::Element;

constexpr std::size_t kMaxField = std::size_t{64} << 10;

// Compares an entry's fields with what they must say; keeps the first that differs.
class Binding {
 public:
  Binding(const Signed& what, Problem& problem) : what_(what), problem_(problem) {}

  void same(std::string_view field, const std::string& is, const std::string& must) {
    if (is.empty() || is != must) problem_.note("its " + std::string(field) + " is another");
  }
  // {"algorithm": "sha256", "value": hex}
  void hex_digest(const Fields& parent, std::string_view key, const std::string& must) {
    const Fields hash = parent.object(key, {});
    same("digest algorithm", hash.text("algorithm"), "sha256");
    same(key, hash.text("value"), encode_hex(must));
  }
  // {"algorithm": "SHA2_256", "digest": base64}
  void raw_digest(const Fields& parent, std::string_view key, const std::string& must) {
    const Fields hash = parent.object(key, {});
    same("digest algorithm", hash.text("algorithm"), "SHA2_256");
    same(key, hash.bytes("digest", 64), must);
  }
  void pem(const Fields& parent, std::string_view key) {
    same("verifier", der_of_pem(parent.bytes(key, kMaxField)), what_.verifier);
  }
  void signature(const Fields& parent, std::string_view key) {
    same("signature", parent.bytes(key, kMaxField), what_.signature);
  }
  // Of Rekor v2: an X.509 certificate or a bare key.
  void verifier(const Fields& parent) {
    const Fields fields = parent.object("verifier", {});
    const char* kind = fields.has("x509Certificate") ? "x509Certificate" : "publicKey";
    same("verifier", fields.object(kind, {}).bytes("rawBytes", kMaxField), what_.verifier);
  }
  void envelope() {
    if (what_.payload.empty()) problem_.note("it is about an envelope");
  }
  const Signed& what() const { return what_; }

 private:
  const Signed& what_;
  Problem& problem_;
};

void bind_hashedrekord1(const Fields& spec, Binding& is) {
  is.hex_digest(spec.object("data", {}), "hash", is.what().digest);
  const Fields signature = spec.object("signature", {});
  is.signature(signature, "content");
  is.pem(signature.object("publicKey", {}), "content");
}

void bind_hashedrekord2(const Fields& spec, Binding& is) {
  const Fields record = spec.object("hashedRekordV002", {});
  is.raw_digest(record, "data", is.what().digest);
  const Fields signature = record.object("signature", {});
  is.signature(signature, "content");
  is.verifier(signature);
}

Fields only_signature(const Fields& parent, Problem& problem) {
  const auto list = parent.list("signatures", 1);
  if (!list.empty()) return Fields(list.front(), "signatures", problem, {});
  problem.note("it has no signature");
  return parent;
}

void bind_dsse1(const Fields& spec, Binding& is, Problem& problem) {
  is.envelope();
  is.hex_digest(spec, "payloadHash", is.what().payload);
  const Fields signature = only_signature(spec, problem);
  is.signature(signature, "signature");
  is.pem(signature, "verifier");
}

void bind_dsse2(const Fields& spec, Binding& is, Problem& problem) {
  is.envelope();
  const Fields record = spec.object("dsseV002", {});
  is.raw_digest(record, "payloadHash", is.what().payload);
  const Fields signature = only_signature(record, problem);
  is.signature(signature, "content");
  is.verifier(signature);
}

void bind_intoto(const Fields& spec, Binding& is, Problem& problem) {
  is.envelope();
  const Fields content = spec.object("content", {});
  is.hex_digest(content, "payloadHash", is.what().payload);
  const Fields signature = only_signature(content.object("envelope", {}), problem);
  // The base64 of the envelope's base64.
  is.same("signature", signature.bytes("sig", kMaxField), encode_base64(is.what().signature));
  is.pem(signature, "publicKey");
}

void bind_spec(const std::string& kind, const std::string& version, const Fields& spec, Binding& is,
               Problem& problem) {
  if (kind == "hashedrekord" && version == "0.0.1") return bind_hashedrekord1(spec, is);
  if (kind == "hashedrekord" && version == "0.0.2") return bind_hashedrekord2(spec, is);
  if (kind == "dsse" && version == "0.0.1") return bind_dsse1(spec, is, problem);
  if (kind == "dsse" && version == "0.0.2") return bind_dsse2(spec, is, problem);
  if (kind == "intoto" && version == "0.0.2") return bind_intoto(spec, is, problem);
  problem.note("it is of a kind that is not known");
}

// Rekor v1 names its notes "HOST - TREE" and signs as HOST; v2 names and signs as HOST.
bool is_name_of(const std::string& name, const std::string& origin) {
  return name == origin || origin.starts_with(name + " - ");
}

Result<void> check_inclusion(const InclusionProof& proof, const LogEntry& entry, const Log& log) {
  const auto root = root_of(leaf_hash(entry.body), proof.log_index, proof.tree_size, proof.hashes);
  if (!root || *root != proof.root_hash)
    return refused("the log entry's inclusion proof does not lead to its root");
  auto note = parse_checkpoint(proof.checkpoint);
  if (!note) return note.error();
  if (note->root_hash != proof.root_hash || note->size != proof.tree_size)
    return refused("the log's checkpoint is of another tree than the inclusion proof");
  // Signatures of witnesses, whose keys are not known here, count neither for nor against it.
  const bool good = std::any_of(
      note->signatures.begin(), note->signatures.end(), [&](const Checkpoint::Signature& each) {
        return is_name_of(each.name, note->origin) && each.key_hint == log.id.substr(0, 4) &&
               verify_signature(log.key.get(), note->text, each.signature);
      });
  if (!good) return refused("the log's checkpoint is not signed by the log");
  return {};
}

}  // namespace

Result<void> check_binding(const LogEntry& entry, const Signed& what) {
  json::StrictParser parser;
  Element root;
  if (const auto refusal = parser.parse_unambiguous(entry.body, false, root))
    return unreadable("the log entry cannot be read: " + refusal->detail);
  Problem problem;
  const Fields fields(root, "entry", problem, {"apiVersion", "kind", "spec"});
  const std::string kind = fields.text("kind"), version = fields.text("apiVersion");
  if (kind != entry.kind || version != entry.kind_version)
    problem.note("it is of another kind than the bundle says");
  Binding is(what, problem);
  bind_spec(kind, version, fields.object("spec", {}), is, problem);
  if (!problem.none()) return refused("the log entry is not about this signature: " + problem.what);
  return {};
}

std::string promise_payload(const LogEntry& entry) {
  return R"({"body":")" + encode_base64(entry.body) + R"(","integratedTime":)" +
         std::to_string(entry.integrated_time.value_or(0)) + R"(,"logID":")" +
         encode_hex(entry.log_id) + R"(","logIndex":)" + std::to_string(entry.log_index) + "}";
}

Result<LogProof> LogProof::check(const LogEntry& entry, const Signed& what,
                                 const TrustedRoot& root) {
  const Log* log = root.log(entry.log_id);
  if (log == nullptr) return refused("the log entry is of a log that is not trusted");
  if (auto bound = check_binding(entry, what); !bound) return bound.error();
  std::optional<Time> integrated;
  if (!entry.promise.empty()) {
    if (!entry.integrated_time ||
        !verify_signature(log->key.get(), promise_payload(entry), entry.promise))
      return refused("the log's signed entry timestamp does not hold");
    integrated = Time(std::chrono::seconds(*entry.integrated_time));
    if (!log->valid.holds(*integrated))
      return refused("the log's key was not in force when it took the entry");
  }
  if (entry.proof) {
    if (auto included = check_inclusion(*entry.proof, entry, *log); !included)
      return included.error();
    // Without a signed one, the index that is believed is the proof's.
    if (!integrated && entry.log_index != entry.proof->log_index && entry.kind_version == "0.0.2" &&
        entry.kind != "intoto")
      return refused("the log entry names two indexes");
  }
  if (!integrated && !entry.proof) return refused("nothing proves that the log has the entry");
  return LogProof(integrated, entry.proof.has_value(), log->valid);
}

}  // namespace npmgate::sigstore
