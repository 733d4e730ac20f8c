#include "store/sqlite/open_state_store.h"
#include "store/sqlite/sqlite.h"
#include "tests/store/store_support.h"

namespace npmgate::test {
namespace {

class Decisions : public StateStoreSuite {};
INSTANTIATE_TEST_SUITE_P(Both, Decisions, ::testing::Values(StoreKind::kDisk, StoreKind::kMemory),
                         kind_name);

TEST_P(Decisions, RoundTripOfBothKinds) {
  Decision approve = approval("left");
  Decision reject;
  reject.kind = Decision::Kind::kReject;
  reject.name = "@s/right";
  reject.versions = ">=1 <2";
  reject.actor = "admin:bob";
  reject.reason = "malware";
  reject.at = at(7'000);
  approve.id = must(store().add_decision(approve, audit_entry("decision", "left")));
  reject.id = must(store().add_decision(reject, audit_entry("decision", "@s/right")));
  EXPECT_GT(reject.id, approve.id);
  reopen();
  EXPECT_EQ(must(store().decisions()), (std::vector<Decision>{approve, reject}));
  EXPECT_EQ(must(store().decisions("@s/right")), (std::vector<Decision>{reject}));
  EXPECT_TRUE(must(store().decisions("nobody")).empty());
  const auto trail = must(store().audit_log({}));
  ASSERT_EQ(trail.size(), 2U);
  EXPECT_EQ(trail[1].name, "@s/right");
}

TEST_P(Decisions, ReopenEndsADecisionOnce) {
  const auto first = must(store().add_decision(approval("left"), audit_entry("decision")));
  const auto second = must(store().add_decision(approval("left"), audit_entry("decision")));
  must(store().reopen(first, audit_entry("reopen")));
  reopen();
  const auto all = must(store().decisions("left"));
  ASSERT_EQ(all.size(), 2U);
  EXPECT_TRUE(all[0].reopened);
  EXPECT_FALSE(all[1].reopened);
  EXPECT_EQ(all[1].id, second);
  EXPECT_EQ(store().reopen(first, audit_entry("reopen")).error().code, Code::kNotFound);
  EXPECT_EQ(store().reopen(999, audit_entry("reopen")).error().code, Code::kNotFound);
  AuditFilter reopens;
  reopens.kind = "reopen";
  EXPECT_EQ(must(store().audit_log(reopens)).size(), 1U) << "a refused reopen leaves no line";
}

// The trail and the decision are one: a trail that cannot be written undoes the decision.
TEST(DecisionsOnDisk, NoDecisionWithoutItsLine) {
  const TempDir dir;
  auto store = must(open_state_store(dir.path()));
  const auto other = must(Connection::open(dir.path("state.db"), {false, false, Millis(1000)}));
  must(
      other->execute("CREATE TRIGGER full BEFORE INSERT ON audit"
                     " BEGIN SELECT RAISE(ABORT, 'no space'); END"));
  const auto added = store->add_decision(approval("left"), audit_entry("decision"));
  ASSERT_FALSE(added);
  EXPECT_NE(added.error().context.find("no space"), std::string::npos);
  EXPECT_TRUE(must(store->decisions()).empty());
}

struct StatementRow {
  const char* name;
  const char* sql;
  const char* says;
};
class Final : public ::testing::TestWithParam<StatementRow> {};

// What must never change does not change either for whoever writes SQL by hand.
TEST_P(Final, IsEnforcedByTheFileItself) {
  const TempDir dir;
  auto store = must(open_state_store(dir.path()));
  must(store->add_decision(approval("left"), audit_entry("decision")));
  must(store->pin({"left", "1.0.0", "aa:bb", "{}", at(1)}));
  const auto other = must(Connection::open(dir.path("state.db"), {false, false, Millis(1000)}));
  const auto done = other->execute(GetParam().sql);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kRefused);
  EXPECT_NE(done.error().context.find(GetParam().says), std::string::npos) << done.error().context;
  EXPECT_EQ(must(store->audit_log({})).size(), 1U);
  EXPECT_EQ(must(store->decisions())[0].reason, approval("left").reason);
  EXPECT_EQ(must(store->pins_of("left")).at("1.0.0").raw_manifest, "{}");
}

INSTANTIATE_TEST_SUITE_P(
    Rows, Final,
    ::testing::Values(
        StatementRow{"AuditUpdate", "UPDATE audit SET actor='nobody'", "append-only"},
        StatementRow{"AuditDelete", "DELETE FROM audit", "append-only"},
        StatementRow{"AuditDeleteOne", "DELETE FROM audit WHERE id=1", "append-only"},
        StatementRow{"DecisionUpdate", "UPDATE decision SET reason='x'", "only reopened"},
        StatementRow{"DecisionForWhom", "UPDATE decision SET project='x'", "only reopened"},
        StatementRow{"DecisionKind", "UPDATE decision SET kind='reject'", "only reopened"},
        StatementRow{"DecisionDelete", "DELETE FROM decision", "never removed"},
        StatementRow{"PinUpdate", "UPDATE pin SET raw_manifest='x'", "never changed"},
        StatementRow{"PinDelete", "DELETE FROM pin", "never removed"}),
    RowName());

}  // namespace
}  // namespace npmgate::test
