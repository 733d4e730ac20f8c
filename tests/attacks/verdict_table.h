// Every row of tests/fixtures/attacks.json and benign.json under the shipped policy, minutes after
// it was published, with no feed loaded: what is found, what follows from that, and what the age
// rules would add.
#pragma once

#include <string>
#include <vector>

#include "policy/decide.h"
#include "tests/inspect/findings/replay_scene.h"

namespace npmgate::testing {

struct TableRow {
  std::string id;  // "incident" or "incident/variant"
  std::string incident;
  std::string release;  // name@version
  std::vector<std::string> findings;
  Verdict by_evidence;  // the rules with an age alone (cooldown) left out
  Verdict in_full;
  Time age_start{};
  bool later = false;  // not part of the incident as it is recorded: a later attack, told beside it
  Action at_most = Action::kBlock;  // benign rows: the strictest acceptable verdict by evidence
};

// All rows of a fixture, in file order. `root` is the source tree.
std::vector<TableRow> verdict_table(const std::string& root, const std::string& fixture);

// Incidents of which every row but later ones is stopped (quarantine or block) by evidence.
std::vector<std::string> stopped_incidents(const std::vector<TableRow>& rows);
std::vector<std::string> incidents(const std::vector<TableRow>& rows);

// Both tables as Markdown: what docs/results-attacks.md holds between its markers.
std::string markdown_tables(const std::string& root);

}  // namespace npmgate::testing
