#include "proxy/packages/package_judge.h"

#include "base/log.h"
#include "proxy/runtime/routes.h"

namespace npmgate {
namespace {

bool same_findings(const std::vector<Finding>& a, const std::vector<Finding>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i].id != b[i].id || a[i].digest() != b[i].digest()) return false;
  }
  return true;
}

}  // namespace

JudgeOptions PackageJudge::options_here(const PolicySnapshot& rules, JudgeOptions options) const {
  options.recent = deps_.config.recent;
  options.popular = popular_packages();
  options.feed = rules.feed;
  return options;
}

Judge PackageJudge::judge_half_known(const SnapshotPtr& snapshot,
                                     const PolicySnapshot& rules) const {
  return judge_with(snapshot, rules, options_here(rules));
}

Judge PackageJudge::judge_for(const SnapshotPtr& snapshot, const PolicySnapshot& rules,
                              const Audience& audience) {
  JudgeOptions options;
  options.approvals = rules.approvals_for(snapshot->name, audience);
  return judge(snapshot, rules, std::move(options));
}

Judge PackageJudge::judge(const SnapshotPtr& snapshot, const PolicySnapshot& rules,
                          JudgeOptions options) {
  options.sibling = [this](const Release& parent, const std::string& name,
                           const std::string& version) {
    return sibling_state(parent, name, version);
  };
  options.pinned = [this](const Release& release) { return cache_.parts().holds(release); };
  options.observed_only = collects_;
  return judge_with(snapshot, rules, options_here(rules, std::move(options)));
}

Judge PackageJudge::judge_with(const SnapshotPtr& snapshot, const PolicySnapshot& rules,
                               JudgeOptions options) const {
  const auto name = PackageName::parse(snapshot->name);
  const UpstreamConfig* upstream = name ? route(deps_.config, *name) : nullptr;
  const bool trusted = upstream != nullptr && !upstream->inspect;
  options.retry = [this, name = snapshot->name, now = deps_.clock.now()](std::string_view version) {
    return retries_.look(name, version, now);
  };
  return Judge(snapshot, trusted ? exact_waivers(rules.policy) : rules.policy,
               rules.of(snapshot->name), options, deps_.clock.now());
}

std::shared_ptr<const Policy> PackageJudge::exact_waivers(
    const std::shared_ptr<const Policy>& policy) const {
  const std::lock_guard lock(waivers_mutex_);
  if (waivers_of_ != policy) {
    auto waivers = std::make_shared<Policy>();
    for (const Waiver& waiver : policy->waivers) {
      if (waiver.exact) waivers->waivers.push_back(waiver);
    }
    waivers_of_ = policy;
    waivers_ = std::move(waivers);
  }
  return waivers_;
}

std::optional<SiblingState> PackageJudge::sibling_state(const Release& parent,
                                                        const std::string& name,
                                                        const std::string& version) {
  const auto parsed = PackageName::parse(name);
  const UpstreamConfig* upstream = parsed ? route(deps_.config, *parsed) : nullptr;
  const std::shared_ptr<const PolicySnapshot> rules = deps_.active_policy.rules();
  if (upstream == nullptr || !upstream->inspect || !rules) return std::nullopt;
  SnapshotPtr snapshot = cache_.in_memory(name);
  if (!snapshot) {
    auto kept = cache_.stored(*parsed);
    if (kept) snapshot = *kept;
  }
  const PackumentVersion* found =
      snapshot && snapshot->packument ? snapshot->packument->find(version) : nullptr;
  if (found == nullptr || !same_owner(parent, found->release)) return std::nullopt;
  JudgeOptions options;
  options.observed_only = collects_;
  Judge judge = judge_with(snapshot, *rules, options_here(*rules, options));
  const Judged* judged = judge.of(version);
  if (judged == nullptr) return std::nullopt;
  return SiblingState{judged->served(), judged->verdict.ends};
}

