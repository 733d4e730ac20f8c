#include <gtest/gtest.h>

#include "sandbox/worker.h"
#include "tests/sandbox/bad_worker.h"

int main(int argc, char** argv) {
  if (npmgate::is_worker(argc, argv)) npmgate::run_worker(argc, argv);
  if (npmgate::testing::is_bad_worker(argc, argv)) return npmgate::testing::run_bad_worker(argv[2]);
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
