#include "app/report/progress.h"

#include <gtest/gtest.h>

#include "app/report/text_writer.h"

namespace npmgate {
namespace {

TEST(Progress, LineFitsItsWidth) {
  EXPECT_EQ(progress_line(0, 4, 0, "chalk", 80), "[........................] 0/4  chalk");
  EXPECT_EQ(progress_line(2, 4, 60, "ms", 80), "[############............] 2/4, 1 minute left  ms");
  EXPECT_EQ(progress_line(4, 4, 60, "", 80), "[########################] 4/4");
  EXPECT_LE(columns_of(progress_line(2, 4, 60, std::string(200, 'x'), 50)), 50u);
  EXPECT_EQ(progress_line(1, 2, 1, "a\x1b[2J", 80).find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace npmgate
