#include "tests/store/store_support.h"

namespace npmgate::test {
namespace {

constexpr std::int64_t kHour = 3'600'000;
constexpr std::int64_t kDay = 24 * kHour;

class Journal : public StateStoreSuite {
 protected:
  std::vector<std::int64_t> ids(const AuditFilter& filter) {
    std::vector<std::int64_t> out;
    for (const AuditEntry& entry : must(store().audit_log(filter))) out.push_back(entry.id);
    return out;
  }
};
INSTANTIATE_TEST_SUITE_P(Both, Journal, ::testing::Values(StoreKind::kDisk, StoreKind::kMemory),
                         kind_name);

// ---- audit ----

TEST_P(Journal, AuditKeepsEveryField) {
  const AuditEntry entry = audit_entry("refused", "@s/left", at(123));
  must(store().audit({entry}));
  reopen();
  const auto trail = must(store().audit_log({}));
  ASSERT_EQ(trail.size(), 1U);
  EXPECT_GT(trail[0].id, 0);
  EXPECT_EQ(trail[0].at, entry.at);
  EXPECT_EQ(trail[0].kind, entry.kind);
  EXPECT_EQ(trail[0].actor, entry.actor);
  EXPECT_EQ(trail[0].name, entry.name);
  EXPECT_EQ(trail[0].version, entry.version);
  EXPECT_EQ(trail[0].content_id, entry.content_id);
  EXPECT_EQ(trail[0].action, entry.action);
  EXPECT_EQ(trail[0].policy_hash, entry.policy_hash);
  EXPECT_EQ(trail[0].client, entry.client);
  EXPECT_EQ(trail[0].detail, entry.detail);
}

TEST_P(Journal, AuditFilters) {
  must(store().audit({}));
  must(store().audit({audit_entry("served", "a", at(1)), audit_entry("refused", "a", at(2)),
                      audit_entry("served", "b", at(3)), audit_entry("served", "a", at(kHour))}));
  const auto filter = [](std::string kind, std::string name, std::string version = "") {
    AuditFilter out;
    out.kind = std::move(kind);
    out.name = std::move(name);
    out.version = std::move(version);
    return out;
  };
  using Ids = std::vector<std::int64_t>;
  EXPECT_EQ(ids({}), (Ids{1, 2, 3, 4}));
  EXPECT_EQ(ids(filter("served", "")), (Ids{1, 3, 4}));
  EXPECT_EQ(ids(filter("", "a")), (Ids{1, 2, 4}));
  EXPECT_EQ(ids(filter("served", "a")), (Ids{1, 4}));
  EXPECT_EQ(ids(filter("", "a", "1.0.0")), (Ids{1, 2, 4}));
  EXPECT_EQ(ids(filter("", "a", "9.9.9")), Ids{});
  AuditFilter since = filter("", "");
  since.since = at(3);
  EXPECT_EQ(ids(since), (Ids{3, 4}));
}

TEST_P(Journal, AuditPagesByIdAndLimit) {
  must(store().audit(std::vector<AuditEntry>(5, audit_entry("verdict"))));
  AuditFilter page;
  page.limit = 2;
  using Ids = std::vector<std::int64_t>;
  EXPECT_EQ(ids(page), (Ids{1, 2}));
  page.after_id = 2;
  EXPECT_EQ(ids(page), (Ids{3, 4}));
  page.after_id = 5;
  EXPECT_EQ(ids(page), Ids{});
  page.after_id = 0;
  for (const int limit : {0, -1}) {
    page.limit = limit;
    EXPECT_EQ(ids(page), Ids{}) << "no limit is not a way to read everything";
  }
}

TEST_P(Journal, AuditTextIsDataNotSql) {
  AuditEntry entry = audit_entry("served", "a' OR '1'='1");
  must(store().audit({entry}));
  AuditFilter filter;
  filter.name = "x' OR '1'='1";
  EXPECT_TRUE(ids(filter).empty());
  filter.name = entry.name;
  EXPECT_EQ(ids(filter).size(), 1U);
}

// ---- what is added up, and what goes ----

TEST_P(Journal, ServedAndRefusedAreAddedUpPerHour) {
  AuditEntry served = audit_entry("served", "a", at(1));
  served.detail = R"({"why":"test","times":3})";
  for (const char* kind : {"served", "refused"}) {
    AuditEntry entry = served;
    entry.kind = kind;
    must(store().audit({entry, entry}));
    reopen();
    entry.at = at(kHour - 1);
    must(store().audit({entry}));
    entry.at = at(kHour);
    must(store().audit({entry}));
    entry.client = "another";
    must(store().audit({entry}));
  }
  const auto rows = must(store().audit_log({}));
  ASSERT_EQ(rows.size(), 6U);
  for (const std::size_t first : {0U, 3U}) {
    EXPECT_EQ(rows[first].detail, R"({"why":"test","times":9})");
    EXPECT_EQ(rows[first].at, at(1));
    EXPECT_EQ(rows[first + 1].detail, R"({"why":"test","times":3})");
    EXPECT_EQ(rows[first + 2].client, "another");
  }
}

TEST_P(Journal, WhatDiffersInAnythingIsARowOfItsOwn) {
  std::vector<AuditEntry> entries(8, audit_entry("refused", "a", at(1)));
  entries[1].actor += "x";
  entries[2].version += "x";
  entries[3].content_id += "x";
  entries[4].action += "x";
  entries[5].policy_hash += "x";
  entries[6].client += "x";
  entries[7].detail = R"({"sentence":"x"})";
  must(store().audit(entries));
  EXPECT_EQ(must(store().audit_log({})).size(), entries.size());
}

TEST_P(Journal, DecisionsAndVerdictsAreNeverAddedUp) {
  must(store().audit(std::vector<AuditEntry>(3, audit_entry("policy", "a", at(1)))));
  EXPECT_EQ(must(store().audit_log({})).size(), 3U);
}

TEST_P(Journal, TrimLeavesFirstRefusalsAndEverythingElse) {
  std::vector<AuditEntry> entries;
  for (const std::string kind : {"served", "refused", "verdict", "decision", "policy"}) {
    for (int hour = 0; hour < 4; ++hour)
      entries.push_back(audit_entry(kind, "a", at(hour * kHour)));
  }
  AuditEntry otherwise = audit_entry("refused", "a", at(kHour));
  otherwise.action = "another";
  entries.push_back(otherwise);
  must(store().audit(entries));
  must(store().trim_ledger(at(3 * kHour)));
  std::map<std::string, std::vector<std::int64_t>> left;
  for (const AuditEntry& entry : must(store().audit_log({})))
    left[entry.kind].push_back(entry.at.time_since_epoch() / Millis(kHour));
  using Hours = std::vector<std::int64_t>;
  EXPECT_EQ(left["served"], Hours{3});
  EXPECT_EQ(left["refused"], (Hours{0, 3, 1})) << "the first of each action, and the young ones";
  for (const char* kind : {"verdict", "decision", "policy"})
    EXPECT_EQ(left[kind], (Hours{0, 1, 2, 3})) << kind;
  must(store().trim_ledger(at(9 * kHour)));
  must(store().trim_ledger(at(9 * kHour)));
  EXPECT_EQ(must(store().audit_log({})).size(), 2U + 12U);
}

TEST_P(Journal, TrimGoesOnUntilNothingOldIsLeft) {
  std::vector<AuditEntry> entries;
  for (int i = 0; i < 12'000; ++i) {
    entries.push_back(audit_entry(i % 2 == 0 ? "served" : "refused", "a", at(1)));
    entries.back().client = std::to_string(i);
  }
  must(store().audit(entries));
  must(store().trim_ledger(at(2)));
  EXPECT_EQ(must(store().audit_log({})).size(), 1U);
}

// ---- ledger ----

LedgerEntry fetched(const std::string& version, Time when,
                    const std::string& address = "10.0.0.1") {
  LedgerEntry entry;
  entry.at = when;
  entry.name = "left";
  entry.version = version;
  entry.content_id = "aa:bb";
  entry.token = "ci";
  entry.address = address;
  entry.user_agent = "npm/11";
  entry.command = "ci";
  entry.project = "shop";
  return entry;
}

// Makes the store know these releases of `left`, as a packument does.
void show(StateStore& store, const std::vector<std::string>& versions) {
  StateStore::PackumentSighting look;
  look.name = "left";
  look.upstream = "public";
  look.at = at(1);
  for (const std::string& version : versions) look.versions.emplace_back(version, "sha512-x");
  must(store.record_sighting(look));
}

TEST_P(Journal, ReportsOfWhatNoPackumentHasShownAreDropped) {
  show(store(), {"1.0.0"});
  LedgerEntry known = fetched("1.0.0", at(1));
  known.reported = true;
  LedgerEntry version = known, name = known;
  version.version = "9.9.9";
  name.name = "invented";
  must(store().ledger({known, version, name, fetched("9.9.9", at(2))}));
  const auto rows = must(store().downloads("left", 10));
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_FALSE(rows[0].reported) << "what was fetched is kept whatever the name";
  EXPECT_EQ(rows[1].version, "1.0.0");
  EXPECT_TRUE(must(store().downloads("invented", 10)).empty());
}

TEST_P(Journal, LedgerKeepsEveryFieldNewestFirst) {
  show(store(), {"2.0.0"});
  LedgerEntry reported = fetched("2.0.0", at(9 * kHour));
  reported.reported = true;
  must(store().ledger({fetched("1.0.0", at(5 * kHour)), reported}));
  reopen();
  const auto rows = must(store().downloads("left", 10));
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].version, "2.0.0");
  EXPECT_TRUE(rows[0].reported);
  const LedgerEntry& row = rows[1];
  EXPECT_EQ(row.at, at(5 * kHour));
  EXPECT_EQ(row.name, "left");
  EXPECT_EQ(row.version, "1.0.0");
  EXPECT_EQ(row.content_id, "aa:bb");
  EXPECT_EQ(row.token, "ci");
  EXPECT_EQ(row.address, "10.0.0.1");
  EXPECT_EQ(row.user_agent, "npm/11");
  EXPECT_EQ(row.command, "ci");
  EXPECT_EQ(row.project, "shop");
  EXPECT_FALSE(row.reported);
  EXPECT_EQ(row.count, 1);
}

