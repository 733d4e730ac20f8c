#include "tests/store/store_support.h"

#include "store/sqlite/open_state_store.h"
#include "store/sqlite/sqlite.h"

namespace npmgate::test {
namespace {

void expect_same(const ReleaseRow& a, const ReleaseRow& b) {
  EXPECT_EQ(a.name, b.name);
  EXPECT_EQ(a.version, b.version);
  EXPECT_EQ(a.content_id, b.content_id);
  EXPECT_EQ(a.findings, b.findings);
  EXPECT_EQ(a.served, b.served);
  EXPECT_EQ(a.seen, b.seen);
  EXPECT_EQ(a.subject.name, b.subject.name);
  EXPECT_EQ(a.subject.version, b.subject.version);
  EXPECT_EQ(a.subject.semver.has_value(), b.subject.semver.has_value());
  EXPECT_EQ(a.subject.semver, b.subject.semver);
  EXPECT_EQ(a.subject.content_id, b.subject.content_id);
  EXPECT_EQ(a.subject.upstream, b.subject.upstream);
  EXPECT_EQ(a.subject.popular, b.subject.popular);
  EXPECT_EQ(a.subject.has_install_script, b.subject.has_install_script);
  EXPECT_EQ(a.subject.publisher, b.subject.publisher);
  EXPECT_EQ(a.subject.license, b.subject.license);
  EXPECT_EQ(a.subject.age_start, b.subject.age_start);
  EXPECT_EQ(a.subject.published, b.subject.published);
  EXPECT_EQ(a.subject.inspected, b.subject.inspected);
  EXPECT_EQ(a.subject.same_publisher_and_hooks, b.subject.same_publisher_and_hooks);
  EXPECT_EQ(a.subject.again, b.subject.again);
  EXPECT_EQ(a.subject.provenance, b.subject.provenance);
  EXPECT_EQ(a.subject.lowest_risk, b.subject.lowest_risk);
}

std::vector<ReleaseRow> all(StateStore& store) {
  std::vector<ReleaseRow> rows;
  must(store.for_each_release([&](const ReleaseRow& row) { rows.push_back(row); }));
  return rows;
}

class Releases : public StateStoreSuite {};
INSTANTIATE_TEST_SUITE_P(Both, Releases, ::testing::Values(StoreKind::kDisk, StoreKind::kMemory),
                         kind_name);

TEST_P(Releases, RoundTripInOrderOfFirstSight) {
  const ReleaseRow zebra = release_row("zebra", "1.0.0", "aa:bb");
  ReleaseRow odd = release_row("ant", "not semver", "");
  odd.findings.clear();
  odd.subject.popular = false;
  odd.subject.again = "0.9.0";
  odd.subject.provenance =
      Subject::Proven{"https://issuer.example", "hosted", "https://git.example/o/r", "a.yml", "x"};
  odd.subject.lowest_risk = true;
  odd.subject.has_install_script = true;
  odd.subject.same_publisher_and_hooks = false;
  odd.subject.published.reset();
  must(store().put_release_row(zebra));
  must(store().put_release_row(odd));
  reopen();
  const auto rows = all(store());
  ASSERT_EQ(rows.size(), 2U);
  expect_same(rows[0], zebra);
  expect_same(rows[1], odd);
}

TEST_P(Releases, TheInspectedRowStandsAloneWhicheverComesLast) {
  const ReleaseRow inspected = release_row("ant", "1.0.0", "aa:bb");
  const ReleaseRow listed = release_row("ant", "1.0.0", "");
  for (const auto& order : {std::vector{listed, inspected}, std::vector{inspected, listed}}) {
    for (const ReleaseRow& row : order) must(store().put_release_row(row));
    const auto rows = all(store());
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0].content_id, "aa:bb");
  }
}

TEST_P(Releases, ARowDoesNotKeepWhatTheOneBeforeHad) {
  must(store().put_release_row(release_row("a", "1.0.0", "aa:bb")));
  ReleaseRow bare;
  bare.name = "b";
  bare.version = "nonsense";
  must(store().put_release_row(bare));
  const auto rows = all(store());
  ASSERT_EQ(rows.size(), 2U);
  bare.subject.name = "b";
  bare.subject.version = "nonsense";
  expect_same(rows[1], bare);
}

