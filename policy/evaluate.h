// Conditions over time. Internal to policy/.
#pragma once

#include <optional>

#include "policy/decide.h"

namespace npmgate {

// Whether a condition holds at an instant, and the earliest later instant at which that may change
// (none: never again).
struct ConditionValue {
  bool value = false;
  std::optional<Time> next;
};

ConditionValue evaluate(const Condition& condition, const Subject& subject,
                        const FindingSet& findings, Time at);
// A condition's value at an instant, and the first later instants (none: never) at which it is
// another one, and at which it is that or rests on other findings.
struct ConditionTimeline {
  bool value = false;
  std::optional<Time> flips;
  std::optional<Time> changes;
};
ConditionTimeline course(const Condition& condition, const Subject& subject,
                         const FindingSet& findings, Time from);
// The findings that a condition which holds at `at` rests on, and the earliest later instant at
// which they may be others. A condition can stay true
// forever while fewer findings support it.
struct MatchedFindings {
  FindingSet used;
  std::optional<Time> next;
};
MatchedFindings grounds(const Condition& condition, const Subject& subject,
                        const FindingSet& findings, Time at);

}  // namespace npmgate
