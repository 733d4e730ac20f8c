#include "proxy/packages/attestations.h"

#include "registry/name.h"

namespace npmgate {
namespace {

// Real answers hold two bundles of about 10 KB each.
constexpr std::size_t kMaxAttestation = std::size_t{1} << 20;

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
                                        std::string sha512, Millis limit, const Clock& clock) {
  AttestationAnswer answer;
  FetchRequest request;
  request.url = url;
  request.headers.emplace_back("Accept", "application/json");
  if (!upstream.token.empty()) request.authorization = "Bearer " + upstream.token;
  request.ca_file = upstream.ca;
  request.max_body = kMaxAttestation;
  request.limit = limit;
  auto reply = co_await client.fetch(std::move(request));
  if (!reply) {
    answer.unknown = "the attestation could not be had: " + reply.error().context;
    co_return answer;
  }
  if (reply->status != 200) {
    answer.unknown =
        "the upstream answered " + std::to_string(reply->status) + " for the attestation";
    co_return answer;
  }
  AttestedRelease release{std::move(name), std::move(version), std::move(sha512)};
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
