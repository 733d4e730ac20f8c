#include "proxy/packages/external_evidence_refresh.h"

#include "base/log.h"

namespace npmgate {
namespace {

// Releases of one package whose outside facts are asked for again in one round.
constexpr std::size_t kObservedPerRound = 4;

}  // namespace

Task<Result<SnapshotPtr>> ExternalEvidenceRefresh::observe(SnapshotPtr snapshot,
                                                           std::string version,
                                                           std::string baseline) {
  ExternalEvidence observed = co_await collector_->observe(snapshot, version, baseline);
  std::function<Result<bool>()> write = [this, snapshot, version, observed]() -> Result<bool> {
    auto done =
        deps_.store.put_observation(snapshot->name, version, observations_to_text(observed));
    if (!done) return done.error();
    return true;
  };
  auto written = co_await deps_.pool.offload(std::move(write));
  if (!written) co_return written.error();
  const auto before = snapshot->observations.find(version);
  const bool same = before != snapshot->observations.end() && same_facts(before->second, observed);
  auto add = [&](PackageSnapshot& next) { next.observations[version] = observed; };
  co_return cache_.update(snapshot, add, same);
}

Task<SnapshotPtr> ExternalEvidenceRefresh::observe_again(SnapshotPtr snapshot, std::string version,
                                                         std::string baseline) {
  if (collector_ == nullptr) co_return snapshot;
  auto observed = co_await observe(snapshot, std::move(version), std::move(baseline));
  if (!observed) log::error("observation", to_string(observed.error()));
  co_return observed ? *observed : snapshot;
}

Task<SnapshotPtr> ExternalEvidenceRefresh::observe_with(ExternalEvidenceCollector& collector,
                                                        SnapshotPtr snapshot, std::string version,
                                                        std::string baseline) {
  ExternalEvidence observed = co_await collector.observe(snapshot, version, baseline);
  auto add = [&](PackageSnapshot& next) { next.observations[version] = observed; };
  co_return cache_.update(snapshot, add);
}

void ExternalEvidenceRefresh::observe_behind(PackageName name, net::any_io_executor executor) {
  {
    const std::lock_guard lock(mutex_);
    if (!observing_.insert(name.str()).second) return;
  }
  auto body = [this, name]() -> Task<void> {
    struct Done {
      ExternalEvidenceRefresh& refresh;
      const std::string name;
      Done(ExternalEvidenceRefresh& r, std::string n) : refresh(r), name(std::move(n)) {}
      ~Done() {
        const std::lock_guard lock(refresh.mutex_);
        refresh.observing_.erase(name);
      }
    } done(*this, name.str());
    auto snapshot = co_await cache_.kept(name);
    if (snapshot && *snapshot) co_await observe_due(*snapshot);
  };
  spawn_detached(executor, "observation of " + name.str(), std::move(body));
}

Task<void> ExternalEvidenceRefresh::observe_due(SnapshotPtr snapshot) {
  using Due = std::vector<std::pair<std::string, std::string>>;  // version, baseline
  std::function<Result<Due>()> list = [this, snapshot]() -> Result<Due> {
    const std::shared_ptr<const PolicySnapshot> rules = deps_.active_policy.rules();
    Judge judge = judging_.judge(snapshot, *rules);
    const Ages ages(*snapshot);
    Due due;
    const auto& versions = snapshot->packument->versions();
    for (auto it = versions.rbegin(); it != versions.rend() && due.size() < kObservedPerRound;
         ++it) {
      const auto observed = snapshot->observations.find(it->version);
      if (observed == snapshot->observations.end()) continue;
      const auto at = ask_again_at(observed->second, it->release, ages.age_start(*it, judge.now()),
                                   deps_.config.recent, deps_.config.git_cache);
      if (at && *at <= judge.now()) due.emplace_back(it->version, judge.baseline_of(it->version));
    }
    return due;
  };
  auto due = co_await deps_.pool.offload(std::move(list));
  if (!due) co_return;
  SnapshotPtr current = snapshot;
  for (const auto& [version, baseline] : *due) {
    auto observed = co_await observe(current, version, baseline);
    if (!observed) co_return;
    const bool changed = (*observed)->revision != current->revision;
    current = *observed;
    if (!changed) continue;
    std::function<Result<SnapshotPtr>()> record = [this, current, version = version] {
      return judging_.record_rows(current, {version});
    };
    auto recorded = co_await deps_.pool.offload(std::move(record));
    if (recorded) current = *recorded;
  }
}

}  // namespace npmgate
