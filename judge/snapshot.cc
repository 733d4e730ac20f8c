#include "judge/snapshot.h"

#include <algorithm>

#include "base/digest.h"

namespace npmgate {
namespace {

constexpr auto kRepeatAfter = std::chrono::minutes(10);

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

std::string manifest_digest(std::string_view raw) {
  const auto canonical = canonical_manifest(raw);
  return canonical ? sha256_hex(*canonical) : std::string();
}

EvidencePtr current_evidence(std::span<const EvidencePtr> among, const PackumentVersion& version) {
  EvidencePtr best;
  std::string digest;
  for (const auto& evidence : among) {
    if (evidence->version != version.version) continue;
    if (digest.empty()) digest = manifest_digest(version.raw);
    if (digest.empty() || evidence->manifest_sha256 != digest) continue;
    if (!best || evidence->inspector > best->inspector ||
        (evidence->inspector == best->inspector && evidence->gathered > best->gathered)) {
      best = evidence;
    }
  }
  return best;
}

EvidencePtr current_evidence(const PackageSnapshot& snapshot, const PackumentVersion& version) {
  return current_evidence(std::span(snapshot.evidence), version);
}

bool due_again(const Evidence& evidence, Time now) {
  const bool failed = std::ranges::any_of(
      evidence.unavailable, [](const Unavailable& missing) { return missing.source == "tarball"; });
  return (failed || !evidence.integrity.matches) && now - evidence.gathered > kRepeatAfter;
}

std::shared_ptr<const Evidence> pinned_evidence(const PackageSnapshot& snapshot, const Pin& pin) {
  std::shared_ptr<const Evidence> best;
  for (const auto& evidence : snapshot.evidence) {
    if (evidence->version != pin.version || evidence->content_id() != pin.content_id) continue;
    if (!best || evidence->inspector > best->inspector) best = evidence;
  }
  return best;
}

Ages::Ages(const PackageSnapshot& snapshot) : snapshot_(snapshot) {
  if (!snapshot.packument) return;
  for (const PackumentVersion& version : snapshot.packument->versions())
    stamps_.push_back(version.release.published);
  if (!snapshot.times_real) take_oldest_of_lines(*snapshot.packument, stamps_);
}

Time Ages::born(const PackumentVersion& version, Time now) const {
  const auto seen = snapshot_.record.versions.find(version.version);
  const auto position = &version - snapshot_.packument->versions().data();
  const std::optional<Time> stamp = stamps_[static_cast<std::size_t>(position)];
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
