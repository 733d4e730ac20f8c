// Complete packuments, release by release: what each would have shown on the day it appeared,
// beside the highest lower release of that day. Without tarballs: people, signatures, rhythm,
// dependencies, hooks' texts.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace npmgate::testing {

struct ReplayedPackument {
  std::string name;
  int releases = 0;
  std::map<std::string, int> findings;  // id -> releases that show it and may hold by it
  std::map<std::string, int> rules;     // rule -> releases that it holds, cooldown aside
  int held = 0, blocked = 0;
  std::vector<std::string> held_rows;  // "name@version (rules): messages"
};

// Every file of the folder, by name. Throws if one does not parse.
std::vector<ReplayedPackument> replay_packuments(const std::string& folder);
// The table of the rates for docs/results-real.md.
std::string replay_table(const std::vector<ReplayedPackument>& all);

}  // namespace npmgate::testing