TEST_P(Releases, PutReplacesButFirstSightAndServedStay) {
  ReleaseRow row = release_row("left", "1.0.0", "aa:bb");
  row.served = true;
  must(store().put_release_row(row));
  row.served = false;
  row.seen = at(500);
  row.findings = {finding("known-malware")};
  row.subject.license = "ISC";
  must(store().put_release_row(row));
  reopen();
  const auto rows = all(store());
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_TRUE(rows[0].served);
  EXPECT_EQ(rows[0].seen, at(100));
  EXPECT_EQ(rows[0].findings, row.findings);
  EXPECT_EQ(rows[0].subject.license, "ISC");
}

TEST_P(Releases, InspectionReplacesTheRowMadeOfMetadata) {
  must(store().put_release_row(release_row("left", "1.0.0", "")));
  must(store().put_release_row(release_row("left", "2.0.0", "")));
  must(store().put_release_row(release_row("left", "1.0.0", "aa:bb")));
  std::vector<std::string> seen;
  for (const ReleaseRow& row : all(store())) seen.push_back(row.version + " " + row.content_id);
  EXPECT_EQ(seen, (std::vector<std::string>{"2.0.0 ", "1.0.0 aa:bb"}));
}

TEST_P(Releases, RepublishedContentIsARowOfItsOwn) {
  must(store().put_release_row(release_row("left", "1.0.0", "aa:bb")));
  must(store().put_release_row(release_row("left", "1.0.0", "cc:dd")));
  EXPECT_EQ(all(store()).size(), 2U);
}

TEST_P(Releases, MarkServedIsExactAndLasting) {
  must(store().put_release_row(release_row("left", "1.0.0", "aa:bb")));
  must(store().put_release_row(release_row("left", "1.0.0", "cc:dd")));
  must(store().mark_served("left", "1.0.0", "cc:dd"));
  must(store().mark_served("left", "1.0.0", "cc:dd"));
  reopen();
  const auto rows = all(store());
  EXPECT_FALSE(rows[0].served);
  EXPECT_TRUE(rows[1].served);
  EXPECT_EQ(store().mark_served("left", "1.0.0", "zz").error().code, Code::kNotFound);
}

TEST_P(Releases, OfOnePackageOnly) {
  const ReleaseRow first = release_row("left", "2.0.0", "aa:bb");
  const ReleaseRow second = release_row("left", "1.0.0", "");
  must(store().put_release_row(first));
  must(store().put_release_row(release_row("left-pad", "1.0.0", "aa:bb")));
  must(store().put_release_row(second));
  reopen();
  const auto rows = must(store().releases_of("left"));
  ASSERT_EQ(rows.size(), 2U);
  expect_same(rows[0], first);
  expect_same(rows[1], second);
  EXPECT_TRUE(must(store().releases_of("nobody")).empty());
}

TEST_P(Releases, AVisitorMayUseTheStore) {
  for (const char* version : {"1.0.0", "2.0.0", "3.0.0"}) {
    must(store().put_release_row(release_row("left", version, "aa:bb")));
  }
  int inner = 0;
  must(store().for_each_release([&](const ReleaseRow& row) {
    must(store().mark_served(row.name, row.version, row.content_id));
    must(store().audit({audit_entry("served")}));
    must(store().for_each_release([&](const ReleaseRow&) { ++inner; }));
  }));
  EXPECT_EQ(inner, 9);
  for (const ReleaseRow& row : all(store())) EXPECT_TRUE(row.served) << row.version;
}

TEST(ReleasesOnDisk, ARowThatCannotBeReadIsPassedOver) {
  const TempDir dir;
  auto store = must(open_state_store(dir.path()));
  for (const char* version : {"1.0.0", "2.0.0"}) {
    must(store->put_release_row(release_row("left", version, "aa:bb")));
  }
  const auto other = must(Connection::open(dir.path("state.db"), {false, false, Millis(1000)}));
  must(other->execute("UPDATE release SET findings='[[' WHERE version='1.0.0'"));
  const auto rows = all(*store);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].version, "2.0.0");
}

}  // namespace
}  // namespace npmgate::test
