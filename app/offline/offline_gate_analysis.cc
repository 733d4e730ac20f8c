// One release analysed as the gate would, or as a person asks who wants to know what the policy
// makes of it.
#include "app/offline/offline_gate.h"

namespace npmgate {
namespace {

constexpr auto kInspectionLimit = std::chrono::minutes(10);
// Recent releases before the one asked for that are inspected to see whether they can be its
// baseline.
constexpr std::size_t kMaxCandidates = 3;

// The highest lower stable versions, highest first.
std::vector<std::string> candidates_for(const Packument& packument, const std::string& version) {
  std::vector<std::string> found;
  const PackumentVersion* self = packument.find(version);
  if (self == nullptr || !self->semver) return found;
  const auto& all = packument.versions();
  for (auto it = all.rbegin(); it != all.rend() && found.size() < kMaxCandidates; ++it) {
    if (it->refusal || !it->semver || it->semver->is_prerelease()) continue;
    if (*it->semver < *self->semver) found.push_back(it->version);
  }
  return found;
}

bool has_evidence(const PackageSnapshot& snapshot, const std::string& version) {
  const PackumentVersion* found = snapshot.packument->find(version);
  if (found == nullptr || !found->servable) return false;
  const auto evidence = current_evidence(snapshot, *found);
  return evidence && evidence->inspector == kInspectorVersion;
}

Result<std::string> version_of(const PackageSnapshot& snapshot, const std::string& wanted) {
  const auto& tags = snapshot.packument->dist_tags();
  const auto tag = tags.find(wanted);
  std::string version = tag != tags.end() ? tag->second : wanted;
  // A withdrawn release that was served once is judged by its pin.
  if (snapshot.packument->find(version) == nullptr && !snapshot.pins.contains(version))
    return fail(Code::kNotFound, Origin::kUpstream,
                Version::parse_loose(version) ? why_absent(snapshot, version)
                                              : snapshot.name + " has no dist-tag " + wanted);
  return version;
}

}  // namespace

std::unique_ptr<Judge> OfflineGate::judge_as(const SnapshotPtr& snapshot,
                                             const std::string& version,
                                             const AnalysisOptions& options) const {
  PolicySnapshot rules = *this->rules();
  JudgeOptions judging;
  if (options.as_published) {
    rules.policy = without_cooldown(*rules.policy);
    judging.as_published = version;
  }
  judging.approvals = rules.approvals_for(snapshot->name, options.audience);
  if (!options.baseline.empty()) judging.compare = {version, options.baseline};
  return std::make_unique<Judge>(packages_->judging.judge(snapshot, rules, judging));
}

// Inspects what the release is compared with, as the gate chooses it.
Task<Result<SnapshotPtr>> OfflineGate::with_baseline(SnapshotPtr snapshot, std::string version,
                                                     AnalysisOptions options) {
  std::string baseline = judge_as(snapshot, version, options)->baseline_of(version);
  for (const std::string& candidate : candidates_for(*snapshot->packument, version)) {
    if (!options.baseline.empty() || candidate == baseline) break;
    if (has_evidence(*snapshot, candidate)) continue;
    auto inspected =
        co_await packages_->tarballs.inspect_alone(snapshot, candidate, kInspectionLimit);
    if (!inspected) continue;
    snapshot = *inspected;
    baseline = judge_as(snapshot, version, options)->baseline_of(version);
  }
  if (!baseline.empty() && !has_evidence(*snapshot, baseline)) {
    auto inspected =
        co_await packages_->tarballs.inspect_alone(snapshot, baseline, kInspectionLimit);
    if (!inspected && !options.baseline.empty()) co_return inspected.error();
    if (inspected) snapshot = *inspected;
  }
  SnapshotPtr observed =
      co_await packages_->evidence.observe_with(*collector_, snapshot, version, baseline);
  // The last settled release, if that is another one.
  const auto judged = judge_as(observed, version, options);
  const Judged* release = judged->of(version);
  const std::vector<std::string> lacking =
      release != nullptr ? release->lacking : std::vector<std::string>();
  for (const std::string& other : lacking) {
    if (has_evidence(*observed, other)) continue;
    auto inspected = co_await packages_->tarballs.inspect_alone(observed, other, kInspectionLimit);
    if (inspected) observed = *inspected;
  }
  co_return co_await without_incomplete_baseline(observed, version, options);
}

// An incomplete upload is no baseline, and only the release before it shows that it is one: looked
// at if something would be held by the comparison.
Task<SnapshotPtr> OfflineGate::without_incomplete_baseline(SnapshotPtr snapshot,
                                                           std::string version,
                                                           AnalysisOptions options) {
  const auto judge = judge_as(snapshot, version, options);
  const Judged* release = judge->of(version);
  if (!options.baseline.empty() || release == nullptr || release->verdict.served() ||
      release->baseline.empty())
    co_return snapshot;
  const std::string before = judge->baseline_of(release->baseline);
  if (before.empty() || has_evidence(*snapshot, before)) co_return snapshot;
  auto inspected = co_await packages_->tarballs.inspect_alone(snapshot, before, kInspectionLimit);
  if (inspected) snapshot = *inspected;
  co_return snapshot;
}

Task<Result<std::shared_ptr<ReleaseAnalysis>>> OfflineGate::analyze(ReleaseSpec spec,
                                                                    AnalysisOptions options) {
  auto snapshot = co_await packument(*PackageName::parse(spec.name));
  if (!snapshot) co_return snapshot.error();
  SnapshotPtr current = *snapshot;
  const auto version = version_of(*current, spec.wanted);
  if (!version) co_return version.error();
  auto analysis = std::make_shared<ReleaseAnalysis>();
  analysis->name = spec.name;
  analysis->version = *version;
  const PackumentVersion* found = current->packument->find(*version);
  if (!options.baseline.empty() && current->packument->find(options.baseline) == nullptr)
    co_return fail(Code::kNotFound, Origin::kUpstream,
                   spec.name + " has no version " + options.baseline + " to compare with");
  if (found == nullptr || !found->servable) {
    // Nothing to inspect by: judged on what is known of it.
  } else if (!options.gather) {
    if (!current_evidence(*current, *found)) {
      auto inspected = co_await packages_->releases.inspect(current, *version, kInspectionLimit);
      if (!inspected) co_return inspected.error();
      current = *inspected;
    }
  } else {
    if (!has_evidence(*current, *version)) {
      auto inspected =
          co_await packages_->tarballs.inspect_alone(current, *version, kInspectionLimit);
      if (!inspected) co_return inspected.error();
      current = *inspected;
    }
    auto compared = co_await with_baseline(current, *version, options);
    if (!compared) co_return compared.error();
    current = *compared;
  }
  analysis->judge = judge_as(current, *version, options);
  analysis->judged = analysis->judge->for_asker(*version);
  if (analysis->judged == nullptr) {
    analysis->refusal = "its version is not semver";
    co_return analysis;
  }
  const Judged* before = analysis->judged->baseline.empty()
                             ? nullptr
                             : analysis->judge->of(analysis->judged->baseline);
  if (before != nullptr) analysis->baseline = before->release;
  co_return analysis;
}

}  // namespace npmgate
