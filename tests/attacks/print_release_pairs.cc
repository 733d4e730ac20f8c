// release-table [FILE…]: prints the verdicts on the release pairs of each file, or on the stand-ins
// of each folder; of all fixtures if none is named. -v with every finding. Exit 1 if a row is
// not as wanted.
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "tests/attacks/release_pairs.h"

int main(int argc, char** argv) {
  const std::string fixtures = std::string(NPM_GATE_SOURCE_DIR) + "/tests/fixtures/";
  bool verbose = false, right = true;
  std::vector<std::string> paths;
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) == "-v") {
      verbose = true;
      continue;
    }
    paths.emplace_back(argv[i]);
  }
  if (paths.empty())
    for (const auto name : {"release-pairs.json", "code-pairs.json", "hook-pairs.json",
                            "metadata-pairs.json", "obfuscated"})
      paths.push_back(fixtures + name);
  for (const auto& path : paths) {
    const auto rows = path.ends_with(".json") ? npmgate::testing::release_pairs(path)
                                              : npmgate::testing::obfuscated_pairs(path);
    std::cout << npmgate::testing::table_of(rows);
    for (const auto& row : rows) {
      right = right && row.as_wanted();
      for (const auto& finding : row.findings) {
        if (verbose) std::cout << row.id << ": " << finding.id << ": " << finding.message << "\n";
      }
    }
  }
  return right ? 0 : 1;
}
