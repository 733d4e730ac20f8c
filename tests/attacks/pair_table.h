// Pairs of releases (tests/fixtures/release-pairs.json): a harmless one and what an attacker makes
// of it, inspected from real tarballs and judged under the shipped policy with the cooldown set
// aside.
#pragma once

#include <string>
#include <vector>

#include "policy/decide.h"

namespace npmgate::testing {

struct PairRow {
  std::string id, kind, title;
  std::string want;               // "held", "told", or "quiet": neither held nor blocked
  std::vector<Finding> findings;  // evidence-unavailable and cooldown apart
  Verdict verdict;
  bool right = false;
};

// All pairs of a file, in its order.
std::vector<PairRow> pair_table(const std::string& path);
std::string to_line(const PairRow& row);

}  // namespace npmgate::testing
