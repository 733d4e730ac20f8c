#include "proxy/packages/release_inspection.h"

#include <optional>

#include "base/log.h"
#include "base/metrics.h"
#include "judge/exact_pin.h"
#include "proxy/runtime/routes.h"

namespace npmgate {
namespace {

// How often what waits is looked through.
constexpr auto kTick = std::chrono::seconds(1);
constexpr auto kRetryLimit = std::chrono::minutes(6);
// Packuments of exactly pinned dependencies that are asked for with one release. A release with
// more parts than this is not waited for in whole.
constexpr int kMaxSiblings = 100;
constexpr Millis kSiblingLimit = std::chrono::seconds(5);

// Background inspections of one package per look and in flight over all packages: they must not
// crowd out what clients wait for.
constexpr std::size_t kBackgroundPerPackage = 8;
constexpr int kBackgroundInFlight = 2;
constexpr auto kBackgroundPause = std::chrono::milliseconds(50);  // while a client waits

// Was counted, and is no longer once this ends.
struct Counted {
  std::atomic<int>& count;
  explicit Counted(std::atomic<int>& c) : count(c) {}
  ~Counted() { count.fetch_sub(1); }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
};

std::string reason_of(const Error& error, const std::string& baseline) {
  return "the tarball of " + baseline + " was not available: " + error.context;
}

// Whether the release was compared with its source and its baseline could not be, since nothing
// else needed that one's tarball: what differs says something beside the baseline's habit only.
bool wants_baseline_source(const PackageSnapshot& snapshot, const std::string& version,
                           const std::string& baseline) {
  const auto observed = snapshot.observations.find(version);
  if (baseline.empty() || observed == snapshot.observations.end()) return false;
  const SourceEvidences& sources = observed->second.sources;
  const auto own = sources.find(version);
  if (own == sources.end() || own->second.state != SourceEvidence::State::kCompared ||
      sources.contains(baseline))
    return false;
  const PackumentVersion* before = snapshot.packument->find(baseline);
  return before != nullptr && !current_evidence(snapshot, *before);
}

}  // namespace

Task<Result<SnapshotPtr>> ReleaseInspection::inspect(SnapshotPtr snapshot, std::string version,
                                                     Millis limit) {
  if (auto error = tarballs_.remembered(*snapshot, version)) {
    const PackumentVersion* found =
        snapshot->packument ? snapshot->packument->find(version) : nullptr;
    // What came is known; it is not yet time to fetch it again.
    if (found != nullptr && current_evidence(*snapshot, *found)) co_return snapshot;
    co_return std::move(*error);
  }
  const std::string key = snapshot->name + "@" + version + "#" +
                          std::to_string(snapshot->packument ? snapshot->packument->bytes() : 0);
  // What is behind everything else asks for longer than any client waits.
  const bool client = limit <= deps_.config.inspection_timeout;
  std::optional<Counted> waiting;
  if (client) {
    waiting_.fetch_add(1);
    waiting.emplace(waiting_);
  }
  SingleFlight<Result<SnapshotPtr>>::Work work = [this, snapshot, version] {
    return inspect_with_baseline(snapshot, version);
  };
  auto done = co_await inspections_.join(key, std::move(work), limit);
  if (!done)
    co_return fail(Code::kTimeout, Origin::kSelf,
                   "the inspection of " + snapshot->name + "@" + version +
                       " has not ended yet; try again shortly",
                   true);
  co_return std::move(*done);
}

ReleaseInspection::Plan ReleaseInspection::plan_comparison(const SnapshotPtr& snapshot,
                                                           const std::string& version) const {
  Judge judge = judging_.judge_half_known(snapshot, *deps_.active_policy.rules());
  const Judged* judged = judge.of(version);
  Plan plan;
  if (judged == nullptr || !judged->evidence) return plan;
  plan.inspected = true;
  plan.recent = judged->recent;
  plan.baseline = judged->baseline;
  // Old releases are compared on what is known: no client waits for their baseline's tarball.
  if (!plan.recent) return plan;
  plan.needed = judged->lacking;
  if (const std::string earlier = judge.may_restore(*judged); !earlier.empty())
    plan.useful.push_back(earlier);
  return plan;
}

Task<SnapshotPtr> ReleaseInspection::fetch_for_comparison(SnapshotPtr snapshot, std::string version,
                                                          Plan plan, bool& fetched) {
  SnapshotPtr current = snapshot;
  std::string trouble;
  for (const auto* list : {&plan.needed, &plan.useful}) {
    for (const std::string& other : *list) {
      auto inspected = co_await tarballs_.inspect(current, other);
      if (inspected) {
        current = *inspected;
        fetched = true;
        continue;
      }
      if (list == &plan.needed) trouble = reason_of(inspected.error(), other);
      log::warn("comparison", "a tarball that a comparison needs was not available",
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
  retries_.failed(current->name, version, route(deps_.config, *name)->name, trouble,
                  deps_.clock.now());
  auto executor = co_await net::this_coro::executor;
  compare_behind(executor);
  // What is said about the release has changed.
  const auto touch = [](PackageSnapshot&) {};
  co_return cache_.update(current, touch);
}

Task<Result<SnapshotPtr>> ReleaseInspection::inspect_with_baseline(SnapshotPtr snapshot,
                                                                   std::string version) {
  SnapshotPtr current = snapshot;
  const PackumentVersion* found = current->packument->find(version);
  const EvidencePtr known = found != nullptr ? current_evidence(*current, *found) : nullptr;
  const bool done_before = known && !due_again(*known, deps_.clock.now());
  if (!done_before) {
    auto inspected = co_await tarballs_.inspect(current, version);
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
      cache_.parts().note(parent->release);
    co_await fetch_siblings(current, version);
  }
  bool fetched = false;
  Plan wanted = *plan;
  current = co_await fetch_for_comparison(current, version, std::move(wanted), fetched);
  const bool asked = done_before && !fetched && current->observations.contains(version);
  if (plan->recent && evidence_.asks() && !asked) {
    auto observed = co_await evidence_.observe(current, version, plan->baseline);
    if (!observed) co_return observed;
    current = *observed;
    if (wants_baseline_source(*current, version, plan->baseline)) {
      auto before = co_await tarballs_.inspect(current, plan->baseline);
      if (before) {
        current = *before;
        auto again = co_await evidence_.observe(current, version, plan->baseline);
        if (!again) co_return again;
        current = *again;
      }
    }
  }
  // The baseline is inspected too by now and can be served without another inspection: it needs a
  // row as well.
  std::function<Result<SnapshotPtr>()> record =
      [this, current, version, baseline = plan->baseline]() -> Result<SnapshotPtr> {
    std::vector<std::string> versions{version};
    if (!baseline.empty()) versions.push_back(baseline);
    return judging_.record_rows(current, versions);
  };
  auto recorded = co_await deps_.pool.offload(std::move(record));
  if (!recorded) co_return recorded.error();
  judging_.tell(current->name);
  co_return *recorded;
}

Task<void> ReleaseInspection::fetch_siblings(SnapshotPtr snapshot, std::string version) {
  const PackumentVersion* found = snapshot->packument->find(version);
  if (found == nullptr) co_return;
  auto executor = co_await net::this_coro::executor;
  int asked = 0;
  for (const ExactPin& pin : exact_pins(found->release.manifest)) {
    const auto name = PackageName::parse(pin.name);
    if (!name || pin.name == snapshot->name) continue;
    if (++asked > kMaxSiblings) co_return;
    auto sibling = co_await packuments_.get(*name, false, kSiblingLimit);
    // Published a moment later than what is kept here was fetched.
    if (sibling && (*sibling)->packument->find(pin.version) == nullptr &&
        deps_.clock.now() - (*sibling)->fetched > Millis(2000))
      sibling = co_await packuments_.get(*name, true, kSiblingLimit);
    if (!sibling) continue;
    const PackumentVersion* pinned = (*sibling)->packument->find(pin.version);
    if (pinned != nullptr && same_owner(found->release, pinned->release))
      inspect_later(*sibling, executor);
  }
}

void ReleaseInspection::inspect_later(SnapshotPtr snapshot, net::any_io_executor executor) {
  if (background_.fetch_add(1) >= kBackgroundInFlight) {
    background_.fetch_sub(1);
    return;
  }
  auto body = [this, snapshot]() -> Task<void> {
    const Counted done(background_);
    const std::shared_ptr<const PolicySnapshot> rules = deps_.active_policy.rules();
    std::function<Result<std::vector<std::string>>()> list =
        [this, snapshot, rules]() -> Result<std::vector<std::string>> {
      return judging_.judge(snapshot, *rules).background_work();
    };
    auto work = co_await deps_.pool.offload(std::move(list));
    if (!work) co_return;
    SnapshotPtr current = snapshot;
    net::steady_timer pause(co_await net::this_coro::executor);
    for (std::size_t i = 0; i < work->size() && i < kBackgroundPerPackage; ++i) {
      while (waiting_ > 0) {
        pause.expires_after(kBackgroundPause);
        auto [error] = co_await pause.async_wait(kTuple);
        if (error) co_return;
      }
      auto next = co_await inspect(current, (*work)[i], std::chrono::minutes(6));
      if (next) current = *next;
    }
  };
  spawn_detached(executor, "background inspection of " + snapshot->name, std::move(body));
}

void ReleaseInspection::compare_behind(net::any_io_executor executor) {
  if (comparing_.exchange(true)) return;
  spawn_detached(executor, "comparisons", [this] { return compare_again(); });
}

Task<void> ReleaseInspection::compare_again() {
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
      auto snapshot = co_await cache_.kept(*name);
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
