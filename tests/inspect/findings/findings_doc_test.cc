// docs/findings.md says of every finding what the program says, in the same order, and names every
// field of its proofs.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>

#include "tests/inspect/findings/replay_scene.h"

namespace npmgate {
namespace {

const std::string kRoot = NPM_GATE_SOURCE_DIR;

struct DocumentRow {
  std::string id, severity;
  std::set<std::string> proof;
};

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  std::size_t begin = 1;
  for (std::size_t end = line.find('|', begin); end != line.npos; end = line.find('|', begin)) {
    const std::string cell = line.substr(begin, end - begin);
    cells.push_back(cell.size() > 2 ? cell.substr(1, cell.size() - 2) : "");
    begin = end + 1;
  }
  return cells;
}

std::vector<DocumentRow> document() {
  std::vector<DocumentRow> rows;
  std::ifstream stream(kRoot + "/docs/findings.md");
  for (std::string line; std::getline(stream, line);) {
    if (!line.starts_with("| `")) continue;
    const auto cells = cells_of(line);
    if (cells.size() != 5) {
      ADD_FAILURE() << "five cells expected: " << line;
      continue;
    }
    DocumentRow row{cells[0].substr(1, cells[0].size() - 2), cells[1], {}};
    for (std::size_t at = cells[4].find('`'); at != cells[4].npos;) {
      const std::size_t end = cells[4].find('`', at + 1);
      row.proof.insert(cells[4].substr(at + 1, end - at - 1));
      at = cells[4].find('`', end + 1);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

TEST(FindingsDocument, NamesEveryFindingInTheProgramsOrder) {
  const auto rows = document();
  const auto kinds = finding_kinds();
  ASSERT_EQ(rows.size(), kinds.size());
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    EXPECT_EQ(rows[i].id, kinds[i].id);
    EXPECT_EQ(rows[i].severity, to_string(kinds[i].severity)) << kinds[i].id;
    EXPECT_FALSE(rows[i].proof.empty()) << kinds[i].id;
  }
}

// What put_list adds beside a list that it cuts.
bool is_remainder(std::string_view key) {
  return key.ends_with("_left_out") || key.ends_with("_sha256");
}

TEST(FindingsDocument, NamesEveryFieldOfTheProofsOfTheRecordedReleases) {
  std::map<std::string, std::set<std::string>> documented;
  for (const DocumentRow& row : document()) documented[row.id] = row.proof;
  std::set<std::string> shown;
  for (const char* fixture : {"attacks.json", "benign.json"}) {
    for (const auto& replay : testing::load_replays(kRoot + "/tests/fixtures/" + fixture)) {
      for (const Finding& finding : replay.scene.findings()) {
        shown.insert(finding.id);
        for (const auto& member : finding.proof) {
          EXPECT_TRUE(documented[finding.id].contains(std::string(member.key())) ||
                      is_remainder(member.key()))
              << finding.id << " proves with " << member.key() << ", which its row does not name";
        }
      }
    }
  }
  EXPECT_GE(shown.size(), 20u);
}

}  // namespace
}  // namespace npmgate
