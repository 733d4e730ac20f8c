// Which releases of a package are not served, of those that a project locks or may get.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "judge/active_policy.h"
#include "store/pin_store.h"
#include "store/release_store.h"
#include "store/subscription_store.h"

namespace npmgate {

// The strictest verdict among the rows of one version; if the version is pinned, only the pinned
// row counts: a newcomer under the same version is not what a project has.
struct HeldRelease {
  const ReleaseRow* row = nullptr;  // owned by the RefusedReleaseQuery that found it
  std::vector<Finding> findings;
  Verdict verdict;  // of the rules and the time that RefusedReleaseQuery was given
};

// Reads from the store, once for questions about the same name that follow each other. Not thread
// safe; the stores and `rules` must outlive it.
class RefusedReleaseQuery {
 public:
  RefusedReleaseQuery(ReleaseStore& releases, PinStore& pins, const PolicySnapshot& rules, Time now)
      : releases_(releases), pin_store_(pins), rules_(rules), now_(now) {}

  // The releases that are `wanted` and not served, by version; valid until another name is asked
  // for. `known` becomes true if any row is of a wanted version. Error: the store's.
  Result<std::vector<HeldRelease>> refused(const SubscribedRelease& wanted, bool& known);

 private:
  Result<void> load(const std::string& name);

  ReleaseStore& releases_;
  PinStore& pin_store_;
  const PolicySnapshot& rules_;
  Time now_;
  std::string name_;
  std::vector<ReleaseRow> rows_;
  std::map<std::string, Pin, std::less<>> pins_;
  std::vector<Decision> decisions_;
};

}  // namespace npmgate
