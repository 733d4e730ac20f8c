// release-table FILE…: prints the verdicts on the release pairs of each file, or on the stand-ins
// of each folder; -v with every finding.
#include <iostream>
#include <string>
#include <string_view>

#include "tests/attacks/release_pairs.h"

int main(int argc, char** argv) {
  bool verbose = false;
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) == "-v") {
      verbose = true;
      continue;
    }
    const std::string path = argv[i];
    const auto rows = path.ends_with(".json") ? npmgate::testing::release_pairs(path)
                                              : npmgate::testing::obfuscated_pairs(path);
    std::cout << npmgate::testing::table_of(rows);
    for (const auto& row : rows) {
      for (const auto& finding : row.findings) {
        if (verbose) std::cout << row.id << ": " << finding.id << ": " << finding.message << "\n";
      }
    }
  }
}
