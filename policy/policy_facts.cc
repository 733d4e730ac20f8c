#include "policy/policy_facts.h"

#include <algorithm>

namespace npmgate {
namespace {

// A wait without an end is over for nobody.
constexpr Millis kNever = std::chrono::hours{24 * 365 * 100};

bool asks_for_tree(const Condition& when) {
  const auto needs = [](const std::string& id) {
    const FindingKind* kind = find_kind(id);
    return kind != nullptr && kind->needs_baseline_tree;
  };
  return (when.kind == Condition::Kind::kFinding &&
          std::any_of(when.values.begin(), when.values.end(), needs)) ||
         std::any_of(when.children.begin(), when.children.end(),
                     [](const ConditionPtr& child) { return asks_for_tree(*child); });
}

Millis longest_age(const Condition& when) {
  Millis longest = when.kind == Condition::Kind::kYoungerThan ? when.duration : Millis(0);
  for (const ConditionPtr& child : when.children) longest = std::max(longest, longest_age(*child));
  return longest;
}

}  // namespace

bool asks_for_comparison(const Policy& policy) {
  return std::any_of(policy.rules.begin(), policy.rules.end(), [](const Rule& rule) {
    return rule.then >= Action::kQuarantine && asks_for_tree(*rule.when);
  });
}

Millis longest_hold(const Policy& policy) {
  Millis longest{};
  for (const Rule& rule : policy.rules) {
    if (rule.then >= Action::kQuarantine && !rule.monitor)
      longest = std::max(longest, longest_age(*rule.when));
  }
  return longest;
}

Millis settles_after(const Policy& policy) {
  constexpr Millis kLongest = std::chrono::hours{24 * 30};
  return std::min(longest_hold(policy), kLongest);
}

std::optional<Millis> sooner_after(const Policy& policy) {
  std::optional<Millis> longest;
  for (const Rule& rule : policy.rules) {
    if (!rule.fixes_sooner) continue;
    const Millis age = longest_age(*rule.when);
    longest = std::max(longest.value_or(Millis(0)), age > Millis(0) ? age : kNever);
  }
  return longest;
}

}  // namespace npmgate
