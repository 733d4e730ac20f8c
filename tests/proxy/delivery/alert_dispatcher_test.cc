#include "proxy/delivery/webhook.h"
#include "tests/proxy/delivery/delivery_testing.h"

namespace npmgate::test {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

class AlertDispatcherTest : public Delivering {};

TEST_F(AlertDispatcherTest, EventsThatWaitTogetherShareAMessage) {
  tell(bad_release("coa", "2.0.3"));
  clock.advance(seconds(20));
  tell(bad_release("rc", "1.2.9"));
  EXPECT_EQ(step(), 0);  // 30 s have not passed
  clock.advance(seconds(10));
  EXPECT_EQ(step(), 1);
  ASSERT_EQ(network.requests.size(), 1U);
  const auto body = boost::json::parse(network.requests[0].body).as_object();
  EXPECT_EQ(body.at("events").as_array().size(), 2U);
  EXPECT_EQ(states(), std::vector<std::string>{"sent"});
}

TEST_F(AlertDispatcherTest, AFailureIsTriedAgainWithTheSameKeyAndLaterEachTime) {
  network.otherwise = FakeUpstream::reply(500);
  tell(bad_release());
  clock.advance(minutes(1));
  EXPECT_EQ(step(), 1);
  clock.advance(seconds(9));
  EXPECT_EQ(step(), 0);
  clock.advance(seconds(1));
  EXPECT_EQ(step(), 1);
  clock.advance(seconds(19));
  EXPECT_EQ(step(), 0);
  clock.advance(seconds(1));
  network.otherwise = FakeUpstream::reply(204);
  EXPECT_EQ(step(), 1);
  ASSERT_EQ(network.requests.size(), 3U);
  EXPECT_EQ(network.requests[0].headers[1], network.requests[2].headers[1]);
  EXPECT_EQ(network.requests[0].body, network.requests[2].body);
  EXPECT_EQ(states(), std::vector<std::string>{"sent"});
  EXPECT_EQ(metrics.value("npm_gate_alerts_total", R"(sink="hook",result="retry")"), 2);
}

TEST_F(AlertDispatcherTest, RetryAfterIsKept) {
  network.push(FakeUpstream::reply(429, "", {{"Retry-After", "120"}}));
  tell(bad_release());
  clock.advance(minutes(1));
  EXPECT_EQ(step(), 1);
  clock.advance(seconds(119));
  EXPECT_EQ(step(), 0);
  clock.advance(seconds(1));
  EXPECT_EQ(step(), 1);
}

TEST_F(AlertDispatcherTest, AMessageIsDeadAfterThreeDaysOrWhenTheAddressIsGone) {
  network.otherwise = FakeUpstream::reply(0);
  tell(bad_release());
  clock.advance(minutes(1));
  int attempts = 0;
  for (int hour = 0; hour < 24 * 4; ++hour) {
    attempts += step();
    clock.advance(hours(1));
  }
  EXPECT_EQ(states(), std::vector<std::string>{"dead"});
  EXPECT_GT(attempts, 60);
  EXPECT_EQ(metrics.value("npm_gate_alerts_total", R"(sink="hook",result="dead")"), 1);

  network.otherwise = FakeUpstream::reply(410);
  tell(bad_release("other", "1.0.0"));
  clock.advance(minutes(1));
  step();
  EXPECT_EQ(states(), (std::vector<std::string>{"dead", "dead"}));
}

// The process ends between the attempt's begin and its end: the next start tries at once, with the
// same key.
TEST_F(AlertDispatcherTest, AnAttemptThatNeverEndedIsMadeAgainAtTheNextStart) {
  tell(bad_release());
  clock.advance(minutes(1));
  const auto waiting = store->alerts().waiting().value();
  const Delivery made =
      store->alerts().bundle({waiting[0].id}, {"hook", ""}, "key-1", clock.now()).value();
  ASSERT_TRUE(store->alerts().begin_attempt(made.id, clock.now() + minutes(5)));
  restart();
  EXPECT_EQ(step(), 1);
  ASSERT_EQ(network.requests.size(), 1U);
  EXPECT_EQ(network.requests[0].headers[1].second, "key-1");
  EXPECT_EQ(step(), 0);
}

TEST_F(AlertDispatcherTest, ARateLimitHoldsMessagesBackAndThenSendsThemTogether) {
  settings.wait = settings.max_wait = Millis(0);
  for (int i = 0; i < 20; ++i) {
    tell(bad_release("worm-" + std::to_string(i), "1.0.1"));
    step();
    clock.advance(seconds(1));
  }
  EXPECT_EQ(network.requests.size(), 5U);
  clock.advance(hours(1));
  step();
  ASSERT_EQ(network.requests.size(), 6U);
  EXPECT_EQ(boost::json::parse(network.requests[5].body).at("events").as_array().size(), 15U);
}

TEST_F(AlertDispatcherTest, ABurstThatIsTooLongForOneMessageTakesSeveral) {
  settings.sinks[0].rate = 100;
  AlertEvent large = bad_release();
  large.findings[0].proof = std::string(400'000, 'x');
  for (int i = 0; i < 5; ++i) {
    large.version = "0.7." + std::to_string(i);
    tell(large);
  }
  clock.advance(minutes(1));
  for (int i = 0; i < 3; ++i) {
    step();
    clock.advance(hours(2));
  }
  ASSERT_EQ(network.requests.size(), 3U);
  for (const FetchRequest& request : network.requests) EXPECT_LE(request.body.size(), 1'100'000U);
  EXPECT_EQ(boost::json::parse(network.requests[2].body).at("events").as_array().size(), 1U);
}

struct HookAnswer {
  const char* name;
  SinkType type;
  FetchReply reply;
  SendOutcome::Kind kind;
  std::optional<Millis> wait;
  const char* detail;
};
class HookAnswers : public ::testing::TestWithParam<HookAnswer> {};
using Kind = SendOutcome::Kind;
INSTANTIATE_TEST_SUITE_P(
    Table, HookAnswers,
    ::testing::Values(
        HookAnswer{"taken", SinkType::kWebhook, FakeUpstream::reply(204, ""), Kind::kSent,
                   std::nullopt, "status 204"},
        HookAnswer{"taken_by_teams", SinkType::kTeams, FakeUpstream::reply(202, ""), Kind::kSent,
                   std::nullopt, "status 202"},
        HookAnswer{"teams_hides_a_failure", SinkType::kTeams,
                   FakeUpstream::reply(200, "endpoint returned HTTP error 429 with X"),
                   Kind::kRetry, std::nullopt,
                   "status 200: endpoint returned HTTP error 429 with X"},
        HookAnswer{"limited", SinkType::kSlack,
                   FakeUpstream::reply(429, "", {{"Retry-After", "30"}}), Kind::kRetry, seconds(30),
                   "status 429"},
        HookAnswer{"down", SinkType::kSlack, FakeUpstream::reply(500, "rollup_error"), Kind::kRetry,
                   std::nullopt, "status 500: rollup_error"},
        HookAnswer{"login_is_missing", SinkType::kWebhook, FakeUpstream::reply(401, ""),
                   Kind::kRetry, std::nullopt, "status 401"},
        HookAnswer{"body_is_wrong", SinkType::kSlack, FakeUpstream::reply(400, "a\nb"), Kind::kDead,
                   std::nullopt, "status 400: a\\u000ab"},
        HookAnswer{"nobody_there", SinkType::kSlack, FakeUpstream::reply(404, "no_service"),
                   Kind::kDead, std::nullopt, "status 404: no_service"},
        HookAnswer{"gone", SinkType::kWebhook, FakeUpstream::reply(410, ""), Kind::kDead,
                   std::nullopt, "status 410"},
        HookAnswer{"too_long", SinkType::kTeams, FakeUpstream::reply(413, ""), Kind::kDead,
                   std::nullopt, "status 413"}),
    [](const auto& row) { return std::string(row.param.name); });
TEST_P(HookAnswers, MeanWhatTheyAreDocumentedToMean) {
  const HookAnswer& row = GetParam();
  const SendOutcome outcome =
      hook_outcome(row.type, row.reply, parse_time("2026-01-01T00:00:00Z").value());
  EXPECT_EQ(outcome.kind, row.kind);
  EXPECT_EQ(outcome.wait, row.wait);
  EXPECT_EQ(outcome.detail, row.detail);
}

TEST_F(AlertDispatcherTest, OneBrokenSinkDoesNotHoldUpTheOthers) {
  SinkSettings chat;
  chat.name = "chat";
  chat.type = SinkType::kSlack;
  chat.url = "https://chat.corp.example/x";
  settings.sinks.push_back(chat);
  tell(bad_release(), {{"hook", ""}, {"chat", ""}, {"unknown", ""}});
  clock.advance(minutes(1));
  network.answer = [](const FetchRequest& request) {
    return FakeUpstream::reply(request.url.starts_with("https://chat.") ? 200 : 503);
  };
  step();
  const auto all = store->alerts().deliveries(10).value();
  ASSERT_EQ(all.size(), 3U);
  for (const Delivery& each : all) {
    const std::string expected = each.to.sink == "hook"   ? "pending"
                                 : each.to.sink == "chat" ? "sent"
                                                          : "dead";
    EXPECT_EQ(each.state, expected) << each.to.sink;
  }
}

TEST_F(AlertDispatcherTest, SecretsDoNotReachTheList) {
  network.otherwise = FakeUpstream::reply(0);
  tell(bad_release());
  clock.advance(minutes(1));
  step();
  const Delivery delivery = store->alerts().deliveries(1).value().at(0);
  EXPECT_EQ(delivery.detail, "unavailable: no answer from the address");
}

}  // namespace
}  // namespace npmgate::test
