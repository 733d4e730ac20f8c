// Rows of tests/fixtures/attacks.json and benign.json as values: a release beside its baseline in
// the shape that a row tells.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "tests/inspect/findings/package_builder.h"

namespace npmgate::testing {

struct Replay {
  std::string id;
  Scene scene;
  std::set<std::string> expect;
  bool hook_runs_new_file = false;
  bool hook_misses_file = false;
  bool later = false;             // another attack on the same package, days after the recorded one
  std::string at_most = "block";  // the strictest acceptable verdict of the shipped policy
};

// All rows of one fixture, in file order. Throws on a malformed fixture: that is a bug of the
// tests.
std::vector<Replay> load_replays(const std::string& file);

}  // namespace npmgate::testing
