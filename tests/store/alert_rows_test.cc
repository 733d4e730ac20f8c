#include "tests/store/store_support.h"

namespace npmgate::test {
namespace {

class AlertRows : public StateStoreSuite {
 protected:
  AlertStore& alerts() { return store().alerts(); }

  static OutboxEvent event(const std::string& version, std::int64_t when,
                           const std::string& kind = "held") {
    OutboxEvent out;
    out.at = at(when);
    out.kind = kind;
    out.name = "left";
    out.version = version;
    out.content_id = "aa:bb";
    out.json = "{\"v\":\"" + version + "\"}";
    return out;
  }

  int tell(const OutboxEvent& what, std::vector<OutboxAddress> to = {{"hook", ""}}) {
    AlertStore::News news;
    news.event = what;
    news.to = std::move(to);
    news.repeat = Millis(1000);
    return must(alerts().record(news));
  }
};
INSTANTIATE_TEST_SUITE_P(Both, AlertRows, ::testing::Values(StoreKind::kDisk, StoreKind::kMemory),
                         kind_name);

TEST_P(AlertRows, NewsIsOneTransaction) {
  AuditEntry audit;
  audit.at = at(5);
  audit.kind = "verdict";
  audit.name = "left";
  AlertStore::News news;
  news.standings = {{"left", "1.0.0", "aa:bb", "held", at(5)}};
  news.audit = {&audit};
  news.event = event("1.0.0", 5);
  news.to = {{"hook", ""}, {"issues", "corp/shop"}};
  EXPECT_EQ(must(alerts().record(news)), 2);
  EXPECT_EQ(must(alerts().standings()), news.standings);
  EXPECT_EQ(must(store().audit_log({})).size(), 1U);
  const auto waiting = must(alerts().waiting());
  ASSERT_EQ(waiting.size(), 2U);
  EXPECT_EQ(waiting[1].to, (OutboxAddress{"issues", "corp/shop"}));
  EXPECT_EQ(waiting[1].event.json, news.event->json);

  news.standings[0].standing = "clear";
  news.event.reset();
  EXPECT_EQ(must(alerts().record(news)), 0);
  EXPECT_EQ(must(alerts().standings()), news.standings);
}

TEST_P(AlertRows, TheSameNewsIsToldOncePerAddress) {
  EXPECT_EQ(tell(event("1.0.0", 5000)), 1);
  EXPECT_EQ(tell(event("1.0.0", 5500)), 0);
  EXPECT_EQ(tell(event("1.0.0", 5500), {{"hook", ""}, {"chat", ""}}), 1);
  EXPECT_EQ(tell(event("1.0.0", 5500, "cleared")), 1);
  EXPECT_EQ(tell(event("1.0.1", 5500)), 1);
  EXPECT_EQ(tell(event("1.0.0", 6001)), 1);
}

// What an address heard last about a release decides, whatever its content and however long ago.
TEST_P(AlertRows, AnAddressIsToldUnlessItsLastEventSaysSo) {
  const OutboxAddress shop{"issues", "corp/shop"};
  const auto tell_unless = [&](const std::string& kind, std::vector<std::string> skip) {
    AlertStore::News news;
    news.event = event("1.0.0", 5, kind);
    news.to = {shop, {"issues", "corp/other"}};
    news.skip_after = std::move(skip);
    return must(alerts().record(news));
  };
  EXPECT_EQ(must(alerts().last_told(shop, "left", "1.0.0")), "");
  EXPECT_EQ(tell_unless("dropped", {"", "dropped"}), 0);
  EXPECT_EQ(tell(event("1.0.0", 5), {shop}), 1);
  EXPECT_EQ(tell_unless("blocked", {"held", "blocked"}), 1);  // the other one
  EXPECT_EQ(must(alerts().last_told(shop, "left", "1.0.0")), "held");
  EXPECT_EQ(tell_unless("dropped", {"", "dropped"}), 2);
  EXPECT_EQ(tell_unless("held", {"held", "blocked"}), 2);
  EXPECT_EQ(must(alerts().last_told(shop, "left", "1.0.1")), "");
  EXPECT_EQ(must(alerts().told("left", "1.0.0")),
            (std::vector<OutboxAddress>{{"issues", "corp/other"}, shop}));
}

TEST_P(AlertRows, AfterTrimmingTheIssueSaysWhatWasTold) {
  must(alerts().put_issue({"corp/shop", "left", "1.0.0", 7, "open", at(1)}));
  must(alerts().put_issue({"corp/shop", "left", "1.0.1", 7, "cleared", at(1)}));
  must(alerts().put_issue({"corp/shop", "left", "1.0.2", 7, "gone", at(1)}));
  const OutboxAddress shop{"issues", "corp/shop"};
  EXPECT_EQ(must(alerts().last_told(shop, "left", "1.0.0")), "held");
  EXPECT_EQ(must(alerts().last_told(shop, "left", "1.0.1")), "cleared");
  EXPECT_EQ(must(alerts().last_told(shop, "left", "1.0.2")), "held");
}

TEST_P(AlertRows, AnAddressThatMayTakeNoMoreDoesNotHideTheOthers) {
  for (int i = 0; i < 1100; ++i) tell(event(std::to_string(i) + ".0.0", i + 1));
  tell(event("1.0.0", 5000), {{"chat", ""}});
  const auto waiting = must(alerts().waiting());
  EXPECT_EQ(waiting.size(), 1001U);
  EXPECT_EQ(waiting.front().event.version, "0.0.0");
  EXPECT_EQ(waiting.back().to.sink, "chat");
}

TEST_P(AlertRows, AMessageKeepsItsEvents) {
  tell(event("1.0.0", 1));
  tell(event("1.0.1", 2));
  tell(event("1.0.2", 3));
  const auto rows = must(alerts().waiting());
  const Delivery first = must(alerts().bundle({rows[0].id, rows[1].id}, {"hook", ""}, "k1", at(9)));
  EXPECT_EQ(first.events.size(), 2U);
  EXPECT_EQ(must(alerts().waiting()).size(), 1U);
  // A row goes into one message only, and the whole of a refused bundle is undone.
  const auto again = alerts().bundle({rows[2].id, rows[0].id}, {"hook", ""}, "k2", at(9));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::kNotFound);
  EXPECT_EQ(must(alerts().waiting()).size(), 1U);
  const auto due = must(alerts().due(at(9), 10));
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].key, "k1");
  EXPECT_EQ(due[0].events, first.events);
}

