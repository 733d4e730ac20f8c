// Conditions over time. Internal to policy/.
#pragma once

#include <array>
#include <cstddef>
#include <optional>

#include "policy/decide.h"

namespace npmgate {

// The findings that a rule may rest on: by kind, and which of these kinds have one of at least some
// severity, and one that is new. A condition that asks for severity and `new` asks both of the same
// finding.
class SeenFindings {
 public:
  // `index` is of finding_kinds(). A finding is old if its proof says `new: false`.
  void add(std::size_t index, const Finding& finding);
  const FindingSet& ids() const { return sets_[0][0]; }
  // The kinds that satisfy a condition of Kind::kFinding.
  FindingSet matching(const Condition& condition) const;
  SeenFindings without(const FindingSet& waived) const;
  friend bool operator==(const SeenFindings&, const SeenFindings&) = default;

 private:
  std::array<std::array<FindingSet, 2>, 5> sets_{};  // [at least this Severity][is new]
};

// Whether a condition holds at an instant, and the earliest later instant at which that may change
// (none: never again).
struct ConditionValue {
  bool value = false;
  std::optional<Time> next;
};

ConditionValue evaluate(const Condition& condition, const Subject& subject,
                        const SeenFindings& findings, Time at);
// A condition's value at an instant, and the first later instants (none: never) at which it is
// another one, and at which it is that or rests on other findings.
struct ConditionTimeline {
  bool value = false;
  std::optional<Time> flips;
  std::optional<Time> changes;
};
ConditionTimeline course(const Condition& condition, const Subject& subject,
                         const SeenFindings& findings, Time from);
// The findings that a condition which holds at `at` rests on, and the earliest later instant at
// which they may be others. A condition can stay true
// forever while fewer findings support it.
struct MatchedFindings {
  FindingSet used;
  std::optional<Time> next;
};
MatchedFindings grounds(const Condition& condition, const Subject& subject,
                        const SeenFindings& findings, Time at);

}  // namespace npmgate
