#include "sigstore/verify.h"

#include <algorithm>

#include "sigstore/fields.h"
#include "sigstore/timestamp.h"

namespace npmgate::sigstore {
namespace {

using json::Element;

constexpr std::string_view kInToto = "application/vnd.in-toto+json";
constexpr std::size_t kMaxSubjects = 1024;

bool is_statement(const std::string& type) {
  return type == "https://in-toto.io/Statement/v0.1" || type == "https://in-toto.io/Statement/v1";
}

// Every digest that both sides know is the same, and there is at least one.
bool same_digests(const Element& subject, const Artifact& artifact) {
  std::size_t compared = 0;
  for (const auto& [name, must] :
       {std::pair<std::string_view, const std::string&>("sha256", artifact.sha256),
        {"sha512", artifact.sha512}}) {
    Element value;
    std::string_view text;
    if (must.empty() || subject.at_key("digest").at_key(name).get(value)) continue;
    if (value.get_string().get(text) || text != must) return false;
    ++compared;
  }
  return compared > 0;
}

bool is_subject(const Element& subject, const Artifact& artifact) {
  std::string_view name;
  if (subject.at_key("name").get_string().get(name)) return false;
  return (artifact.name.empty() || name == artifact.name) && same_digests(subject, artifact);
}

// The predicate's type.
Result<std::string> check_statement(const Envelope& envelope, const Artifact& artifact) {
  if (envelope.payload_type != kInToto) return refused("the envelope holds no in-toto statement");
  json::StrictParser parser;
  Element root;
  if (const auto refusal = parser.parse_unambiguous(envelope.payload, false, root))
    return unreadable("the statement cannot be read: " + refusal->detail);
  Problem problem;
  const Fields fields(root, "statement", problem, {});
  if (!is_statement(fields.text("_type"))) problem.note("it is of a type that is not known");
  const std::string predicate = fields.text("predicateType");
  const auto subjects = fields.list("subject", kMaxSubjects);
  if (!problem.none()) return unreadable("the statement cannot be read: " + problem.what);
  if (std::none_of(subjects.begin(), subjects.end(),
                   [&](const Element& each) { return is_subject(each, artifact); }))
    return fail(Code::kIntegrityMismatch, Origin::kUpstream,
                "the statement is about something else than " +
                    (artifact.name.empty() ? "this artifact" : artifact.name) +
                    " with these bytes");
  return predicate;
}

// An envelope that names its key must name the one that the bundle does.
Result<void> check_keyid(const Bundle& bundle) {
  const auto* envelope = std::get_if<Envelope>(&bundle.content);
  if (envelope == nullptr) return {};
  if (envelope->keyid != bundle.key_hint)
    return refused("the envelope's key is not the one that the bundle names");
  return {};
}

Signed signed_of(const Bundle& bundle, std::string verifier) {
  Signed what;
  what.verifier = std::move(verifier);
  what.signature = bundle.signature();
  if (const auto* envelope = std::get_if<Envelope>(&bundle.content)) {
    what.digest = sha256(pre_authentication_encoding(*envelope));
    what.payload = sha256(envelope->payload);
  } else {
    what.digest = std::get<MessageSignature>(bundle.content).sha256;
  }
  return what;
}

// All checks but the signer's, which differ. `make` proves the signer for the times.
template <class Make>
Result<VerifiedBundle> verify_with(const Bundle& bundle, const TrustedRoot& root,
                                   const Artifact& artifact, EVP_PKEY* key, std::string verifier,
                                   const Make& make) {
  auto content = ContentProof::check(bundle, key, artifact);
  if (!content) return content.error();
  auto entries = EntriesProof::check(bundle, signed_of(bundle, std::move(verifier)), root);
  if (!entries) return entries.error();
  auto times = TimesProof::check(bundle, entries->logs(), root);
  if (!times) return times.error();
  Result<SignerProof> signer = make(*times);
  if (!signer) return signer.error();
  return VerifiedBundle(std::move(*signer), std::move(*entries), std::move(*times),
                        std::move(*content));
}

Result<VerifiedBundle> verify_by_key(const Bundle& bundle, const TrustedRoot& root,
                                     const Artifact& artifact, const FindKeys& find_keys) {
  Error last = refused("the key that the bundle names is not a known one");
  for (const BareKey& key : find_keys(bundle.key_hint)) {
    auto verified =
        verify_with(bundle, root, artifact, key.key.get(), der_of_key(key.key.get()),
                    [&](const TimesProof& times) { return SignerProof::bare_key(key, times); });
    if (verified) return verified;
    last = verified.error();
  }
  return last;
}

}  // namespace

Result<TimesProof> TimesProof::check(const Bundle& bundle, const std::vector<LogProof>& logs,
                                     const TrustedRoot& root) {
  std::vector<Time> times, stamps;
  for (const std::string& each : bundle.timestamps) {
    auto time = verify_timestamp(each, bundle.signature(), root);
    if (!time) return time.error();
    stamps.push_back(*time);
  }
  for (const LogProof& log : logs) {
    if (log.integrated()) {
      times.push_back(*log.integrated());
    } else if (!std::all_of(stamps.begin(), stamps.end(),
                            [&](Time at) { return log.in_force(at); })) {
      return refused("the log's key was not in force when it was signed");
    }
  }
  times.insert(times.end(), stamps.begin(), stamps.end());
  if (times.empty()) return refused("nothing that is signed says when it was signed");
  return TimesProof(std::move(times), stamps.size());
}

Result<EntriesProof> EntriesProof::check(const Bundle& bundle, const Signed& what,
                                         const TrustedRoot& root) {
  std::vector<LogProof> logs;
  for (const LogEntry& entry : bundle.entries) {
    auto proof = LogProof::check(entry, what, root);
    if (!proof) return proof.error();
    logs.push_back(std::move(*proof));
  }
  if (logs.empty()) return refused("no transparency log has it");
  return EntriesProof(std::move(logs));
}

Result<SignerProof> SignerProof::certificate(const Bundle& bundle, const CertificatePtr& leaf,
                                             const TrustedRoot& root, const TimesProof& times) {
  const std::vector<std::string> further(bundle.certificates.begin() + 1,
                                         bundle.certificates.end());
  auto chain = ChainProof::check(leaf, further, root, times.times());
  if (!chain) return chain.error();
  const auto sct = SctProof::check(leaf, *chain, root);
  if (!sct) return sct.error();
  return SignerProof(identity_of(leaf.get()), *chain, *sct);
}

Result<SignerProof> SignerProof::bare_key(const BareKey& key, const TimesProof& times) {
  if (!std::all_of(times.times().begin(), times.times().end(),
                   [&](Time at) { return key.valid.holds(at); }))
    return refused("the key was not in force when it signed");
  return SignerProof(key.id);
}

Result<ContentProof> ContentProof::check(const Bundle& bundle, EVP_PKEY* key,
                                         const Artifact& artifact) {
  if (auto named = check_keyid(bundle); !named) return named.error();
  if (const auto* message = std::get_if<MessageSignature>(&bundle.content)) {
    if (encode_hex(message->sha256) != artifact.sha256)
      return fail(Code::kIntegrityMismatch, Origin::kUpstream,
                  "the signature is over something else than this artifact");
    if (!verify_sha256(key, message->sha256, message->signature))
      return refused("the signature over the artifact does not hold");
    return ContentProof("", "");
  }
  const auto& envelope = std::get<Envelope>(bundle.content);
  if (!verify_signature(key, pre_authentication_encoding(envelope), envelope.signature))
    return refused("the signature over the statement does not hold");
  auto predicate = check_statement(envelope, artifact);
  if (!predicate) return predicate.error();
  return ContentProof(envelope.payload, std::move(*predicate));
}

VerifiedBundle::VerifiedBundle(SignerProof signer, EntriesProof entries, TimesProof times,
                               ContentProof content)
    : signer_(std::move(signer)),
      entries_(std::move(entries)),
      times_(std::move(times)),
      content_(std::move(content)) {
  checks_ = {"signature", "subject"};
  for (const LogProof& log : entries_.logs()) {
    checks_.emplace_back("log entry");
    if (log.promised()) checks_.emplace_back("signed entry timestamp");
    if (log.included()) checks_.insert(checks_.end(), {"inclusion proof", "checkpoint"});
  }
  for (std::size_t i = 0; i < times_.stamped(); ++i) checks_.emplace_back("time stamp");
  if (signer_.key_id().empty()) {
    checks_.insert(checks_.end(), {"certificate chain", "certificate timestamp"});
  } else {
    checks_.emplace_back("key in force");
  }
}

Result<VerifiedBundle> verify_bundle(const Bundle& bundle, const TrustedRoot& root,
                                     const Artifact& artifact, const FindKeys& find_keys) {
  if (bundle.certificates.empty()) return verify_by_key(bundle, root, artifact, find_keys);
  const CertificatePtr leaf = certificate_of_der(bundle.certificates.front());
  EVP_PKEY* key = leaf ? X509_get0_pubkey(leaf.get()) : nullptr;
  if (key == nullptr) return unreadable("the signer's certificate cannot be read");
  return verify_with(
      bundle, root, artifact, key, bundle.certificates.front(),
      [&](const TimesProof& times) { return SignerProof::certificate(bundle, leaf, root, times); });
}

}  // namespace npmgate::sigstore
