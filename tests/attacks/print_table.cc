// attack-table: prints the tables of docs/results-attacks.md.
#include <iostream>

#include "tests/attacks/verdict_table.h"

int main() {
  std::cout << npmgate::testing::markdown_tables(NPM_GATE_SOURCE_DIR);
}