Result<SnapshotPtr> PackageJudge::record_rows(const SnapshotPtr& snapshot,
                                              const std::vector<std::string>& versions) {
  const std::shared_ptr<const PolicySnapshot> rules = deps_.active_policy.rules();
  Judge judge = this->judge(snapshot, *rules);
  for (const std::string& each : versions) {
    const Judged* judged = judge.of(each);
    if (judged == nullptr || !judged->evidence) continue;
    ReleaseRow row;
    row.name = snapshot->name;
    row.version = each;
    row.content_id = judged->subject.content_id;
    row.subject = judged->subject;
    row.findings = judged->findings;
    row.seen = judge.now();
    if (auto done = deps_.store.put_release_row(row); !done) return done.error();
  }
  return keep_comparisons(snapshot, judge, versions);
}

Result<bool> PackageJudge::rejudge(const SnapshotPtr& snapshot) {
  auto rows = deps_.store.releases_of(snapshot->name);
  if (!rows) return rows.error();
  Judge judge = this->judge(snapshot, *deps_.active_policy.rules());
  bool changed = false;
  std::vector<std::string> versions;
  for (ReleaseRow& row : *rows) {
    const Judged* judged = judge.of(row.version);
    if (judged == nullptr || judged->subject.content_id != row.content_id) continue;
    versions.push_back(row.version);
    if (same_findings(judged->findings, row.findings) &&
        judged->subject.age_start == row.subject.age_start)
      continue;
    row.subject = judged->subject;
    row.findings = judged->findings;
    if (auto done = deps_.store.put_release_row(row); !done) return done.error();
    changed = true;
  }
  if (auto kept = keep_comparisons(snapshot, judge, versions); !kept) return kept.error();
  return changed;
}

Result<SnapshotPtr> PackageJudge::keep_comparisons(const SnapshotPtr& snapshot, Judge& judge,
                                                   const std::vector<std::string>& versions) {
  std::map<std::string, KeptComparison, std::less<>> changed;
  for (const std::string& version : versions) {
    auto next = judge.comparison_of(version);
    if (!next) continue;
    auto done = deps_.store.put_observation(snapshot->name, comparison_key(version),
                                            comparison_to_text(*next));
    if (!done) return done.error();
    changed.emplace(version, std::move(*next));
  }
  if (changed.empty()) return snapshot;
  const auto add = [&](PackageSnapshot& next) {
    for (const auto& [version, comparison] : changed) next.comparisons[version] = comparison;
  };
  return cache_.update(snapshot, add);
}

// Whether a release that is pinned is judged and served as it was before: what is pinned is what
// the packument states, down to what no digest covers; it does not differ from its first sight, and
// its outside facts count already.
bool PackageJudge::is_as_judged(const PackageSnapshot& snapshot, const Pin& pin) const {
  const PackumentVersion* found =
      snapshot.packument ? snapshot.packument->find(pin.version) : nullptr;
  if (found == nullptr || found->raw != pin.raw_manifest) return false;
  const EvidencePtr evidence = current_evidence(snapshot, *found);
  if (!evidence || evidence->content_id() != pin.content_id || evidence->release != found->release)
    return false;
  const Time now = deps_.clock.now();
  const bool old = now - Ages(snapshot).age_start(*found, now) > deps_.config.recent;
  if (!old && collects_ && !snapshot.observations.contains(pin.version)) return false;
  const Dist& dist = found->release.dist;
  const std::string& stated = dist.integrity.empty() ? dist.shasum : dist.integrity;
  const auto seen = snapshot.record.versions.find(pin.version);
  return seen == snapshot.record.versions.end() || seen->second.integrity.empty() ||
         seen->second.integrity == stated;
}

Task<Result<SnapshotPtr>> PackageJudge::pin(SnapshotPtr snapshot, Pin wanted) {
  std::function<Result<Pin>()> write = [this, wanted]() -> Result<Pin> {
    auto pinned = deps_.store.pin(wanted);
    if (!pinned) return pinned;
    // Evidence of before a restore may lack its row; the pin is what counts.
    auto marked = deps_.store.mark_served(pinned->name, pinned->version, pinned->content_id);
    if (!marked && marked.error().code != Code::kNotFound) return marked.error();
    return pinned;
  };
  auto pinned = co_await deps_.pool.offload(std::move(write));
  if (!pinned) co_return pinned.error();
  auto add = [&pinned](PackageSnapshot& next) { next.pins[pinned->version] = *pinned; };
  co_return cache_.update(snapshot, add, is_as_judged(*snapshot, *pinned));
}

}  // namespace npmgate
