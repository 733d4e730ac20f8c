#include "judge/snapshot.h"

#include <algorithm>

#include "registry/footprint.h"

namespace npmgate {

// Found by heap_of() of vectors: not in the unnamed namespace.
static std::size_t heap_of(const FileFacts& file) {
  std::size_t bytes = heap_of(file.path) + heap_of(file.sha256);
  if (file.code) bytes += heap_of(file.code->traits) + heap_of(file.code->endpoints);
  return bytes;
}
static std::size_t heap_of(const BundledPackage& bundled) {
  return heap_of(bundled.path) + heap_of(bundled.manifest);
}
static std::size_t heap_of(const HookReach& reach) {
  return heap_of(reach.hook) + heap_of(reach.command) + heap_of(reach.files) +
         heap_of(reach.missing) + heap_of(reach.traits) + heap_of(reach.endpoints);
}

namespace {

constexpr auto kRepeatAfter = std::chrono::seconds(5);
constexpr auto kYoung = std::chrono::hours(24 * 30);  // the default of inspection.recent

std::string_view version_of(const EvidencePtr& evidence) {
  return evidence->version;
}

auto evidence_of(const PackageSnapshot& snapshot, std::string_view version) {
  return std::ranges::equal_range(snapshot.evidence, version, std::less<>(), version_of);
}

// SPEC, section 4: with `times: ingest` a release is as old as the oldest stamp among itself and
// the higher stable versions of its line, since a mirror stamps arrival and nothing higher can be
// older than what it follows.
void take_oldest_of_lines(const Packument& packument, std::vector<std::optional<Time>>& stamps) {
  const auto& versions = packument.versions();
  std::map<std::string, Time> oldest;  // by line, of the stable versions seen so far
  for (std::size_t i = versions.size(); i-- > 0;) {
    const auto& semver = versions[i].semver;
    if (!semver) continue;
    const std::string line = release_line(*semver);
    const auto higher = oldest.find(line);
    if (higher != oldest.end() && (!stamps[i] || higher->second < *stamps[i]))
      stamps[i] = higher->second;
    if (!semver->is_prerelease() && stamps[i]) oldest[line] = *stamps[i];
  }
}

}  // namespace

std::size_t memory_beside(const PackageSnapshot& snapshot) {
  std::size_t bytes = sizeof(snapshot);
  for (const EvidencePtr& evidence : snapshot.evidence) {
    const Tree& tree = evidence->tree;
    bytes += sizeof(EvidencePtr) + allocated(sizeof(Evidence) + 16) + heap_of(evidence->release) +
             heap_of(tree.files) + heap_of(tree.package_json) + heap_of(tree.bundled) +
             heap_of(tree.hooks) + heap_of(tree.package_json_rest);
  }
  for (const auto& [version, pin] : snapshot.pins)
    bytes += allocated(kMapNode + sizeof(std::string) + sizeof(Pin)) + heap_of(pin.raw_manifest) +
             heap_of(pin.content_id);
  // The history of looks: a row per version that was ever seen.
  for (const auto& [version, seen] : snapshot.record.versions)
    bytes +=
        allocated(kMapNode + sizeof(std::string) + sizeof(SeenVersion)) + heap_of(seen.integrity);
  return bytes + heap_of(snapshot.record.tag_history);
}

std::string manifest_digest(std::string_view raw) {
  return manifest_identity(raw);
}

void add_evidence(PackageSnapshot& snapshot, EvidencePtr evidence) {
  const std::string_view version = evidence->version;
  const auto place =
      std::ranges::upper_bound(snapshot.evidence, version, std::less<>(), version_of);
  snapshot.evidence.insert(place, std::move(evidence));
}

EvidencePtr current_evidence(const PackageSnapshot& snapshot, const PackumentVersion& version) {
  EvidencePtr best;
  std::string digest;
  for (const auto& evidence : evidence_of(snapshot, version.version)) {
    if (digest.empty()) digest = manifest_digest(version.raw);
    if (digest.empty() || evidence->manifest_sha256 != digest) continue;
    if (!best || evidence->inspector > best->inspector ||
        (evidence->inspector == best->inspector && evidence->gathered > best->gathered)) {
      best = evidence;
    }
  }
  return best;
}

bool due_again(const Evidence& evidence, Time now) {
  const bool failed = std::ranges::any_of(
      evidence.unavailable, [](const Unavailable& missing) { return missing.source == "tarball"; });
  // What an older inspector saw is enough of an old release; a young one is read as today's are.
  const auto& published = evidence.release.published;
  const bool young = published && now - *published < kYoung;
  const bool narrower = evidence.inspector < kInspectorVersion &&
                        (evidence.archive_refusal || evidence.package_json_refusal || young);
  return (failed || narrower || !evidence.integrity.matches) &&
         now - evidence.gathered > kRepeatAfter;
}

EvidencePtr pinned_evidence(const PackageSnapshot& snapshot, const Pin& pin) {
  EvidencePtr best;
  for (const auto& evidence : evidence_of(snapshot, pin.version)) {
    if (evidence->content_id() != pin.content_id) continue;
    if (!best || evidence->inspector > best->inspector) best = evidence;
  }
  return best;
}

Ages::Ages(const PackageSnapshot& snapshot) : snapshot_(snapshot) {
  if (snapshot.times_real || !snapshot.packument) return;
  for (const PackumentVersion& version : snapshot.packument->versions())
    stamps_.push_back(version.release.published);
  take_oldest_of_lines(*snapshot.packument, stamps_);
}

Time Ages::age_start(const PackumentVersion& version, Time now) const {
  const auto seen = snapshot_.record.versions.find(version.version);
  const auto position = &version - snapshot_.packument->versions().data();
  const std::optional<Time> stamp = snapshot_.times_real
                                        ? version.release.published
                                        : stamps_[static_cast<std::size_t>(position)];
  Time result = stamp ? *stamp : now;
  if (seen != snapshot_.record.versions.end()) {
    if (!stamp) result = seen->second.first_seen;
    // A publish time before a look that did not show the release is not believed: a backdated stamp
    // must not end a hold.
    if (seen->second.looked_before) result = std::max(result, *seen->second.looked_before);
  }
  return result;
}

}  // namespace npmgate
