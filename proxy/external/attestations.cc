#include "proxy/external/attestations.h"

#include "registry/name.h"
#include "sigstore/npm.h"

namespace npmgate {
namespace {

// Real answers hold two bundles of about 10 KB each.
constexpr std::size_t kMaxAttestation = std::size_t{1} << 20;

// What verification makes of an answer. An error: there is no provenance, so nothing is known.
Result<ProvenanceEvidence> proven(const std::string& body, const AttestedRelease& release,
                                  const TrustAnchors& anchors) {
  auto verified = sigstore::verify_attestations(body, release, *anchors.root,
                                                sigstore::attestation_keys(anchors.keys));
  ProvenanceEvidence out;
  if (!verified) {
    if (verified.error().code == Code::kNotFound) return verified.error();
    out.invalid = verified.error().context;
    return out;
  }
  const sigstore::Identity& signer = verified->signer;
  out.stated = std::move(verified->provenance);
  out.verified = ProvenanceEvidence::Verified{
      signer.issuer,  signer.subject,      signer.run,       signer.runner,
      release.sha512, verified->signed_at, verified->checks, verified->publish_attested};
  return out;
}

}  // namespace

std::string attestation_url(const UpstreamConfig& upstream, const Release& release) {
  const auto stated = parse_url(release.dist.attestations_url.value_or(""));
  const auto base = parse_url(upstream.url);
  if (stated && base && stated->origin() == base->origin()) return *release.dist.attestations_url;
  const auto name = PackageName::parse(release.manifest.name);
  return upstream.url + "-/npm/v1/attestations/" + (name ? name->url_path() : "") + "@" +
         release.manifest.version;
}

Task<AttestationAnswer> ask_attestation(Upstream& client, const UpstreamConfig& upstream,
                                        std::string url, std::string name, std::string version,
                                        std::string sha512, Millis limit, const Clock& clock,
                                        std::shared_ptr<const TrustAnchors> anchors, Pool& pool) {
  AttestationAnswer answer;
  FetchRequest request;
  request.url = url;
  request.headers.emplace_back("Accept", "application/json");
  request.authorization = upstream.authorization();
  request.ca_file = upstream.ca;
  request.max_body = kMaxAttestation;
  request.limit = limit;
  auto reply = co_await client.fetch(std::move(request));
  if (!reply) {
    answer.unknown = "the attestation was not available: " + reply.error().context;
    co_return answer;
  }
  if (reply->status != 200) {
    answer.unknown =
        "the upstream answered " + std::to_string(reply->status) + " for the attestation";
    co_return answer;
  }
  AttestedRelease release{std::move(name), std::move(version), std::move(sha512)};
  if (anchors) {
    std::function<Result<ProvenanceEvidence>()> work = [body = std::move(reply->body),
                                                        release = std::move(release), anchors] {
      return proven(body, release, *anchors);
    };
    auto evidence = co_await pool.offload(std::move(work));
    if (!evidence) answer.unknown = evidence.error().context;
    if (evidence) answer.evidence = std::move(*evidence);
    if (evidence) answer.evidence->url = std::move(url);
    if (evidence) answer.evidence->asked = clock.now();
    co_return answer;
  }
  auto read = read_provenance(reply->body, release);
  if (!read && read.error().code != Code::kIntegrityMismatch) {
    answer.unknown = read.error().context;
    co_return answer;
  }
  answer.evidence.emplace();
  answer.evidence->url = std::move(url);
  answer.evidence->asked = clock.now();
  if (read) answer.evidence->stated = std::move(*read);
  if (!read) answer.evidence->foreign = read.error().context;
  co_return answer;
}

}  // namespace npmgate
