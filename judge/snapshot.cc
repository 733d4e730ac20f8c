#include "judge/snapshot.h"

#include <algorithm>

#include "base/digest.h"

namespace npmgate {
namespace {

constexpr auto kRepeatAfter = std::chrono::minutes(10);

// SPEC, section 4: with `times: ingest` a release is as old as the oldest stamp among itself and
// the higher stable versions of its line, since a mirror stamps arrival and nothing higher can be
// older than what it follows.
std::optional<Time> oldest_of_line(const Packument& packument, const PackumentVersion& version) {
  std::optional<Time> oldest = version.release.published;
  if (!version.semver) return oldest;
  const std::string line = release_line(*version.semver);
  for (const PackumentVersion& other : packument.versions()) {
    if (!other.semver || other.semver->is_prerelease() || !other.release.published) continue;
    if (*other.semver <= *version.semver || release_line(*other.semver) != line) continue;
    if (!oldest || *other.release.published < *oldest) oldest = other.release.published;
  }
  return oldest;
}

}  // namespace

std::string manifest_digest(std::string_view raw) {
  const auto canonical = canonical_manifest(raw);
  return canonical ? sha256_hex(*canonical) : std::string();
}

std::shared_ptr<const Evidence> current_evidence(const PackageSnapshot& snapshot,
                                                 const PackumentVersion& version) {
  std::shared_ptr<const Evidence> best;
  std::string digest;
  for (const auto& evidence : snapshot.evidence) {
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

Time born(const PackageSnapshot& snapshot, const PackumentVersion& version, Time now) {
  const auto seen = snapshot.record.versions.find(version.version);
  std::optional<Time> stamp = version.release.published;
  if (!snapshot.times_real && snapshot.packument)
    stamp = oldest_of_line(*snapshot.packument, version);
  Time result = stamp ? *stamp : now;
  if (seen != snapshot.record.versions.end()) {
    if (!stamp) result = seen->second.first_seen;
    // A publish time before a look that did not show the release is not believed: a backdated stamp
    // must not end a hold.
    if (seen->second.looked_before) result = std::max(result, *seen->second.looked_before);
  }
  return result;
}

}  // namespace npmgate
