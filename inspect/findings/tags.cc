// The repository's git tags and URL beside the release.
#include <algorithm>

#include "base/text.h"
#include "inspect/findings/detector.h"

namespace npmgate::detect {
namespace {

// A forgotten `git push --tags` comes within a day (tag evidence is asked again until then).
constexpr Millis kGrace = std::chrono::hours{24};
// A habit is known from at least this many tagged releases, and holds for at least three of four.
constexpr std::size_t kHabit = 2;

// Versions above the baseline are of the same wave as the release (held, or not judged yet): they
// say nothing about the habit.
std::size_t count_known(const Comparison& sides, const std::vector<std::string>& versions) {
  const auto limit = sides.before != nullptr ? Version::parse_loose(sides.before->manifest.version)
                                             : Version::parse_loose(sides.release.manifest.version);
  return static_cast<std::size_t>(
      std::count_if(versions.begin(), versions.end(), [&](const std::string& text) {
        if (text == sides.release.manifest.version) return false;
        const auto version = Version::parse_loose(text);
        return !limit || !version || !(*limit < *version);
      }));
}

bool tags_its_releases(const Comparison& sides, const TagEvidence& tag) {
  if (tag.habit.empty()) return false;
  const std::size_t tagged = count_known(sides, tag.tagged_versions);
  const std::size_t untagged = count_known(sides, tag.untagged_versions);
  if (tagged < kHabit || untagged * 3 > tagged) return false;
  // If even the baseline went without a tag, the habit has ended.
  return sides.before == nullptr ||
         std::find(tag.untagged_versions.begin(), tag.untagged_versions.end(),
                   sides.before->manifest.version) == tag.untagged_versions.end();
}

std::string expected_tag(const Comparison& sides, const TagEvidence& tag) {
  std::string text = tag.habit;
  const auto put = [&](std::string_view key, const std::string& value) {
    if (const auto at = text.find(key); at != text.npos) text.replace(at, key.size(), value);
  };
  put("{version}", sides.release.manifest.version);
  const std::string& name = sides.release.manifest.name;
  put("{name}", name);
  put("{unscoped}", name.starts_with('@') ? name.substr(name.find('/') + 1) : name);
  return text;
}

std::string repository_of(const Release& release, const Manifest* packed) {
  if (release.manifest.repository) return release.manifest.repository->url;
  return packed != nullptr && packed->repository ? packed->repository->url : std::string();
}

// Short hashes are compared as far as they go.
bool same_commit(std::string_view a, std::string_view b) {
  const std::size_t length = std::min(a.size(), b.size());
  return length >= 7 && lower_ascii(a.substr(0, length)) == lower_ascii(b.substr(0, length));
}

}  // namespace

std::vector<Finding> missing_git_tag(const Comparison& sides) {
  if (sides.history == nullptr || !sides.history->tag) return {};
  const TagEvidence& tag = *sides.history->tag;
  if (tag.state != TagEvidence::State::kMissing || !tags_its_releases(sides, tag)) return {};
  const bool stamped = sides.history->times_real && sides.release.published;
  const Time start =
      stamped ? *sides.release.published : sides.history->first_seen.value_or(tag.asked);
  json::object proof{{"repository", tag.repository},
                     {"habit", tag.habit},
                     {"expected", expected_tag(sides, tag)},
                     {"grace_until", format_time(start + kGrace)}};
  json::array known;
  for (const std::string& version : tag.tagged_versions) known.emplace_back(version);
  put_list(proof, "tagged", std::move(known), 10);
  return {make("missing-git-tag", Severity::kMedium, "git-tags",
               "the repository tags its releases but has no tag " + expected_tag(sides, tag),
               std::move(proof))};
}

std::vector<Finding> git_tag_mismatch(const Comparison& sides) {
  if (sides.history == nullptr || !sides.history->tag) return {};
  const TagEvidence& tag = *sides.history->tag;
  if (tag.state != TagEvidence::State::kFound || tag.commit.empty()) return {};
  json::object proof{{"repository", tag.repository}, {"tag", tag.tag}, {"commit", tag.commit}};
  if (!tag.first_commit.empty() && !same_commit(tag.first_commit, tag.commit)) {
    proof["first_commit"] = tag.first_commit;
    return {make("git-tag-mismatch", Severity::kHigh, "git-tags",
                 "tag " + tag.tag + " moved from " + tag.first_commit.substr(0, 12) + " to " +
                     tag.commit.substr(0, 12),
                 std::move(proof))};
  }
  if (!sides.release.git_head || sides.release.git_head->empty() ||
      same_commit(*sides.release.git_head, tag.commit)) {
    return {};
  }
  proof["git_head"] = *sides.release.git_head;
  return {make("git-tag-mismatch", Severity::kMedium, "git-tags",
               "tag " + tag.tag + " is commit " + tag.commit.substr(0, 12) +
                   ", the release was built from " + sides.release.git_head->substr(0, 12),
               std::move(proof))};
}

std::vector<Finding> repository_changed(const Comparison& sides) {
  if (sides.before == nullptr) return {};
  const std::string now = repository_of(sides.release, sides.packed);
  const std::string was = repository_of(*sides.before, sides.before_packed);
  if (was.empty() || normal_repository(now) == normal_repository(was)) return {};
  json::object proof{{"before", proof_text(was)}, {"after", proof_text(now)}};
  const std::string message = now.empty() ? "the repository URL vanished, it was " + was
                                          : "the repository is now " + now + ", it was " + was;
  return {
      make("repository-changed", Severity::kMedium, "packument-field", message, std::move(proof))};
}

}  // namespace npmgate::detect
