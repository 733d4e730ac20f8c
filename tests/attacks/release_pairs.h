// Pairs of releases (tests/fixtures/*-pairs.json): an ordinary one and the one after it, packed,
// inspected and judged as the gate does, minutes after it was published, the cooldown set aside.
#pragma once

#include <string>
#include <vector>

#include "policy/decide.h"

namespace npmgate::testing {

struct PairRow {
  std::string id, title;
  std::string want;  // "held": quarantine or block; "told": a finding beside evidence-unavailable;
                     // "served": allow or warn, and "quiet": with no finding that may hold
  std::vector<Finding> findings;
  Verdict verdict;
  bool as_wanted() const;
};

// All rows of a fixture, in file order. Throws on a malformed fixture: that is a bug of the tests.
std::vector<PairRow> release_pairs(const std::string& path);
// A row for each stand-in of tests/fixtures/obfuscated: an ordinary module that has the stand-in
// behind its own code in the next release.
std::vector<PairRow> obfuscated_pairs(const std::string& folder);
// One line per row: id, want, verdict with rules, findings. A star marks what is not as wanted.
std::string table_of(const std::vector<PairRow>& rows);

}  // namespace npmgate::testing
