#include "app/offline/release_analysis.h"

#include <algorithm>

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

GitOptions git_options(const Config& config) {
  GitOptions options;
  options.hosts = config.git_hosts;
  options.private_hosts = config.git_private_hosts;
  options.ca_file = config.git_ca;
  options.timeout = config.git_timeout;
  options.cache = config.git_cache;
  return options;
}

std::optional<ReleaseSpec> parse_release_spec(const std::string& text) {
  const std::size_t at = text.rfind('@');
  ReleaseSpec spec;
  spec.name = text;
  if (at != std::string::npos && at != 0) {
    spec.name = text.substr(0, at);
    spec.wanted = text.substr(at + 1);
  }
  if (!PackageName::parse(spec.name) || spec.wanted.empty()) return std::nullopt;
  return spec;
}

std::shared_ptr<const Policy> without_cooldown(const Policy& policy) {
  auto copy = std::make_shared<Policy>(policy);
  std::erase_if(copy->rules, [](const Rule& rule) { return rule.cooldown; });
  return copy;
}

ReportInput ReleaseAnalysis::report() const {
  ReportInput input;
  input.judged = judged;
  input.baseline = baseline;
  const auto& observations = judge->snapshot().observations;
  if (const auto it = observations.find(version); it != observations.end())
    input.observed = &it->second;
  input.now = judge->now();
  return input;
}

Workbench::Workbench(std::unique_ptr<OfflineGate> bench)
    : bench_(std::move(bench)),
      tags_(git_options(bench_->config()), bench_->client(), bench_->clock()),
      collector_(tags_, bench_->client(), bench_->store(), bench_->pool(), bench_->clock(),
                 bench_->trust()) {
  collector_.attach(bench_->packages());
}

Result<std::unique_ptr<Workbench>> Workbench::open(Config config, const std::string& policy) {
  auto bench = OfflineGate::open(std::move(config), policy);
  if (!bench) return bench.error();
  return std::unique_ptr<Workbench>(new Workbench(std::move(*bench)));
}

std::unique_ptr<Judge> Workbench::judge(const SnapshotPtr& snapshot, const std::string& version,
                                        const AnalysisOptions& options) const {
  PolicySnapshot rules = *bench_->rules();
  JudgeOptions judging;
  if (options.as_published) {
    rules.policy = without_cooldown(*rules.policy);
    judging.as_published = version;
  }
  if (!options.baseline.empty()) judging.compare = {version, options.baseline};
  return std::make_unique<Judge>(bench_->packages().judge(snapshot, rules, judging));
}

// Inspects what the release is compared with, as the gate chooses it.
Task<Result<SnapshotPtr>> Workbench::with_baseline(SnapshotPtr snapshot, std::string version,
                                                   AnalysisOptions options) {
  std::string baseline = judge(snapshot, version, options)->baseline_of(version);
  for (const std::string& candidate : candidates_for(*snapshot->packument, version)) {
    if (!options.baseline.empty() || candidate == baseline) break;
    if (has_evidence(*snapshot, candidate)) continue;
    auto inspected =
        co_await bench_->packages().inspect_alone(snapshot, candidate, kInspectionLimit);
    if (!inspected) continue;
    snapshot = *inspected;
    baseline = judge(snapshot, version, options)->baseline_of(version);
  }
  if (!baseline.empty() && !has_evidence(*snapshot, baseline)) {
    auto inspected =
        co_await bench_->packages().inspect_alone(snapshot, baseline, kInspectionLimit);
    if (!inspected && !options.baseline.empty()) co_return inspected.error();
    if (inspected) snapshot = *inspected;
  }
  SnapshotPtr observed =
      co_await bench_->packages().observe(collector_, snapshot, version, baseline);
  // The last settled release, where that is another one.
  const auto judged = judge(observed, version, options);
  const Judged* release = judged->of(version);
  const std::vector<std::string> lacking =
      release != nullptr ? release->lacking : std::vector<std::string>();
  for (const std::string& other : lacking) {
    if (has_evidence(*observed, other)) continue;
    auto inspected = co_await bench_->packages().inspect_alone(observed, other, kInspectionLimit);
    if (inspected) observed = *inspected;
  }
  co_return observed;
}

Task<Result<std::shared_ptr<ReleaseAnalysis>>> Workbench::study(ReleaseSpec spec,
                                                                AnalysisOptions options) {
  auto snapshot = co_await bench_->packument(*PackageName::parse(spec.name));
  if (!snapshot) co_return snapshot.error();
  SnapshotPtr current = *snapshot;
  const auto version = version_of(*current, spec.wanted);
  if (!version) co_return version.error();
  auto study = std::make_shared<ReleaseAnalysis>();
  study->name = spec.name;
  study->version = *version;
  const PackumentVersion* found = current->packument->find(*version);
  if (!options.baseline.empty() && current->packument->find(options.baseline) == nullptr)
    co_return fail(Code::kNotFound, Origin::kUpstream,
                   spec.name + " has no version " + options.baseline + " to compare with");
  if (found == nullptr || !found->servable) {
    // Nothing to inspect by: judged on what is known of it.
  } else if (!options.gather) {
    if (!current_evidence(*current, *found)) {
      auto inspected = co_await bench_->packages().inspect(current, *version, kInspectionLimit);
      if (!inspected) co_return inspected.error();
      current = *inspected;
    }
  } else {
    if (!has_evidence(*current, *version)) {
      auto inspected =
          co_await bench_->packages().inspect_alone(current, *version, kInspectionLimit);
      if (!inspected) co_return inspected.error();
      current = *inspected;
    }
    auto compared = co_await with_baseline(current, *version, options);
    if (!compared) co_return compared.error();
    current = *compared;
  }
  study->judge = judge(current, *version, options);
  study->judged = study->judge->of(*version);
  if (study->judged == nullptr) {
    study->refusal = "its version is not semver";
    co_return study;
  }
  const Judged* before =
      study->judged->baseline.empty() ? nullptr : study->judge->of(study->judged->baseline);
  if (before != nullptr) study->baseline = before->release;
  co_return study;
}

}  // namespace npmgate
