// What is asked about one release, and what came of it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "app/report/report.h"
#include "judge/active_policy.h"
#include "judge/judge.h"

namespace npmgate {

// "name", "name@1.2.3", "@scope/name@latest"; nullopt if it is none of these.
struct ReleaseSpec {
  ReleaseSpec() {}  // a constructor: it travels into coroutines (see proxy/net/async.h)
  std::string name;
  std::string wanted = "latest";  // version or dist-tag
};
std::optional<ReleaseSpec> parse_release_spec(const std::string& text);

struct AnalysisOptions {
  AnalysisOptions() {}
  // Judged as if it had appeared this moment and everything before it long ago, rules that hold by
  // age alone set aside.
  bool as_published = false;
  std::string baseline;  // version to compare with; "" = chosen as the gate chooses it
  // false: only a release that was never inspected is, as the gate would do; all else is taken as
  // the store has it.
  bool gather = true;
  Audience audience;  // whom it is judged for: approvals can be for some alone
};

// One release with all that judging it needed. `judged` is null if its version is none
// (`refusal` says why); it points into `judge`.
struct ReleaseAnalysis {
  ReleaseAnalysis() {}
  std::string name, version;
  std::unique_ptr<Judge> judge;
  const Judged* judged = nullptr;
  const Release* baseline = nullptr;
  std::string refusal;
  // For printing; valid while this lives.
  ReportInput report() const;
};

// The policy without the rules that hold by age alone (cooldown, freeze).
std::shared_ptr<const Policy> without_cooldown(const Policy& policy);

}  // namespace npmgate
