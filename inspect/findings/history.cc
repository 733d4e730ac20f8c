// The release among the package's other releases: rhythm, lines, size, name. Silent if publish
// times are not real.
#include <algorithm>

#include "inspect/findings/detector.h"

namespace npmgate::detect {
namespace {

using Hours = std::chrono::hours;

constexpr Millis kSilence = Hours{24 * 365};
constexpr int kSilenceGaps = 4;  // times the package's median gap
constexpr Millis kSameWave =
    Hours{24 * 7};  // releases this close belong together: the second of a wave is no sign of life
constexpr Millis kBurst = Hours{1};
constexpr std::size_t kBurstReleases = 3;
constexpr std::size_t kBurstCounted = 100;  // more say no more, and each of them would count all

constexpr std::size_t kSizeWindow = 10;  // releases of history that sizes are compared with
// Smaller steps are ordinary work, whatever their ratio.
constexpr std::uint64_t kSizeStep = std::uint64_t{48} * 1024;
constexpr std::uint64_t kFilesStep = 50;

bool rhythm_known(const Comparison& sides) {
  return sides.history != nullptr && sides.history->times_real && sides.release.published;
}

// One measure now, and its smallest and largest value in the package's own history.
struct Measure {
  std::string_view name;
  std::uint64_t now = 0, least = 0, most = 0;
  bool bytes = true;
};

void widen(Measure& measure, std::uint64_t value) {
  if (value == 0) return;
  measure.least = measure.least == 0 ? value : std::min(measure.least, value);
  measure.most = std::max(measure.most, value);
}

// Releases above the baseline are not approved yet: they cannot make a size usual.
void widen_by_history(const Comparison& sides, Measure& unpacked) {
  if (sides.history == nullptr || sides.before == nullptr) return;
  const auto index = entry_index(*sides.history, sides.before->manifest.version);
  if (!index) return;
  for (std::size_t back = 0; back < kSizeWindow && back <= *index; ++back) {
    widen(unpacked, sides.history->entries[*index - back].unpacked_size);
  }
}

std::vector<Measure> measures(const Comparison& sides) {
  Measure unpacked{"unpacked size"}, packed{"packed size"}, files{"file count", 0, 0, 0, false};
  const auto measure = [](const Release& release, const Evidence* evidence, const Tree* tree,
                          std::uint64_t& size, std::uint64_t& tarball, std::uint64_t& count) {
    size = tree != nullptr ? tree->unpacked_size : release.dist.unpacked_size.value_or(0);
    count = tree != nullptr ? tree->files.size() : release.dist.file_count.value_or(0);
    tarball = evidence != nullptr ? evidence->tarball_size : 0;
  };
  measure(sides.release, sides.evidence, sides.tree, unpacked.now, packed.now, files.now);
  std::uint64_t size = 0, tarball = 0, count = 0;
  measure(*sides.before, sides.before_evidence, sides.before_tree, size, tarball, count);
  widen(unpacked, size);
  widen(packed, tarball);
  widen(files, count);
  widen_by_history(sides, unpacked);
  return {unpacked, packed, files};
}

// Growth beyond 2.5 times the largest, shrinking below a quarter of the smallest: an attack's
// payload or a gutted package; ordinary releases of popular packages stay inside.
int jump(const Measure& measure) {
  if (measure.now == 0 || measure.most == 0) return 0;
  const std::uint64_t step = measure.bytes ? kSizeStep : kFilesStep;
  if (measure.now > measure.most && measure.now - measure.most >= step &&
      measure.now * 2 > measure.most * 5) {
    return 1;
  }
  if (measure.now < measure.least && measure.least - measure.now >= step &&
      measure.now * 4 < measure.least) {
    return -1;
  }
  return 0;
}

}  // namespace

std::vector<Finding> size_jump(const Comparison& sides) {
  if (sides.before == nullptr) return {};
  json::array jumps;
  std::string message;
  bool grew = false;
  for (const Measure& measure : measures(sides)) {
    const int direction = jump(measure);
    if (direction == 0) continue;
    grew = grew || direction > 0;
    const auto show = [&](std::uint64_t value) {
      return measure.bytes ? human_bytes(value) : std::to_string(value);
    };
    jumps.push_back({{"measure", measure.name},
                     {"now", measure.now},
                     {"history_least", measure.least},
                     {"history_most", measure.most}});
    if (!message.empty()) continue;
    message = std::string(measure.name) + (direction > 0 ? " grew to " : " shrank to ") +
              show(measure.now) + ", earlier releases had " +
              (direction > 0 ? "at most " + show(measure.most) : "at least " + show(measure.least));
  }
  if (jumps.empty()) return {};
  // What became smaller brings nothing; alone it is what cleaning up looks like.
  return {make("size-jump", grew ? Severity::kMedium : Severity::kLow,
               sides.tree != nullptr ? "tarball" : "packument-field", message,
               {{"jumps", std::move(jumps)}})};
}

std::vector<Finding> dormant_release(const Comparison& sides) {
  if (!rhythm_known(sides)) return {};
  const Time self = *sides.release.published;
  std::optional<Time> last;
  for (const auto& entry : sides.history->entries) {
    if (!entry.published || *entry.published > self - kSameWave) continue;
    if (!last || *entry.published > *last) last = entry.published;
  }
  if (!last || self - *last <= kSilence) return {};
  std::vector<Time> times;
  for (const auto& entry : sides.history->entries) {
    if (entry.published && *entry.published <= *last) times.push_back(*entry.published);
  }
  std::sort(times.begin(), times.end());
  std::vector<Millis> gaps;
  for (std::size_t i = 1; i < times.size(); ++i) gaps.push_back(times[i] - times[i - 1]);
  Millis median{};
  if (!gaps.empty()) {
    const auto middle = gaps.begin() + static_cast<std::ptrdiff_t>(gaps.size() / 2);
    std::nth_element(gaps.begin(), middle, gaps.end());
    median = *middle;
  }
  if (self - *last <= kSilenceGaps * median) return {};
  const auto days = [](Millis span) { return std::chrono::floor<std::chrono::days>(span).count(); };
  return {make("dormant-release", Severity::kLow, "packument-field",
               "first release after " + std::to_string(days(self - *last)) +
                   " days, the usual gap is " + std::to_string(days(median)),
               {{"last", format_time(*last)},
                {"silent_days", days(self - *last)},
                {"median_gap_days", days(median)}})};
}

std::vector<Finding> version_burst(const Comparison& sides) {
  if (!rhythm_known(sides)) return {};
  const auto self = Version::parse_loose(sides.release.manifest.version);
  // Machines publish prereleases many times a day.
  if (!self || self->is_prerelease()) return {};
  std::vector<std::string> versions;
  std::set<std::string> lines{release_line(*self)};
  for (const auto& entry : sides.history->entries) {
    if (versions.size() == kBurstCounted) break;
    if (!entry.published ||
        std::chrono::abs(*entry.published - *sides.release.published) > kBurst) {
      continue;
    }
    const auto version = Version::parse_loose(entry.version);
    if (!version || version->is_prerelease()) continue;
    versions.push_back(entry.version);
    lines.insert(release_line(*version));
  }
  if (lines.size() < 2 && versions.size() < kBurstReleases) return {};
  json::object proof;
  json::array list;
  for (const std::string& version : versions) list.emplace_back(version);
  put_list(proof, "versions", std::move(list), 50);
  put_list(proof, "lines", to_array(lines), 50);
  return {make("version-burst", Severity::kMedium, "packument-field",
               std::to_string(versions.size()) +
                   (versions.size() == kBurstCounted ? " or more" : "") + " releases of " +
                   std::to_string(lines.size()) + (lines.size() == 1 ? " line" : " lines") +
                   " within an hour: " + join(versions, ", ", 8),
               std::move(proof))};
}

std::vector<Finding> old_line_release(const Comparison& sides) {
  if (!rhythm_known(sides)) return {};
  const auto self = Version::parse_loose(sides.release.manifest.version);
  if (!self) return {};
  const auto& entries = sides.history->entries;
  for (std::size_t i = entries.size(); i > 0; --i) {
    const auto& entry = entries[i - 1];
    if (entry.version == sides.release.manifest.version) break;
    if (!entry.published || *entry.published >= *sides.release.published) continue;
    const auto version = Version::parse_loose(entry.version);
    if (!version || version->is_prerelease()) continue;
    if (!(*self < *version) || release_line(*version) == release_line(*self)) break;
    return {make("old-line-release", Severity::kInfo, "packument-field",
                 "of line " + release_line(*self) + ", published after " + entry.version,
                 {{"line", release_line(*self)}, {"highest", entry.version}})};
  }
  return {};
}

// `latest` leads clients that name no version to this release though a higher stable one is listed,
// or though it is a prerelease of a package that has stable ones.
std::vector<Finding> dist_tag_moved(const Comparison& sides) {
  if (sides.history == nullptr) return {};
  const auto& tags = sides.history->tags;
  if (std::find(tags.begin(), tags.end(), "latest") == tags.end()) return {};
  const auto self = Version::parse_loose(sides.release.manifest.version);
  if (!self) return {};
  const PackageHistory::Entry* stable = nullptr;
  for (const auto& entry : sides.history->entries) {
    const auto version = Version::parse_loose(entry.version);
    if (version && !version->is_prerelease()) stable = &entry;
  }
  if (stable == nullptr) return {};
  const auto highest = Version::parse_loose(stable->version);
  const bool lower = *self < *highest;
  if (!lower && !self->is_prerelease()) return {};
  return {make("dist-tag-moved", Severity::kLow, "packument-field",
               lower ? "latest points to it though " + stable->version + " is listed"
                     : "latest points to a prerelease though " + stable->version + " is stable",
               {{"tag", "latest"}, {"highest_stable", stable->version}})};
}

std::vector<Finding> first_release(const Comparison& sides) {
  if (sides.before != nullptr) return {};
  // "First" is said of first releases only: others have earlier ones that are no measure.
  std::size_t earlier = 0;
  const auto self = Version::parse_loose(sides.release.manifest.version);
  if (sides.history != nullptr && self) {
    // In order: this runs for every release of a packument that may list 10,000.
    const auto& entries = sides.history->entries;
    const auto before = [&self](const PackageHistory::Entry& entry) {
      const auto version = Version::parse_loose(entry.version);
      return version && *version < *self;
    };
    const auto end = std::partition_point(entries.begin(), entries.end(), before);
    earlier = static_cast<std::size_t>(end - entries.begin());
  }
  const std::string why =
      earlier == 0 ? "no earlier release to compare with"
                   : "none of " + std::to_string(earlier) +
                         " earlier releases can be compared with (held, refused or unreadable)";
  return {make("first-release", Severity::kInfo, "baseline",
               why + ": everything in it counts as added", {{"baseline", nullptr}})};
}

}  // namespace npmgate::detect
