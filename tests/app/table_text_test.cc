#include "app/report/table_text.h"

#include <gtest/gtest.h>

namespace npmgate {
namespace {

TEST(TableText, AlignsColumnsUnderAHeading) {
  EXPECT_EQ(table_text({"ID", "NAME", "SCOPE"}, {{"1", "rita", "review"}, {"12", "ci", "install"}},
                       "none"),
            "ID  NAME  SCOPE\n1   rita  review\n12  ci    install\n");
}

TEST(TableText, SaysThatThereIsNothing) {
  EXPECT_EQ(table_text({"ID"}, {}, "there are no tokens"), "there are no tokens\n");
}

TEST(TableText, MakesCellsHarmlessAndKeepsOneLinePerRow) {
  const std::string text =
      table_text({"A", "B"}, {{"x\x1b[31m\ny", "\u202e"}, {std::string(10'000, 'n'), "b"}}, "");
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find("\u202e"), std::string::npos);
  EXPECT_LT(text.size(), 2'000u);
}

}  // namespace
}  // namespace npmgate
