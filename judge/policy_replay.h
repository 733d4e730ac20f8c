// What another policy would make of the releases already seen: the answer to "what does this edit
// do" before it is made. Nothing is fetched or unpacked.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "judge/judge.h"
#include "store/release_store.h"

namespace npmgate {

struct PolicyReplayChange {
  std::string name, version, content_id;
  Action before = Action::kAllow, after = Action::kAllow;
  std::string rule;     // that decides under the stricter of the two
  std::string at;       // where it stands: file:line:column, "" for the floor and rejections
  std::string message;  // what it says
  bool served = false;  // its bytes have left already
};

struct PolicyReplay {
  std::size_t judged = 0;     // releases
  std::size_t rederived = 0;  // of them, those whose findings were derived again from evidence
  std::vector<PolicyReplayChange> changes;  // stricter ones first, served ones first, then by name
  std::map<std::pair<Action, Action>, std::size_t> counts;  // (before, after) -> releases
  std::size_t served_refused = 0;  // changes that refuse what has been served
};

struct PolicyReplayInput {
  std::shared_ptr<const Policy> before, after;
  std::vector<Decision> decisions;
  JudgeOptions options;  // with the feed in force: known-malware is told again, as the gate does
  Time now{};
  // Derive the findings of every release again, not only if the stored ones may not hold: exact
  // whatever happened since they were stored, and slower by far.
  bool full = false;
  // Which releases are asked about; empty: all.
  std::function<bool(const std::string& name, const std::string& version)> wanted;
  // What is stored about a package; a null pointer if nothing is.
  std::function<Result<std::shared_ptr<const PackageSnapshot>>(const std::string& name)> snapshot;
};

// Stored findings hold under both policies unless one of them makes another baseline of a release
// of the package: there findings are derived again from the stored evidence, under each policy with
// its own baselines. 100,000 releases take about half a second of one core (bench/policy_try.py).
Result<PolicyReplay> replay_policy(ReleaseStore& store, const PolicyReplayInput& input);

}  // namespace npmgate
