#include "app/report/proof_words.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

namespace npmgate {
namespace {

std::vector<ProofLine> lines(const std::string& proof, std::size_t items = 6) {
  return proof_lines(boost::json::parse(proof).as_object(), items);
}
using Kind = ProofLine::Kind;

TEST(ProofWords, FactsKeepTheirOrderAndLoseTheirUnderscores) {
  EXPECT_EQ(lines(R"({"hook":"install","first_seen":null,"new":true,"bytes":12})"),
            (std::vector<ProofLine>{{Kind::kFact, "hook", "install"},
                                    {Kind::kFact, "first seen", "nothing"},
                                    {Kind::kFact, "new", "yes"},
                                    {Kind::kFact, "bytes", "12"}}));
}

TEST(ProofWords, BeforeAndAfterStandApart) {
  EXPECT_EQ(
      lines(R"({"before":"a","after":["b","c"]})"),
      (std::vector<ProofLine>{{Kind::kBefore, "before", "a"}, {Kind::kAfter, "after", "b, c"}}));
}

TEST(ProofWords, ListsOfObjectsAreItemsAndCutWithTheirNumber) {
  EXPECT_EQ(
      lines(R"({"files":[{"path":"a.js","lines":3},{"path":"b.js","new":true},{"path":"c"}]})", 2),
      (std::vector<ProofLine>{{Kind::kFact, "files", "3"},
                              {Kind::kItem, "", "a.js, lines 3"},
                              {Kind::kItem, "", "b.js, new"},
                              {Kind::kItem, "", "… and 1 more (--json has all)"}}));
}

TEST(ProofWords, ObjectsInsideReadAsOneLine) {
  EXPECT_EQ(lines(R"({"features":{"entropy":7.5,"lines":1}})"),
            (std::vector<ProofLine>{{Kind::kFact, "features", "7.5E0, lines 1"}}));
}

}  // namespace
}  // namespace npmgate
