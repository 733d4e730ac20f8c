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

// What stands between backquotes.
std::vector<std::string> codes_of(const std::string& line) {
  std::vector<std::string> codes;
  for (std::size_t at = line.find('`'); at != line.npos;) {
    const std::size_t end = std::min(line.find('`', at + 1), line.size());
    codes.push_back(line.substr(at + 1, end - at - 1));
    at = line.find('`', std::min(end + 1, line.size()));
  }
  return codes;
}

std::vector<DocumentRow> document() {
  // "### `id` (severity)", then items "- Shows: ", "- Does not show: ", "- Proof: ".
  std::vector<DocumentRow> rows;
  std::ifstream stream(kRoot + "/docs/findings.md");
  bool in_proof = false;
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with("### `")) {
      const std::size_t open = line.find(" ("), close = line.find(')');
      rows.push_back({codes_of(line).at(0), line.substr(open + 2, close - open - 2), {}});
    }
    in_proof = line.starts_with("- Proof: ") || (in_proof && line.starts_with("  "));
    if (!in_proof || rows.empty()) continue;
    for (std::string& code : codes_of(line)) rows.back().proof.insert(std::move(code));
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
              << finding.id << " proves with " << member.key()
              << ", which its section does not name";
        }
      }
    }
  }
  EXPECT_GE(shown.size(), 20u);
}

}  // namespace
}  // namespace npmgate
