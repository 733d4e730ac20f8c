// `npm-gate inspect` over a list: several releases at a time, progress, one row each, a table.
#pragma once

#include <functional>
#include <istream>
#include <string>
#include <vector>

#include "app/offline/offline_gate.h"
#include "app/report/list_report.h"

namespace npmgate {

// The specs of a list: one a line, '#' begins a comment, blank lines do not count.
std::vector<std::string> read_specs(std::istream& in);

struct ListOptions {
  std::size_t jobs = 4;
  enum class Form { kTable, kJson, kMarkdown } form = Form::kTable;
  AnalysisOptions study;
};

// Judges all specs (releases and .tgz files), prints to standard output (JSON lines as they come,
// in the order of the list; else the table at the end) and progress to standard error. Exit code: 3
// if one was not available, else 1 if one is held, else 0.
int inspect_list(OfflineGate& gate, const std::vector<std::string>& specs,
                 const ListOptions& options);

}  // namespace npmgate
