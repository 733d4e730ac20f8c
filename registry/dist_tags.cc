#include <algorithm>
#include <array>
#include <vector>

#include "registry/render.h"

namespace npmgate {
namespace {

// The kept versions of one kind, lowest first.
using Ladder = std::vector<const PackumentVersion*>;

// Kept versions sorted so that each tag is moved in O(log n): a document may have thousands of tags
// and 100,000 versions.
class KeptVersions {
 public:
  KeptVersions(const Packument& packument,
               const std::function<bool(std::string_view version)>& kept) {
    for (const PackumentVersion& version : packument.versions()) {
      if (!version.servable || !version.semver || !kept(version.version)) continue;
      all_.emplace(version.version, &version);
      const bool prerelease = version.semver->is_prerelease();
      any_[prerelease].push_back(&version);
      if (!version.release.manifest.deprecated) recommended_[prerelease].push_back(&version);
    }
  }

  bool has(std::string_view version) const { return all_.contains(version); }

  // The highest version below `target` of its kind, not deprecated if possible.
  const PackumentVersion* below(const Version& target, bool same_major) const {
    const bool prerelease = target.is_prerelease();
    for (const Ladder* ladder : {&recommended_[prerelease], &any_[prerelease]}) {
      const auto above = std::partition_point(
          ladder->begin(), ladder->end(),
          [&target](const PackumentVersion* version) { return *version->semver < target; });
      if (above == ladder->begin()) continue;
      const PackumentVersion* candidate = *std::prev(above);
      if (!same_major || candidate->semver->major() == target.major()) return candidate;
    }
    return nullptr;
  }

  // What `latest` means when nothing lower is left: the highest version, a stable one if there
  // is one.
  const PackumentVersion* highest() const {
    for (const Ladder* ladder : {&recommended_[0], &any_[0], &recommended_[1], &any_[1]}) {
      if (!ladder->empty()) return ladder->back();
    }
    return nullptr;
  }

 private:
  std::map<std::string_view, const PackumentVersion*> all_;
  std::array<Ladder, 2> any_, recommended_;  // [0] stable, [1] prereleases
};

using History = std::map<std::string, std::vector<std::string>, std::less<>>;

std::optional<std::string> last_allowed(const KeptVersions& kept, const History& history,
                                        std::string_view tag) {
  const auto seen = history.find(tag);
  if (seen == history.end()) return std::nullopt;
  for (const std::string& version : seen->second) {
    if (kept.has(version)) return version;
  }
  return std::nullopt;
}

std::optional<std::string> move_tag(const KeptVersions& kept, const History& history,
                                    const std::string& tag, const std::string& target) {
  if (kept.has(target)) return target;
  if (auto version = last_allowed(kept, history, tag)) return version;
  const bool latest = tag == "latest";
  const PackumentVersion* version = nullptr;
  if (const auto semver = Version::parse_loose(target)) version = kept.below(*semver, !latest);
  if (!version && latest) version = kept.highest();
  if (!version) return std::nullopt;
  return version->version;
}

}  // namespace

StringMap move_dist_tags(const Packument& packument,
                         const std::function<bool(std::string_view version)>& kept,
                         const History& history) {
  const KeptVersions versions(packument, kept);
  StringMap moved;
  for (const auto& [tag, target] : packument.dist_tags()) {
    if (auto version = move_tag(versions, history, tag, target)) {
      moved.emplace(tag, *std::move(version));
    }
  }
  return moved;
}

}  // namespace npmgate
