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
// Earlier releases whose commits are all on branches. Of 4,726 real releases with so many 59 are
// told, 25 of them of one monorepo (docs/findings.md).
constexpr std::size_t kBranchHabit = 3;

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

// Of verified provenance; "" if there is none.
std::string proven_commit(const Comparison& sides, const Release& release) {
  const auto it = sides.history->provenance.find(release.manifest.version);
  if (it == sides.history->provenance.end() || !it->second.verified) return {};
  return it->second.stated.commit;
}

// The commit that the release was built from, if it is not its tag's and the baseline's was: tools
// that commit the version during the build tag another commit every time. "" else.
std::string unusual_provenance(const Comparison& sides, const TagEvidence& tag) {
  const std::string built = proven_commit(sides, sides.release);
  if (sides.before == nullptr || built.empty() || same_commit(built, tag.commit)) return {};
  const std::string before = proven_commit(sides, *sides.before);
  const auto at = std::find(tag.tagged_versions.begin(), tag.tagged_versions.end(),
                            sides.before->manifest.version);
  const auto place = static_cast<std::size_t>(at - tag.tagged_versions.begin());
  const bool usual =
      place < tag.tagged_commits.size() && same_commit(before, tag.tagged_commits[place]);
  return usual ? built : std::string();
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
  std::string built = sides.release.git_head.value_or("");
  if (built.empty() || same_commit(built, tag.commit)) {
    built = unusual_provenance(sides, tag);
    if (built.empty()) return {};
    proof["provenance"] = built;
  } else {
    proof["git_head"] = built;
  }
  return {make("git-tag-mismatch", Severity::kMedium, "git-tags",
               "tag " + tag.tag + " is commit " + tag.commit.substr(0, 12) +
                   ", the release was built from " + built.substr(0, 12),
               std::move(proof))};
}

std::vector<Finding> commit_not_on_branch(const Comparison& sides) {
  if (sides.history == nullptr || !sides.history->branch) return {};
  const BranchEvidence& branch = *sides.history->branch;
  if (branch.state != BranchEvidence::State::kOnNone || !branch.earlier_on_branches ||
      count_known(sides, branch.earlier) < kBranchHabit)
    return {};
  // The baseline was let through with a commit like this one: the habit has ended.
  const auto& before = sides.history->baseline_branch;
  if (before && before->state == BranchEvidence::State::kOnNone) return {};
  json::object proof{
      {"repository", branch.repository}, {"commit", branch.commit}, {"named_by", branch.named_by}};
  json::array known;
  for (const std::string& version : branch.earlier) known.emplace_back(version);
  put_list(proof, "on_branches", std::move(known), 10);
  return {make("commit-not-on-branch", Severity::kMedium, "source",
               "commit " + branch.commit.substr(0, 12) + " (" + branch.named_by +
                   ") is on no branch of the repository; those of earlier releases are",
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
