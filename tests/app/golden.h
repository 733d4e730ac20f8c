// Output compared with a file under tests/app/golden. Run with NPM_GATE_RECORD=1 to write the files
// anew: the tests are then skipped, never passed; read the difference before it is committed.
#pragma once

#include <gtest/gtest.h>

#include <string>

namespace npmgate::testing {

bool recording();
std::string golden(const std::string& file);
void record(const std::string& file, const std::string& text);

}  // namespace npmgate::testing

#define EXPECT_GOLDEN(file, text)                                                             \
  do {                                                                                        \
    if (::npmgate::testing::recording()) {                                                    \
      ::npmgate::testing::record(file, text);                                                 \
      GTEST_SKIP() << "recorded " << file;                                                    \
    }                                                                                         \
    EXPECT_EQ(::npmgate::testing::golden(file), text) << "NPM_GATE_RECORD=1 records it anew"; \
  } while (false)