TEST_P(Journal, LedgerAddsUpAlikeEntriesOfOneHour) {
  must(store().ledger({fetched("1.0.0", at(kHour)), fetched("1.0.0", at(kHour + 50))}));
  must(store().ledger({fetched("1.0.0", at(kHour + 20))}));  // late: the time does not go back
  must(store().ledger({fetched("1.0.0", at(2 * kHour))}));
  const auto rows = must(store().downloads("left", 10));
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].at, at(2 * kHour));
  EXPECT_EQ(rows[0].count, 1);
  EXPECT_EQ(rows[1].at, at(kHour + 50));
  EXPECT_EQ(rows[1].count, 3);
}

TEST_P(Journal, LedgerAddsUpReportsOfOneDay) {
  show(store(), {"1.0.0"});
  for (const std::int64_t hour : {1, 5, 23, 25}) {
    LedgerEntry entry = fetched("1.0.0", at(hour * kHour));
    entry.reported = true;
    entry.count = 2;
    must(store().ledger({entry}));
  }
  const auto rows = must(store().downloads("left", 10));
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[1].count, 6);
  EXPECT_EQ(rows[1].at, at(23 * kHour));
}

TEST_P(Journal, LedgerPagesJoinToTheWhole) {
  std::vector<LedgerEntry> entries;
  for (int i = 0; i < 7; ++i) {
    entries.push_back(fetched("1.0.0", at(i / 3)));  // several at one time
    entries.back().address = "10.0.0." + std::to_string(i);
  }
  must(store().ledger(entries));
  const auto whole = must(store().downloads("left", 100));
  ASSERT_EQ(whole.size(), 7U);
  for (const int limit : {1, 2, 3, 7, 8}) {
    std::vector<LedgerEntry> joined;
    for (std::string after;;) {
      const auto page = must(store().downloads("left", limit, after));
      if (page.empty()) break;
      joined.insert(joined.end(), page.begin(), page.end());
      after = page.back().position;
    }
    ASSERT_EQ(joined.size(), whole.size()) << limit;
    for (std::size_t i = 0; i < whole.size(); ++i) {
      EXPECT_EQ(joined[i].address, whole[i].address) << limit;
    }
  }
  for (const char* wrong : {"x", "1.2", "1.2.3.4.5.6", "1.2.3.4.", "1,2,3,4,5"}) {
    const auto refused = store().downloads("left", 1, wrong);
    ASSERT_FALSE(refused) << wrong;
    EXPECT_EQ(refused.error().code, Code::kMalformed);
  }
}

