#include "tests/alert/delivery_testing.h"

namespace npmgate::test {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

class CourierTest : public Delivering {};

TEST_F(CourierTest, EventsThatWaitTogetherShareAMessage) {
  tell(bad_release("coa", "2.0.3"));
  clock.move(seconds(20));
  tell(bad_release("rc", "1.2.9"));
  EXPECT_EQ(step(), 0);  // 30 s have not passed
  clock.move(seconds(10));
  EXPECT_EQ(step(), 1);
  ASSERT_EQ(network.requests.size(), 1U);
  const auto body = boost::json::parse(network.requests[0].body).as_object();
  EXPECT_EQ(body.at("events").as_array().size(), 2U);
  EXPECT_EQ(states(), std::vector<std::string>{"sent"});
}

TEST_F(CourierTest, AFailureIsTriedAgainWithTheSameKeyAndLaterEachTime) {
  network.otherwise = ScriptedUpstream::reply(500);
  tell(bad_release());
  clock.move(minutes(1));
  EXPECT_EQ(step(), 1);
  clock.move(seconds(9));
  EXPECT_EQ(step(), 0);
  clock.move(seconds(1));
  EXPECT_EQ(step(), 1);
  clock.move(seconds(19));
  EXPECT_EQ(step(), 0);
  clock.move(seconds(1));
  network.otherwise = ScriptedUpstream::reply(204);
  EXPECT_EQ(step(), 1);
  ASSERT_EQ(network.requests.size(), 3U);
  EXPECT_EQ(network.requests[0].headers[1], network.requests[2].headers[1]);
  EXPECT_EQ(network.requests[0].body, network.requests[2].body);
  EXPECT_EQ(states(), std::vector<std::string>{"sent"});
  EXPECT_EQ(metrics.value("npm_gate_alerts_total", R"(sink="hook",result="retry")"), 2);
}

TEST_F(CourierTest, RetryAfterIsKept) {
  network.replies.push_back(ScriptedUpstream::reply(429, "", {{"Retry-After", "120"}}));
  tell(bad_release());
  clock.move(minutes(1));
  EXPECT_EQ(step(), 1);
  clock.move(seconds(119));
  EXPECT_EQ(step(), 0);
  clock.move(seconds(1));
  EXPECT_EQ(step(), 1);
}

TEST_F(CourierTest, AMessageIsDeadAfterThreeDaysOrWhenTheAddressIsGone) {
  network.otherwise = ScriptedUpstream::reply(0);
  tell(bad_release());
  clock.move(minutes(1));
  int attempts = 0;
  for (int hour = 0; hour < 24 * 4; ++hour) {
    attempts += step();
    clock.move(hours(1));
  }
  EXPECT_EQ(states(), std::vector<std::string>{"dead"});
  EXPECT_GT(attempts, 60);
  EXPECT_EQ(metrics.value("npm_gate_alerts_total", R"(sink="hook",result="dead")"), 1);

  network.otherwise = ScriptedUpstream::reply(410);
  tell(bad_release("other", "1.0.0"));
  clock.move(minutes(1));
  step();
  EXPECT_EQ(states(), (std::vector<std::string>{"dead", "dead"}));
}

// The process ends between the attempt's begin and its end: the next start tries at once, with the
// same key.
TEST_F(CourierTest, AnAttemptThatNeverEndedIsMadeAgainAtTheNextStart) {
  tell(bad_release());
  clock.move(minutes(1));
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

TEST_F(CourierTest, ARateLimitHoldsMessagesBackAndThenSendsThemTogether) {
  settings.wait = settings.max_wait = Millis(0);
  for (int i = 0; i < 20; ++i) {
    tell(bad_release("worm-" + std::to_string(i), "1.0.1"));
    step();
    clock.move(seconds(1));
  }
  EXPECT_EQ(network.requests.size(), 5U);
  clock.move(hours(1));
  step();
  ASSERT_EQ(network.requests.size(), 6U);
  EXPECT_EQ(boost::json::parse(network.requests[5].body).at("events").as_array().size(), 15U);
}

TEST_F(CourierTest, OneBrokenSinkDoesNotHoldUpTheOthers) {
  SinkSettings chat;
  chat.name = "chat";
  chat.type = SinkType::kSlack;
  chat.url = "https://chat.corp.example/x";
  settings.sinks.push_back(chat);
  tell(bad_release(), {{"hook", ""}, {"chat", ""}, {"unknown", ""}});
  clock.move(minutes(1));
  network.on_request = [this](const FetchRequest& request) {
    network.otherwise =
        ScriptedUpstream::reply(request.url.starts_with("https://chat.") ? 200 : 503);
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

TEST_F(CourierTest, SecretsDoNotReachTheList) {
  network.otherwise = ScriptedUpstream::reply(0);
  tell(bad_release());
  clock.move(minutes(1));
  step();
  const Delivery delivery = store->alerts().deliveries(1).value().at(0);
  EXPECT_EQ(delivery.detail, "unavailable: no answer from the address");
}

}  // namespace
}  // namespace npmgate::test
