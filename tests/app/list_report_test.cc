#include "app/report/list_report.h"

#include <gtest/gtest.h>

#include "tests/app/golden.h"

namespace npmgate {
namespace {

ListRow judged(std::string name, std::string version, std::string baseline, Action action,
               std::vector<std::string> findings, std::string rule = {}, std::string why = {}) {
  ListRow row;
  row.spec = name;
  row.name = std::move(name);
  row.version = std::move(version);
  row.baseline = std::move(baseline);
  row.action = action;
  for (std::string& id : findings) row.findings.push_back({std::move(id), Severity::kMedium});
  row.rule = std::move(rule);
  row.why = std::move(why);
  return row;
}

std::vector<ListRow> sample() {
  std::vector<ListRow> rows;
  rows.push_back(judged("chalk", "6.0.1", "6.0.0", Action::kAllow, {}));
  rows.push_back(judged("@scope/tool", "2.0.0", "1.9.9", Action::kWarn,
                        {"dependency-added", "network-endpoint-added"}, "worth-a-look"));
  rows.push_back(judged("left|right", "1.4.1", "1.4.0", Action::kQuarantine,
                        {"install-script-added", "dependency-added"}, "takeover",
                        "left|right@1.4.1 is quarantined: new preinstall (rule takeover)"));
  rows.push_back(judged("bad", "1.0.0", "", Action::kBlock, {"archive-refused"},
                        "floor:archive-refused", "bad@1.0.0 is blocked: two package.json"));
  ListRow gone;
  gone.spec = "gone\x1b[2J";
  gone.error = "gone is not in the registry public";
  rows.push_back(gone);
  return rows;
}

TEST(ListReport, Table) {
  EXPECT_GOLDEN("list.txt", list_text(sample(), false, 0));
}

TEST(ListReport, Markdown) {
  EXPECT_GOLDEN("list.md", list_markdown(sample()));
}

TEST(ListReport, CountsEveryVerdict) {
  const ListCounts counts = count(sample());
  EXPECT_EQ(counts.allow, 1u);
  EXPECT_EQ(counts.warn, 1u);
  EXPECT_EQ(counts.quarantine, 1u);
  EXPECT_EQ(counts.block, 1u);
  EXPECT_EQ(counts.failed, 1u);
  EXPECT_EQ(counts.held(), 2u);
}

TEST(ListReport, AnEmptyListIsATableWithoutRows) {
  EXPECT_NE(list_text({}, false, 0).find("0 releases judged"), std::string::npos);
}

}  // namespace
}  // namespace npmgate