TEST_P(Journal, ATokenIsFoundByItsHash) {
  TokenRecord token;
  token.name = "ci";
  token.scope = "install";
  token.hash = "aa";
  token.created = at(1);
  const std::int64_t id = must(store().add_token(token));
  ASSERT_TRUE(must(store().token_by_hash("aa")));
  EXPECT_EQ(must(store().token_by_hash("aa"))->name, "ci");
  EXPECT_FALSE(must(store().token_by_hash("a")));
  must(store().revoke_token(id, at(2)));
  EXPECT_TRUE(must(store().token_by_hash("aa"))->revoked);
}

TEST_P(Journal, LedgerKeepsApartWhatDiffers) {
  show(store(), {"1.0.0"});
  std::vector<LedgerEntry> entries(8, fetched("1.0.0", at(1)));
  entries[1].version = "1.0.1";
  entries[2].content_id = "cc:dd";
  entries[3].token = "other";
  entries[4].address = "10.0.0.2";
  entries[5].user_agent = "pnpm/10";
  entries[6].project = "blog";
  entries[7].reported = true;
  must(store().ledger(entries));
  EXPECT_EQ(must(store().downloads("left", 100)).size(), entries.size());
  EXPECT_EQ(must(store().downloads("left", 3)).size(), 3U);
  EXPECT_TRUE(must(store().downloads("left", 0)).empty());
  EXPECT_TRUE(must(store().downloads("right", 100)).empty());
}

