#include "judge/policy_prefilter.h"

#include <algorithm>
#include <array>

namespace npmgate {
namespace {

struct Known {
  const PackageSnapshot& snapshot;
  const PackumentVersion& version;
  Millis age;
};

// Findings that only a tarball can show.
constexpr std::array<std::string_view, 17> kNeedTarball = {"integrity-mismatch",
                                                           "archive-refused",
                                                           "package-json-refused",
                                                           "archive-over-limit",
                                                           "install-script-target-changed",
                                                           "native-binary-added",
                                                           "implicit-install-added",
                                                           "bundled-install-script-added",
                                                           "obfuscated-code-added",
                                                           "network-endpoint-added",
                                                           "sensitive-access-added",
                                                           "manifest-mismatch",
                                                           "evidence-unavailable",
                                                           "install-script-unresolved",
                                                           "bundled-package-changed",
                                                           "file-not-in-source",
                                                           "install-script-suspicious"};

bool can_show(const std::string& finding, const Known& known) {
  if (finding == "install-script-suspicious")
    return !known.version.release.manifest.scripts.empty();
  if (std::find(kNeedTarball.begin(), kNeedTarball.end(), finding) != kNeedTarball.end())
    return false;
  if (finding == "release-withdrawn") {
    const auto seen = known.snapshot.record.versions.find(known.version.version);
    return seen != known.snapshot.record.versions.end() && seen->second.withdrawn.has_value();
  }
  const auto observed = known.snapshot.observations.find(known.version.version);
  const bool none = observed == known.snapshot.observations.end();
  // Releases that a feed names never come here.
  if (finding == "known-malware") return false;
  if (finding == "signature-invalid") return !none && observed->second.signature_valid.has_value();
  if (finding == "missing-git-tag" || finding == "git-tag-mismatch")
    return !none && observed->second.tag.has_value();
  if (finding == "commit-not-on-branch") return !none && observed->second.branch.has_value();
  if (finding == "provenance-invalid") {
    if (none) return false;
    const auto read = observed->second.provenance.find(known.version.version);
    return read != observed->second.provenance.end() && !read->second.invalid.empty();
  }
  if (finding == "fresh-dependency") return !none && !observed->second.dependency_ages.empty();
  return true;
}

bool may_match(const Condition& condition, const Known& known) {
  const auto child = [&](const ConditionPtr& c) { return may_match(*c, known); };
  switch (condition.kind) {
    case Condition::Kind::kAll:
      return std::all_of(condition.children.begin(), condition.children.end(), child);
    case Condition::Kind::kAny:
      return std::any_of(condition.children.begin(), condition.children.end(), child);
    case Condition::Kind::kFinding:
      return std::any_of(condition.values.begin(), condition.values.end(),
                         [&](const std::string& id) { return can_show(id, known); });
    case Condition::Kind::kYoungerThan:
      return known.age < condition.duration;
    case Condition::Kind::kOlderThan:
      return known.age >= condition.duration;
    default:
      return true;
  }
}

// The floor's rule that a packument beside an earlier one can break.
bool republished(const Known& known) {
  const auto seen = known.snapshot.record.versions.find(known.version.version);
  if (seen == known.snapshot.record.versions.end() || seen->second.integrity.empty()) return false;
  const Dist& dist = known.version.release.dist;
  return seen->second.integrity != dist.integrity && seen->second.integrity != dist.shasum;
}

}  // namespace

bool policy_can_reach(const Policy& policy, const PackageSnapshot& snapshot,
                      const PackumentVersion& version, Millis age) {
  const Known known{snapshot, version, age};
  if (version.refusal || republished(known)) return true;
  return std::any_of(policy.rules.begin(), policy.rules.end(), [&](const Rule& rule) {
    const bool matters =
        rule.then >= Action::kQuarantine || rule.tell_clients || policy.tell_clients;
    return matters && may_match(*rule.when, known);
  });
}

}  // namespace npmgate
