// packument-table [-v]: the rates of findings and holds over the complete packuments of
// tests/fixtures/packuments, as docs/results-real.md has them; -v with every release that is held.
#include <iostream>
#include <string_view>

#include "tests/attacks/packument_replay.h"

int main(int argc, char** argv) {
  const auto all = npmgate::testing::replay_packuments(std::string(NPM_GATE_SOURCE_DIR) +
                                                       "/tests/fixtures/packuments");
  std::cout << npmgate::testing::replay_table(all);
  if (argc > 1 && std::string_view(argv[1]) == "-v")
    for (const auto& one : all)
      for (const auto& row : one.held_rows) std::cout << row << "\n";
  return 0;
}