TEST_P(Journal, TrimDropsOldEntriesAndThenAddsAgain) {
  must(store().ledger({}));
  must(store().ledger({fetched("1.0.0", at(1)), fetched("1.0.0", at(10 * kDay), "10.0.0.9"),
                       fetched("2.0.0", at(2))}));
  must(store().trim_ledger(at(kDay)));
  reopen();
  const auto rows = must(store().downloads("left", 10));
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].address, "10.0.0.9");
  must(store().ledger(
      {fetched("2.0.0", at(11 * kDay))}));  // its release and client rows were dropped
  EXPECT_EQ(must(store().downloads("left", 10)).size(), 2U);
}

// ---- tokens ----

TokenRecord token(const std::string& name, const std::string& hash) {
  TokenRecord record;
  record.name = name;
  record.scope = "install";
  record.hash = hash;
  record.created = at(50);
  return record;
}

TEST_P(Journal, TokensRoundTrip) {
  const auto first = must(store().add_token(token("ci", "h1")));
  const auto second = must(store().add_token(token("other", "h2")));
  must(store().revoke_token(second, at(60)));
  must(store().touch_token(first, at(70)));
  must(store().touch_token(first, at(65)));  // a late report does not set it back
  reopen();
  const auto all = must(store().tokens());
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].id, first);
  EXPECT_EQ(all[0].name, "ci");
  EXPECT_EQ(all[0].scope, "install");
  EXPECT_EQ(all[0].hash, "h1");
  EXPECT_EQ(all[0].created, at(50));
  EXPECT_EQ(all[0].revoked, std::nullopt);
  EXPECT_EQ(all[0].last_used, at(70));
  EXPECT_EQ(all[1].revoked, at(60));
  EXPECT_EQ(all[1].last_used, std::nullopt);
}

TEST_P(Journal, TheLedgerTellsWhatATokenOrAProjectInstalled) {
  LedgerEntry other = fetched("2.0.0", at(2 * kHour));
  other.token = "rita";
  other.project = "site";
  other.name = "right";
  must(store().ledger({fetched("1.0.0", at(1 * kHour)), other}));
  const auto names = [&](const LedgerFilter& filter) {
    std::vector<std::string> found;
    for (const LedgerEntry& entry : must(store().downloads(filter, 10)))
      found.push_back(entry.name);
    return found;
  };
  using Names = std::vector<std::string>;
  LedgerFilter filter;
  EXPECT_EQ(names(filter), (Names{"right", "left"}));
  filter.token = "rita";
  EXPECT_EQ(names(filter), Names{"right"});
  filter = {};
  filter.project = "shop";
  EXPECT_EQ(names(filter), Names{"left"});
  filter.name = "right";
  EXPECT_EQ(names(filter), Names{});
  filter = {};
  filter.text = "it";  // a part of "rita" and of "site"
  EXPECT_EQ(names(filter), Names{"right"});
}

TEST_P(Journal, ANameIsOneTokensAsLongAsThatIsGood) {
  const auto id = must(store().add_token(token("ci", "h1")));
  EXPECT_EQ(store().add_token(token("ci", "h2")).error().code, Code::kRefused);
  must(store().revoke_token(id, at(1)));
  must(store().add_token(token("ci", "h2")));
}

TEST_P(Journal, TokenHashIsUniqueAndRevocationIsFinal) {
  const auto id = must(store().add_token(token("a", "h")));
  EXPECT_EQ(store().add_token(token("b", "h")).error().code, Code::kRefused);
  must(store().revoke_token(id, at(1)));
  must(store().revoke_token(id, at(2)));
  EXPECT_EQ(must(store().tokens())[0].revoked, at(1));
  EXPECT_EQ(store().revoke_token(99, at(1)).error().code, Code::kNotFound);
}

}  // namespace
}  // namespace npmgate::test
