// Requests for releases: joined, answered once, kept.
#include "store/request_store.h"

#include "tests/store/store_support.h"

namespace npmgate::test {
namespace {

class RequestRows : public StateStoreSuite {
 protected:
  Asker asker(const std::string& token, const std::string& reason, int when) {
    Asker out;
    out.token = token;
    out.project = "shop";
    out.reason = reason;
    out.asked = at(when);
    return out;
  }
  RequestStore::Asked ask(const std::string& version, const Asker& who) {
    return must(store().requests().ask("left", version, who, audit_entry("request", "left")));
  }
  std::vector<ReleaseRequest> open() {
    RequestFilter filter;
    filter.open = true;
    return must(store().requests().requests(filter));
  }
};

TEST_P(RequestRows, WhoAsksForTheSameReleaseJoins) {
  const auto first = ask("1.0.1", asker("ci", "a build", 1));
  EXPECT_TRUE(first.opened);
  const auto second = ask("1.0.1", asker("rita", "a demo", 2));
  EXPECT_FALSE(second.opened);
  EXPECT_EQ(second.id, first.id);
  EXPECT_TRUE(ask("1.0.2", asker("ci", "another", 3)).opened);
  Asker again = asker("ci", "still", 4);
  again.needed_until = at(99);
  EXPECT_EQ(ask("1.0.1", again).id, first.id);
  reopen();
  const auto all = open();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].version, "1.0.2");
  ASSERT_EQ(all[1].askers.size(), 2U);
  EXPECT_EQ(all[1].askers[0].reason, "still");
  EXPECT_EQ(all[1].askers[0].asked, at(1));
  EXPECT_EQ(all[1].askers[0].needed_until, std::optional(at(99)));
  EXPECT_EQ(all[1].askers[1].token, "rita");
  AuditFilter filter;
  filter.kind = "request";
  EXPECT_EQ(must(store().audit_log(filter)).size(), 4U);
}

TEST_P(RequestRows, AnAnswerIsGivenOnceAndTheNextQuestionIsAnotherRequest) {
  const auto first = ask("1.0.1", asker("ci", "a build", 1));
  const RequestStore::Answer answer{"instead", "rita", "too young", "1.0.0", at(5)};
  must(store().requests().answer(first.id, answer, audit_entry("request", "left")));
  EXPECT_EQ(store().requests().answer(first.id, answer, audit_entry("request")).error().code,
            Code::kNotFound);
  EXPECT_EQ(store().requests().answer(77, answer, audit_entry("request")).error().code,
            Code::kNotFound);
  EXPECT_TRUE(open().empty());
  EXPECT_NE(ask("1.0.1", asker("ci", "now?", 6)).id, first.id);
  RequestFilter filter;
  filter.name = "left";
  const auto all = must(store().requests().requests(filter));
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[1].answer, "instead");
  EXPECT_EQ(all[1].instead, "1.0.0");
  EXPECT_EQ(all[1].answered, std::optional(at(5)));
  EXPECT_EQ(all[1].answered_by, "rita");
  filter.before = all[0].id;
  EXPECT_EQ(must(store().requests().requests(filter)).size(), 1U);
}

TEST_P(RequestRows, AnApprovalForSomeAnswersThoseAlone) {
  const auto first = ask("1.0.1", asker("ci", "a build", 1));
  Asker other = asker("", "a site", 2);
  other.address = "10.0.0.1";
  other.project = "site";
  ask("1.0.1", other);
  const RequestStore::Answer answer{"approved", "rita", "read it", "", at(5)};
  const auto entry = audit_entry("request", "left");
  EXPECT_EQ(must(store().requests().approve_for(first.id, "", "nobody", answer, entry)), 0U);
  EXPECT_EQ(must(store().requests().approve_for(first.id, "", "shop", answer, entry)), 1U);
  reopen();
  auto all = open();
  ASSERT_EQ(all.size(), 1U) << "the other one waits on";
  EXPECT_EQ(all[0].askers[0].approved, std::optional(at(5)));
  EXPECT_EQ(all[0].askers[0].approved_by, "rita");
  EXPECT_FALSE(all[0].askers[1].approved);
  ask("1.0.1", asker("ci", "again: it was taken back", 6));
  EXPECT_FALSE(open()[0].askers[0].approved);
  EXPECT_EQ(must(store().requests().approve_for(first.id, "ci", "shop", answer, entry)), 1U);
  EXPECT_EQ(must(store().requests().approve_for(first.id, "", "site", answer, entry)), 1U);
  EXPECT_TRUE(open().empty()) << "nobody waits any more";
  EXPECT_EQ(store().requests().approve_for(first.id, "", "site", answer, entry).error().code,
            Code::kNotFound);
}

INSTANTIATE_TEST_SUITE_P(Stores, RequestRows,
                         ::testing::Values(StoreKind::kDisk, StoreKind::kMemory), kind_name);

TEST(RequestLimits, AskersOfOneRequestAreBounded) {
  auto store = must(open_memory_state_store());
  Asker asker;
  asker.reason = "x";
  for (std::size_t i = 0; i < RequestStore::kMaxAskers; ++i) {
    asker.token = "t" + std::to_string(i);
    must(store->requests().ask("left", "1.0.1", asker, audit_entry("request")));
  }
  asker.token = "more";
  EXPECT_EQ(store->requests().ask("left", "1.0.1", asker, audit_entry("request")).error().code,
            Code::kRefused);
}

}  // namespace
}  // namespace npmgate::test