TEST_P(AlertRows, AnAttemptIsCountedBeforeItIsMade) {
  tell(event("1.0.0", 1));
  const auto rows = must(alerts().waiting());
  const Delivery made = must(alerts().bundle({rows[0].id}, {"hook", ""}, "k1", at(9)));
  must(alerts().begin_attempt(made.id, at(60)));
  EXPECT_TRUE(must(alerts().due(at(59), 10)).empty());
  auto due = must(alerts().due(at(60), 10));
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].attempts, 1);
  must(alerts().failed(made.id, at(100), "status 500"));
  EXPECT_TRUE(must(alerts().due(at(99), 10)).empty());
  EXPECT_EQ(must(alerts().due(at(100), 10)).at(0).detail, "status 500");
  must(alerts().finish(made.id, "sent", at(120), "200"));
  EXPECT_TRUE(must(alerts().due(at(999), 10)).empty());
  EXPECT_EQ(must(alerts().sent_since("hook", at(120))), 1);
  EXPECT_EQ(must(alerts().sent_since("hook", at(121))), 0);
  EXPECT_EQ(must(alerts().sent_since("chat", at(0))), 0);
  const auto all = must(alerts().deliveries(10));
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].state, "sent");
  EXPECT_EQ(all[0].done, at(120));
}

TEST_P(AlertRows, IssuesAreRemembered) {
  const StoredIssue issue{"corp/shop", "left", "1.0.0", 7, "open", at(1)};
  must(alerts().put_issue(issue));
  must(alerts().put_issue({"corp/shop", "left", "1.0.1", 7, "open", at(2)}));
  must(alerts().put_issue({"corp/other", "left", "1.0.0", 1, "open", at(2)}));
  EXPECT_EQ(must(alerts().issues("corp/shop")).size(), 2U);
  StoredIssue gone = issue;
  gone.state = "gone";
  must(alerts().put_issue(gone));
  EXPECT_EQ(must(alerts().issues("corp/shop")).at(0), gone);
}

TEST_P(AlertRows, TrimmingKeepsWhatIsPending) {
  tell(event("1.0.0", 1));
  tell(event("1.0.1", 2));
  const auto rows = must(alerts().waiting());
  const Delivery sent = must(alerts().bundle({rows[0].id}, {"hook", ""}, "k1", at(9)));
  must(alerts().finish(sent.id, "sent", at(10), ""));
  must(alerts().trim_outbox(at(11)));
  EXPECT_TRUE(must(alerts().deliveries(10)).empty());
  ASSERT_EQ(must(alerts().waiting()).size(), 1U);
  EXPECT_EQ(must(alerts().waiting())[0].event.version, "1.0.1");
}

}  // namespace
}  // namespace npmgate::test
