// The shipped policy against the recorded attacks and the harmless releases that resemble them,
// from their evidence alone.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "tests/attacks/verdict_table.h"

namespace npmgate::testing {
namespace {

const std::string kRoot = NPM_GATE_SOURCE_DIR;
const std::string kDocument = kRoot + "/docs/results-attacks.md";

const std::vector<TableRow>& attacks() {
  static const std::vector<TableRow> rows = verdict_table(kRoot, "attacks.json");
  return rows;
}
const std::vector<TableRow>& benign() {
  static const std::vector<TableRow> rows = verdict_table(kRoot, "benign.json");
  return rows;
}

TEST(Attacks, AtLeast35Of37AreStoppedByEvidence) {
  EXPECT_EQ(incidents(attacks()).size(), 37u);
  EXPECT_GE(stopped_incidents(attacks()).size(), 35u);
}

// What evidence does not stop the cooldown holds for its first day.
TEST(Attacks, NoneIsServedOnItsFirstDay) {
  for (const TableRow& row : attacks()) EXPECT_FALSE(row.in_full.served()) << row.id;
}

TEST(Attacks, NoneNeedsAFeed) {
  for (const TableRow& row : attacks()) {
    for (const std::string& finding : row.findings) EXPECT_NE(finding, "known-malware") << row.id;
  }
}

TEST(Benign, NoneIsBlockedAndNoneIsHeldBeyondWhatIsAcceptable) {
  EXPECT_EQ(benign().size(), 26u);
  for (const TableRow& row : benign()) {
    EXPECT_LT(row.in_full.action, Action::kBlock) << row.id;
    EXPECT_LE(row.by_evidence.action, row.at_most) << row.id;
  }
}

// With NPM_GATE_RECORD=1 the document's tables are written anew instead, and the test is skipped.
TEST(Results, AreWhatTheDocumentSays) {
  constexpr std::string_view kBegin = "<!-- begin: printed by attack-table -->\n";
  constexpr std::string_view kEnd = "<!-- end -->\n";
  std::ifstream stream(kDocument);
  std::string text{std::istreambuf_iterator<char>(stream), {}};
  stream.close();
  const std::size_t begin = text.find(kBegin), end = text.find(kEnd);
  ASSERT_TRUE(begin != text.npos && end != text.npos && begin < end) << kDocument;
  const std::string printed = "\n" + markdown_tables(kRoot) + "\n";
  const std::size_t from = begin + kBegin.size();
  if (std::getenv("NPM_GATE_RECORD") != nullptr) {
    text.replace(from, end - from, printed);
    std::ofstream(kDocument) << text;
    GTEST_SKIP() << "recorded " << kDocument;
  }
  EXPECT_EQ(text.substr(from, end - from), printed)
      << "NPM_GATE_RECORD=1 attacks_test writes the tables anew; read the difference first";
}

}  // namespace
}  // namespace npmgate::testing
