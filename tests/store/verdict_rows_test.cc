// Verdicts are remembered per release, and only what changes is told to the audit trail.
#include "store_support.h"

namespace npmgate::test {
namespace {

class VerdictRows : public StateStoreSuite {
 protected:
  SeenVerdict seen(const std::string& action, const std::string& content = "c:m",
                   bool refresh = true) {
    SeenVerdict out;
    out.row = release_row("left", "1.0.0", content);
    out.refresh = refresh;
    out.action = action;
    out.policy_hash = "ph";
    out.because = "takeover";
    return out;
  }
  std::vector<AuditEntry> trail() {
    AuditFilter filter;
    filter.kind = "verdict";
    return must(store().audit_log(filter));
  }
};

TEST_P(VerdictRows, OnlyAChangeIsWrittenAndWithTheOneBefore) {
  EXPECT_EQ(must(store().record_verdicts({seen("quarantine")}, at(10))), 1U);
  EXPECT_EQ(must(store().record_verdicts({seen("quarantine"), seen("quarantine")}, at(20))), 0U);
  EXPECT_EQ(must(store().record_verdicts({seen("allow")}, at(30))), 1U);
  reopen();
  const auto entries = trail();
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].action, "quarantine");
  EXPECT_EQ(entries[0].detail, R"({"because":"takeover","before":null})");
  EXPECT_EQ(entries[1].action, "allow");
  EXPECT_EQ(entries[1].at, at(30));
  EXPECT_EQ(entries[1].detail, R"({"because":"takeover","before":"quarantine"})");
  EXPECT_EQ(must(store().releases_of("left")).front().verdict, "allow");
}

TEST_P(VerdictRows, AFirstVerdictThatServesIsRememberedWithoutALine) {
  EXPECT_EQ(must(store().record_verdicts({seen("allow")}, at(10))), 0U);
  EXPECT_EQ(must(store().record_verdicts({seen("block")}, at(20))), 1U);
  EXPECT_EQ(trail().front().detail, R"({"because":"takeover","before":"allow"})");
}

TEST_P(VerdictRows, WhatWasKnownFromMetadataGoesOnWhenItIsInspected) {
  EXPECT_EQ(must(store().record_verdicts({seen("quarantine", "")}, at(10))), 1U);
  EXPECT_EQ(must(store().record_verdicts({seen("quarantine", "c:m")}, at(20))), 0U);
  const auto rows = must(store().releases_of("left"));
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows.front().content_id, "c:m");
}

TEST_P(VerdictRows, WhatWasSeenOnMetadataBelongsToTheInspectionThatEndedMeanwhile) {
  for (const bool refresh : {true, false}) {
    const std::string name = refresh ? "left" : "right";
    must(store().put_release_row(release_row(name, "1.0.0", "c:m")));
    SeenVerdict late = seen("quarantine", "", refresh);
    late.row.name = late.row.subject.name = name;
    EXPECT_EQ(must(store().record_verdicts({late}, at(10))), 1U);
    EXPECT_EQ(must(store().record_verdicts({late}, at(20))), 0U);
    const auto rows = must(store().releases_of(name));
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows.front().content_id, "c:m");
    EXPECT_EQ(rows.front().verdict, "quarantine");
    EXPECT_EQ(trail().back().name, name);
  }
  EXPECT_EQ(must(store().record_verdicts({seen("allow", "c:m")}, at(30))), 1U);
  EXPECT_EQ(trail().back().detail, R"({"because":"takeover","before":"quarantine"})");
}

TEST_P(VerdictRows, WithoutRefreshOnlyKnownReleasesCount) {
  EXPECT_EQ(must(store().record_verdicts({seen("block", "c:m", false)}, at(10))), 0U);
  EXPECT_TRUE(must(store().releases_of("left")).empty());
}

// A judgement that began before a decision must not have the last word about it.
TEST_P(VerdictRows, AVerdictByRulesThatNoLongerHoldRefreshesItsRowAlone) {
  EXPECT_EQ(must(store().record_verdicts({seen("quarantine")}, at(10))), 1U);
  SeenVerdict decided = seen("allow", "c:m", false);
  decided.revision = 2;
  SeenVerdict late = seen("quarantine");
  late.revision = 1;
  late.row.subject.license = "MIT-0";
  const auto counts = [](const SeenVerdict& each) { return each.revision == 2; };
  EXPECT_EQ(must(store().record_verdicts({decided}, at(20), counts)), 1U);
  EXPECT_EQ(must(store().record_verdicts({late}, at(30), counts)), 0U);
  EXPECT_EQ(trail().back().action, "allow");
  EXPECT_EQ(must(store().releases_of("left")).front().verdict, "allow");
  EXPECT_EQ(must(store().releases_of("left")).front().subject.license, "MIT-0");
}

INSTANTIATE_TEST_SUITE_P(Stores, VerdictRows,
                         ::testing::Values(StoreKind::kDisk, StoreKind::kMemory), kind_name);

class AuditFilters : public StateStoreSuite {};

TEST_P(AuditFilters, NarrowByTimeActorClientAndActionAndTakeTheLastOnes) {
  std::vector<AuditEntry> entries;
  for (int i = 1; i <= 6; ++i) entries.push_back(audit_entry("verdict", "left", at(i)));
  entries[1].actor = "client";
  entries[2].client = "10.0.0.7";
  entries[3].action = "allow";
  must(store().audit(entries));
  const auto ids = [&](AuditFilter filter) {
    std::vector<std::int64_t> out;
    for (const AuditEntry& entry : must(store().audit_log(filter))) out.push_back(entry.id);
    return out;
  };
  using Ids = std::vector<std::int64_t>;
  AuditFilter filter;
  filter.actor = "client";
  EXPECT_EQ(ids(filter), Ids{2});
  filter = {};
  filter.client = "10.0.0.7";
  EXPECT_EQ(ids(filter), Ids{3});
  filter = {};
  filter.action = "allow";
  EXPECT_EQ(ids(filter), Ids{4});
  filter = {};
  filter.since = at(2);
  filter.until = at(4);
  EXPECT_EQ(ids(filter), (Ids{2, 3}));
  filter = {};
  filter.latest = true;
  filter.limit = 2;
  EXPECT_EQ(ids(filter), (Ids{5, 6}));
}

INSTANTIATE_TEST_SUITE_P(Stores, AuditFilters,
                         ::testing::Values(StoreKind::kDisk, StoreKind::kMemory), kind_name);

}  // namespace
}  // namespace npmgate::test
