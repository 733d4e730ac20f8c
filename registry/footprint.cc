#include "registry/footprint.h"

#include <simdjson.h>

#include <type_traits>

namespace npmgate {

static std::size_t heap_of(const Person& person) {
  return heap_of(person.name) + heap_of(person.email);
}
static std::size_t heap_of(const Publisher& publisher) {
  return heap_of(publisher.person) + heap_of(publisher.trusted_publisher) +
         heap_of(publisher.approver);
}
static std::size_t heap_of(const Repository& repository) {
  return heap_of(repository.url) + heap_of(repository.directory);
}
static std::size_t heap_of(const Dist::Signature& signature) {
  return heap_of(signature.keyid) + heap_of(signature.sig);
}

std::size_t heap_of(const Manifest& manifest) {
  return heap_of(manifest.name) + heap_of(manifest.version) + heap_of(manifest.scripts) +
         heap_of(manifest.dependencies) + heap_of(manifest.optional_dependencies) +
         heap_of(manifest.peer_dependencies) + heap_of(manifest.dev_dependencies) +
         heap_of(manifest.bundled) + heap_of(manifest.bin) + heap_of(manifest.bin_directory) +
         heap_of(manifest.repository) + heap_of(manifest.license) + heap_of(manifest.deprecated) +
         heap_of(manifest.main) + heap_of(manifest.description) + heap_of(manifest.engines) +
         heap_of(manifest.os) + heap_of(manifest.cpu) + heap_of(manifest.libc);
}

std::size_t heap_of(const Release& release) {
  const Dist& dist = release.dist;
  return heap_of(release.manifest) + heap_of(dist.tarball) + heap_of(dist.integrity) +
         heap_of(dist.shasum) + heap_of(dist.signatures) + heap_of(dist.attestations_url) +
         heap_of(dist.provenance_predicate) + heap_of(release.publisher) +
         heap_of(release.maintainers) + heap_of(release.git_head) +
         (release.refusal ? heap_of(release.refusal->rule) + heap_of(release.refusal->detail) : 0);
}

std::size_t memory_of(const Packument& packument) {
  using Versions = std::remove_cvref_t<decltype(packument.versions())>;
  using Extras = std::remove_cvref_t<decltype(packument.extras())>;
  std::size_t bytes = sizeof(Packument) +
                      allocated(packument.bytes() + simdjson::SIMDJSON_PADDING) +
                      heap_of(packument.dist_tags()) + heap_of(packument.times()) +
                      allocated(packument.versions().capacity() * sizeof(Versions::value_type)) +
                      allocated(packument.extras().capacity() * sizeof(Extras::value_type));
  // The index by version: a node with a copy of its text.
  constexpr std::size_t kIndexNode =
      allocated(kMapNode + sizeof(std::pair<const std::string, std::size_t>));
  for (const PackumentVersion& version : packument.versions())
    bytes += kIndexNode + 2 * heap_of(version.version) + heap_of(version.release);
  return bytes;
}

}  // namespace npmgate
