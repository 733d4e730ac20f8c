// Which releases have to be inspected before an answer, and which behind it.
#include <algorithm>

#include "judge/comparison.h"
#include "judge/judge.h"
#include "registry/render.h"

namespace npmgate {

bool Judge::left_out(const Judged* judged, const std::set<std::string, std::less<>>& undecided) {
  if (judged == nullptr || !judged->served()) return true;
  return undecided.contains(judged->version) && !judged->evidence;
}

// The part of another release for some platform, or a very large one, of a package of which nobody
// ever wanted a tarball here: seven of eight such packages are for other machines than the team's.
bool Judge::is_unwanted_part(const Release& release) const {
  constexpr std::uint64_t kLarge = std::uint64_t{64} << 20;  // unpacked, as the registry states it
  const Manifest& manifest = release.manifest;
  const bool part = !manifest.os.empty() || !manifest.cpu.empty() || !manifest.libc.empty() ||
                    release.dist.unpacked_size.value_or(0) >= kLarge;
  return part && snapshot_->evidence.empty() && snapshot_->pins.empty() && options_.pinned &&
         options_.pinned(release);
}

std::vector<std::string> Judge::picks_to_inspect(
    const std::set<std::string, std::less<>>& undecided, const Asked& asked) {
  std::vector<std::string> picks;
  const auto add = [&picks](const std::string& version) {
    if (std::find(picks.begin(), picks.end(), version) == picks.end()) picks.push_back(version);
  };
  // Each line is walked down from its top until a version stands there that is allowed or old; the
  // first recent one without evidence is a pick.
  const auto consider = [&](const PackumentVersion& version) {  // true: the walk ends here
    const Judged* judged = of(version.version);
    if (judged != nullptr && !undecided.contains(version.version) && comparison_due(*judged) &&
        waits_for_comparison(judged->verdict))
      add(version.version);
    if (left_out(judged, undecided)) return false;
    if (judged->recent && !judged->evidence && !is_unwanted_part(version.release))
      add(version.version);
    return true;
  };
  const auto* one = asked.one.empty() ? nullptr : snapshot_->packument->find(asked.one);
  if (one != nullptr) {
    consider(*one);
    return picks;
  }
  const auto kept = [&](std::string_view version) {
    const PackumentVersion* found = snapshot_->packument->find(version);
    return found != nullptr && !left_out(of(version), undecided);
  };
  const std::string wanted = asked.one.empty() ? "latest" : asked.one;
  for (const auto& [tag, target] :
       move_dist_tags(*snapshot_->packument, kept, snapshot_->record.tag_history)) {
    if (tag != wanted && !asked.every_tag) continue;
    if (const PackumentVersion* found = snapshot_->packument->find(target)) consider(*found);
  }
  if (!asked.one.empty()) return picks;
  const auto& versions = snapshot_->packument->versions();
  std::set<std::string> done;
  for (auto it = versions.rbegin(); it != versions.rend(); ++it) {
    if (!it->semver || !it->servable || it->semver->is_prerelease()) continue;
    const std::string line = release_line(*it->semver);
    if (!done.contains(line) && consider(*it)) done.insert(line);
  }
  return picks;
}

std::vector<std::string> Judge::background_work() {
  std::vector<std::string> work;
  const auto& versions = snapshot_->packument->versions();
  for (auto it = versions.rbegin(); it != versions.rend(); ++it) {
    if (!it->servable || !it->semver) continue;
    if (now_ - age_start_of(*it) > options_.recent) continue;
    const Judged* judged = of(it->version);
    if (judged == nullptr || (!judged->evidence && is_unwanted_part(it->release))) continue;
    if (!judged->evidence || (!judged->pinned && due_again(*judged->evidence, now_)) ||
        comparison_due(*judged))
      work.push_back(it->version);
  }
  return work;
}

}  // namespace npmgate
