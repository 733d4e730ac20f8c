// In which order reviewers see releases, and which. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "inspect/findings/findings.h"

namespace npmgate {

// urgency: what replaces a bad release, what is of the lowest risk, what is asked for, what
// projects and clients wait for, the gravest, the oldest. projects: those that most projects need.
// risk: the lowest first, which are read fastest. age: the oldest first.
enum class QueueSort { kUrgency, kProjects, kRisk, kAge, kName };
std::optional<QueueSort> parse_queue_sort(std::string_view text);  // "" is urgency

struct QueueFacts {
  bool fixes = false;  // replaces a blocked or withdrawn release
  std::size_t asked = 0, projects = 0, waiting = 0;
  Severity gravest = Severity::kInfo;
  std::size_t findings = 0;  // above info
  bool lowest_risk = false, runs_on_install = false;
  Time seen{};
  std::string release;  // "name@version#content": makes every key another
};
// Keys compare as text, the first in the queue is the least; also what a cursor is. At most some
// 100 bytes before the release.
std::string queue_key(QueueSort sort, const QueueFacts& facts);

// Which releases a listing has; kMalformed names the parameter that is none of what it may be.
struct QueueFilter {
  std::string verdict, package, only, rule;
  Severity at_least = Severity::kInfo;
  static Result<QueueFilter> parse(std::string_view query);
  // Whether facts that the whole package decides fit (only, severity).
  bool fits(const QueueFacts& facts) const;
};

}  // namespace npmgate
