#include "sigstore/npm.h"

#include <algorithm>
#include <cctype>

#include "base/text.h"
#include "sigstore/bundle_reader.h"

namespace npmgate::sigstore {
namespace {

using json::Element;

constexpr std::size_t kMaxAttestations = 16;
constexpr std::string_view kProvenance = "https://slsa.dev/provenance/";
constexpr std::string_view kPublish = "https://github.com/npm/attestation/tree/main/specs/publish/";

// Hosts fold the case of owner and name; the certificate and the statement may spell them apart.
std::string comparable(std::string url) {
  if (url.ends_with(".git")) url.resize(url.size() - 4);
  while (url.ends_with('/')) url.pop_back();
  return lower_ascii(std::move(url));
}

// A certificate is issued to whoever runs a build; what its statement says of the source counts
// only as far as the certificate says it too.
Result<void> check_agreement(const Identity& signer, const Provenance& stated) {
  if (signer.repository.empty() || signer.issuer.empty())
    return refused("the provenance is signed by " +
                   (signer.subject.empty() ? "nobody" : signer.subject) +
                   ", which is no build of a repository");
  if (comparable(signer.repository) != comparable(stated.repository))
    return refused("the provenance says " + stated.repository + ", but a build of " +
                   signer.repository + " signed it");
  if (!stated.commit.empty() && !signer.commit.empty() && stated.commit != signer.commit)
    return refused("the provenance says commit " + stated.commit + ", but a build of " +
                   signer.commit + " signed it");
  if (!stated.ref.empty() && !signer.ref.empty() && stated.ref != signer.ref)
    return refused("the provenance says " + stated.ref + ", but a build of " + signer.ref +
                   " signed it");
  return {};
}

// The registry says who published what: the same name and version again.
Result<void> check_publish(const VerifiedBundle& bundle, const AttestedRelease& release) {
  if (bundle.key_id().empty())
    return refused("the publish attestation is not signed by a key of the registry");
  json::StrictParser parser;
  Element root;
  if (const auto refusal = parser.parse_unambiguous(bundle.statement(), false, root))
    return unreadable("the publish attestation cannot be read: " + refusal->detail);
  Problem problem;
  const Fields predicate = Fields(root, "statement", problem, {}).object("predicate", {});
  if (predicate.text("name", 512) != release.name || predicate.text("version") != release.version)
    problem.note("it is about another release");
  if (!problem.none()) return refused("the publish attestation does not hold: " + problem.what);
  return {};
}

class Attestations {
 public:
  Attestations(const AttestedRelease& release, const TrustedRoot& root, const FindKeys& keys)
      : release_(release), root_(root), keys_(keys) {
    artifact_.name = package_url(release);
    artifact_.sha512 = release.sha512;
  }

  Result<void> take(const Element& value) {
    Problem problem;
    const Fields fields(value, "attestation", problem, {});
    const std::string type = fields.text("predicateType");
    const Fields content = fields.object("bundle", {});
    if (!problem.none()) return unreadable("the attestations cannot be read: " + problem.what);
    const auto bundle = read_bundle(content.value());
    if (!bundle) return bundle.error();
    if (std::holds_alternative<MessageSignature>(bundle->content))
      return refused("an attestation holds no statement");
    const auto verified = verify_bundle(*bundle, root_, artifact_, keys_);
    if (!verified) return verified.error();
    if (verified->predicate_type() != type)
      return refused("an attestation's statement is of another kind than it says");
    out_.checks += verified->checks().size();
    if (type.starts_with(kProvenance)) return take_provenance(*verified);
    if (type.starts_with(kPublish)) return take_publish(*verified);
    return {};
  }

  bool has_provenance() const { return has_provenance_; }
  VerifiedAttestations& out() { return out_; }

 private:
  Result<void> take_provenance(const VerifiedBundle& bundle) {
    if (has_provenance_) return refused("there are two provenance attestations");
    if (!bundle.key_id().empty()) return refused("the provenance is not signed by a build");
    auto stated = read_provenance_statement(bundle.statement(), release_);
    if (!stated) return stated.error();
    if (auto agreed = check_agreement(bundle.signer(), *stated); !agreed) return agreed.error();
    out_.provenance = vouched_for(std::move(*stated), bundle.signer());
    out_.signer = bundle.signer();
    out_.signed_at = bundle.signed_at();
    ++out_.checks;
    has_provenance_ = true;
    return {};
  }

  Result<void> take_publish(const VerifiedBundle& bundle) {
    if (out_.publish_attested) return refused("there are two publish attestations");
    if (auto good = check_publish(bundle, release_); !good) return good.error();
    out_.publish_attested = true;
    ++out_.checks;
    return {};
  }

  const AttestedRelease& release_;
  const TrustedRoot& root_;
  const FindKeys& keys_;
  Artifact artifact_;
  VerifiedAttestations out_;
  bool has_provenance_ = false;
};

}  // namespace

Provenance vouched_for(Provenance stated, const Identity& signer) {
  stated.repository = signer.repository;
  stated.workflow = signer.workflow;
  stated.commit = signer.commit;
  stated.ref = signer.ref;
  return stated;
}

Result<VerifiedAttestations> verify_attestations(std::string_view answer,
                                                 const AttestedRelease& release,
                                                 const TrustedRoot& root,
                                                 const FindKeys& registry_keys) {
  json::StrictParser parser;
  Element value;
  if (answer.size() > kMaxBundle) return unreadable("the attestations are larger than 1 MiB");
  if (release.sha512.empty()) return unreadable("nothing is known that they could be about");
  if (const auto refusal = parser.parse_unambiguous(answer, false, value))
    return unreadable("the attestations cannot be read: " + refusal->detail);
  Problem problem;
  const auto list = Fields(value, "answer", problem, {}).list("attestations", kMaxAttestations);
  if (!problem.none()) return unreadable("the attestations cannot be read: " + problem.what);
  Attestations attestations(release, root, registry_keys);
  for (const Element& each : list) {
    if (auto good = attestations.take(each); !good) return good.error();
  }
  if (!attestations.has_provenance())
    return fail(Code::kNotFound, Origin::kUpstream,
                "there is no provenance among the release's attestations");
  return std::move(attestations.out());
}

}  // namespace npmgate::sigstore
