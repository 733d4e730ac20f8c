#include "judge/active_policy.h"

#include <utility>

#include "base/log.h"

namespace npmgate {

std::vector<Decision> PolicySnapshot::of(std::string_view name) const {
  std::vector<Decision> mine;
  for (const Decision& decision : decisions) {
    if (decision.name == name) mine.push_back(decision);
  }
  return mine;
}

std::vector<Problem> ActivePolicy::problems() const {
  const std::lock_guard lock(mutex_);
  return problems_;
}

void ActivePolicy::swap(std::shared_ptr<PolicySnapshot> next) {
  const std::lock_guard lock(mutex_);
  next->revision = revision_.load() + 1;
  next->feed = feed_;
  rules_ = std::move(next);
  revision_.store(rules_->revision, std::memory_order_release);
}

void ActivePolicy::set_feed(std::shared_ptr<const Feed> feed) {
  const std::lock_guard lock(mutex_);
  feed_ = std::move(feed);
  if (!rules_) return;
  auto next = std::make_shared<PolicySnapshot>(*rules_);
  next->revision = revision_.load() + 1;
  next->feed = feed_;
  rules_ = std::move(next);
  revision_.store(rules_->revision, std::memory_order_release);
}

std::vector<std::string> ActivePolicy::watched() const {
  const std::lock_guard lock(mutex_);
  return files_;
}

Result<ActivePolicy::Loaded> ActivePolicy::load() {
  const std::lock_guard turn(loading_);
  auto decisions = store_.decisions();
  if (!decisions) return decisions.error();
  PolicyResult loaded;
  if (file_.empty()) {
    loaded.policy = default_policy(clock_.now());
  } else {
    loaded = load_policy_file(file_, disk_reader(), clock_.now());
  }
  std::vector<Problem> before;
  {
    const std::lock_guard lock(mutex_);
    files_ = std::move(loaded.files);
    before = std::exchange(problems_, loaded.problems);
  }
  if (!loaded.policy) {
    metrics_.add("npm_gate_policy_loads_total", R"(result="refused")");
    const std::string first = loaded.problems.empty() ? file_ : loaded.problems.front().str();
    if (rules() && before == loaded.problems) return Loaded::kRepeated;
    for (const Problem& problem : loaded.problems) log::error("policy-refused", problem.str());
    return fail(Code::kMalformed, Origin::kPolicy, first);
  }
  const std::shared_ptr<const PolicySnapshot> old = rules();
  if (old && old->policy->hash == loaded.policy->hash && old->decisions == *decisions) {
    metrics_.add("npm_gate_policy_loads_total", R"(result="unchanged")");
    // A mistake that was taken back is news.
    return before.empty() ? Loaded::kUnchanged : Loaded::kSwapped;
  }
  for (const Problem& warning : loaded.policy->warnings) log::warn("policy", warning.str());
  metrics_.add("npm_gate_policy_loads_total", R"(result="loaded")");
  auto next = std::make_shared<PolicySnapshot>();
  next->policy = loaded.policy;
  next->decisions = std::move(*decisions);
  swap(std::move(next));
  return Loaded::kSwapped;
}

Result<void> ActivePolicy::reload_decisions() {
  const std::lock_guard turn(loading_);
  auto decisions = store_.decisions();
  if (!decisions) return decisions.error();
  auto next = std::make_shared<PolicySnapshot>();
  next->policy = rules()->policy;
  next->decisions = std::move(*decisions);
  swap(std::move(next));
  return {};
}

}  // namespace npmgate
