// What a release is compared with: the tarballs that takes, asked for with its inspection and again
// until they are there, and the rows that hold the outcome.
#include "proxy/packages/packages.h"

namespace npmgate {
namespace {

// How often what waits is looked through.
constexpr auto kTick = std::chrono::seconds(1);
constexpr auto kRetryLimit = std::chrono::minutes(6);
// Packuments of exactly pinned dependencies that are asked for with one release. A release with
// more parts than this is not waited for in whole.
constexpr int kMaxSiblings = 100;
constexpr Millis kSiblingLimit = std::chrono::seconds(5);

std::string reason_of(const Error& error, const std::string& baseline) {
  return "the tarball of " + baseline + " could not be had: " + error.context;
}

}  // namespace

Packages::Plan Packages::plan_comparison(const SnapshotPtr& snapshot,
                                         const std::string& version) const {
  Judge judge = judge_half_known(snapshot, *deps_.active_policy.rules());
  const Judged* judged = judge.of(version);
  Plan plan;
  if (judged == nullptr || !judged->evidence) return plan;
  plan.inspected = true;
  plan.recent = judged->recent;
  plan.baseline = judged->baseline;
  // Old releases are compared on what is known: their baseline's tarball would be fetched for
  // nobody's sake.
  if (!plan.recent) return plan;
  plan.needed = judged->lacking;
  if (const std::string earlier = judge.may_restore(*judged); !earlier.empty())
    plan.useful.push_back(earlier);
  return plan;
}

Task<SnapshotPtr> Packages::fetch_for_comparison(SnapshotPtr snapshot, std::string version,
                                                 Plan plan, bool& fetched) {
  SnapshotPtr current = snapshot;
  std::string trouble;
  for (const auto* list : {&plan.needed, &plan.useful}) {
    for (const std::string& other : *list) {
      auto inspected = co_await inspect_joined(current, other);
      if (inspected) {
        current = *inspected;
        fetched = true;
        continue;
      }
      if (list == &plan.needed) trouble = reason_of(inspected.error(), other);
      log::warn("comparison", "a tarball that a comparison needs could not be had",
                {{"release", current->name + "@" + version},
                 {"baseline", other},
                 {"error", to_string(inspected.error())}});
    }
  }
  if (trouble.empty()) {
    retries_.ended(current->name, version);
    co_return current;
  }
  deps_.metrics.add("npm_gate_comparisons_failed_total");
  const auto name = PackageName::parse(current->name);
  retries_.failed(current->name, version, route(*name)->name, trouble, deps_.clock.now());
  auto executor = co_await net::this_coro::executor;
  compare_behind(executor);
  // What is said about the release has changed.
  const auto touch = [](PackageSnapshot&) {};
  co_return update(current, touch);
}

Task<Result<SnapshotPtr>> Packages::inspect_with_baseline(SnapshotPtr snapshot,
                                                          std::string version) {
  SnapshotPtr current = snapshot;
  const PackumentVersion* found = current->packument->find(version);
  const EvidencePtr known = found != nullptr ? current_evidence(*current, *found) : nullptr;
  const bool done_before = known && !due_again(*known, deps_.clock.now());
  if (!done_before) {
    auto inspected = co_await inspect_joined(current, version);
    if (!inspected) co_return inspected;
    current = *inspected;
  }
  std::function<Result<Plan>()> look = [this, current, version]() -> Result<Plan> {
    return plan_comparison(current, version);
  };
  auto plan = co_await deps_.pool.offload(std::move(look));
  if (!plan) co_return plan.error();
  if (plan->recent) {
    if (const PackumentVersion* parent = current->packument->find(version))
      parts_.note(parent->release);
    co_await fetch_siblings(current, version);
  }
  bool fetched = false;
  Plan wanted = *plan;
  current = co_await fetch_for_comparison(current, version, std::move(wanted), fetched);
  const bool asked = done_before && !fetched && current->observations.contains(version);
  if (plan->recent && collector_ != nullptr && !asked) {
    auto observed = co_await observe_now(current, version, plan->baseline);
    if (!observed) co_return observed;
    current = *observed;
  }
  // The baseline is inspected too by now and can be served without another inspection: it needs a
  // row as well.
  std::function<Result<SnapshotPtr>()> record =
      [this, current, version, baseline = plan->baseline]() -> Result<SnapshotPtr> {
    std::vector<std::string> versions{version};
    if (!baseline.empty()) versions.push_back(baseline);
    return record_rows(current, versions);
  };
  auto recorded = co_await deps_.pool.offload(std::move(record));
  if (!recorded) co_return recorded.error();
  if (told_) told_(current->name);
  co_return *recorded;
}

std::optional<SiblingState> Packages::sibling_state(const Release& parent, const std::string& name,
                                                    const std::string& version) {
  const auto parsed = PackageName::parse(name);
  const UpstreamConfig* upstream = parsed ? route(*parsed) : nullptr;
  const std::shared_ptr<const PolicySnapshot> rules = deps_.active_policy.rules();
  if (upstream == nullptr || !upstream->inspect || !rules) return std::nullopt;
  SnapshotPtr snapshot = in_memory(name);
  if (!snapshot) {
    auto kept = stored(*parsed);
    if (kept) snapshot = *kept;
  }
  const PackumentVersion* found =
      snapshot && snapshot->packument ? snapshot->packument->find(version) : nullptr;
  if (found == nullptr || !same_owner(parent, found->release)) return std::nullopt;
  JudgeOptions options;
  options.observed_only = collector_ != nullptr;
  options.recent = deps_.config.recent;
  options.popular = popular_packages();
  options.feed = rules->feed;
  Judge judge = judge_with(snapshot, *rules, options);
  const Judged* judged = judge.of(version);
  if (judged == nullptr) return std::nullopt;
  return SiblingState{judged->served(), judged->verdict.ends};
}

Task<void> Packages::fetch_siblings(SnapshotPtr snapshot, std::string version) {
  const PackumentVersion* found = snapshot->packument->find(version);
  if (found == nullptr) co_return;
  auto executor = co_await net::this_coro::executor;
  int asked = 0;
  for (const StringMap* pins :
       {&found->release.manifest.dependencies, &found->release.manifest.optional_dependencies}) {
    for (const auto& [dependency, range_text] : *pins) {
      const auto range = Range::parse(range_text);
      const auto name = PackageName::parse(dependency);
      if (!range || !range->exact() || !name || dependency == snapshot->name) continue;
      if (++asked > kMaxSiblings) co_return;
      const std::string wanted = range->exact()->str();
      auto sibling = co_await get(*name, false, kSiblingLimit);
      // Published a moment later than what is kept here was fetched.
      if (sibling && (*sibling)->packument->find(wanted) == nullptr &&
          deps_.clock.now() - (*sibling)->fetched > Millis(2000))
        sibling = co_await get(*name, true, kSiblingLimit);
      if (!sibling) continue;
      const PackumentVersion* pinned = (*sibling)->packument->find(wanted);
      if (pinned != nullptr && same_owner(found->release, pinned->release))
        inspect_later(*sibling, executor);
    }
  }
}

Result<SnapshotPtr> Packages::record_rows(const SnapshotPtr& snapshot,
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

Result<SnapshotPtr> Packages::keep_comparisons(const SnapshotPtr& snapshot, Judge& judge,
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
  return update(snapshot, add);
}

void Packages::compare_behind(net::any_io_executor executor) {
  if (comparing_.exchange(true)) return;
  spawn_detached(executor, "comparisons", [this] { return compare_again(); });
}

Task<void> Packages::compare_again() {
  struct Done {
    std::atomic<bool>& running;
    explicit Done(std::atomic<bool>& r) : running(r) {}
    ~Done() { running = false; }
  } done(comparing_);
  net::steady_timer tick(co_await net::this_coro::executor);
  while (!retries_.empty()) {
    tick.expires_after(kTick);
    auto [error] = co_await tick.async_wait(kTuple);
    if (error) co_return;
    const auto due = retries_.due(deps_.clock.now());
    for (const ComparisonRetries::Waiting& each : due) {
      const auto name = PackageName::parse(each.name);
      auto snapshot = co_await kept(*name);
      const bool listed =
          snapshot && *snapshot && (*snapshot)->packument->find(each.version) != nullptr;
      // Taken out first: what still fails puts itself back.
      if (!listed) {
        retries_.ended(each.name, each.version);
        continue;
      }
      deps_.metrics.add("npm_gate_comparisons_retried_total");
      SnapshotPtr current = *snapshot;
      auto tried = co_await inspect(std::move(current), each.version, kRetryLimit);
      if (!tried)
        retries_.failed(each.name, each.version, (*snapshot)->upstream, to_string(tried.error()),
                        deps_.clock.now());
    }
  }
}

}  // namespace npmgate
