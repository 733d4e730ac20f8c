// pair-table [FILE…]: every pair with verdict and findings; exit 1 if one is not as wanted.
#include <iostream>

#include "tests/attacks/pair_table.h"

int main(int argc, char** argv) {
  std::vector<std::string> files(argv + 1, argv + argc);
  if (files.empty())
    files.push_back(std::string(NPM_GATE_SOURCE_DIR) + "/tests/fixtures/release-pairs.json");
  std::size_t wrong = 0, all = 0;
  for (const auto& file : files) {
    for (const auto& row : npmgate::testing::pair_table(file)) {
      std::cout << npmgate::testing::to_line(row) << "\n";
      wrong += row.right ? 0 : 1;
      ++all;
    }
  }
  std::cout << all - wrong << " of " << all << " as wanted\n";
  return wrong == 0 ? 0 : 1;
}
