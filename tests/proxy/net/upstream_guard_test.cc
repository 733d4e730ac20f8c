// The guard before the upstream client: when a request goes through, when it fails at once, and how
// many go at a time. Time is the test's own.
#include "proxy/net/upstream_guard.h"

#include <gtest/gtest.h>

#include "tests/support/run_task.h"

namespace npmgate {
namespace {

using testing::run_task;
using namespace std::chrono_literals;

class Inner final : public Upstream {
 public:
  Task<Result<FetchReply>> fetch(FetchRequest request) override {
    ++asked;
    most = std::max(most, ++now);
    if (slow) {
      net::steady_timer timer(co_await net::this_coro::executor, 1ms);
      co_await timer.async_wait(kTuple);
    }
    --now;
    if (down) co_return fail(Code::kUnavailable, Origin::kUpstream, "down", true);
    FetchReply reply;
    reply.status = request.url.ends_with("bad") ? status : 200;
    if (!retry_after.empty()) reply.headers.add("retry-after", retry_after);
    co_return reply;
  }
  int asked = 0, now = 0, most = 0, status = 500;
  bool down = false, slow = false;
  std::string retry_after;
};

struct Guarded : ::testing::Test {
  Result<FetchReply> fetch(const std::string& url, bool of_client = false) {
    FetchRequest request;
    request.url = url;
    request.of_client = of_client;
    return run_task(context, guard.fetch(std::move(request)));
  }
  net::io_context context{1};
  std::chrono::steady_clock::time_point now{};
  Inner inner;
  Metrics metrics;
  UpstreamGuard guard{inner, metrics, GuardLimits{}, [this] { return now; }, [] { return 0.0; }};
};

using UpstreamGuardTest = Guarded;

TEST_F(UpstreamGuardTest, DownIsAskedAHandfulOfTimesASecondAndFoundWellSoon) {
  inner.down = true;
  for (int i = 0; i < 1000; ++i) {  // ten seconds
    EXPECT_FALSE(fetch("https://a.example/x" + std::to_string(i)));
    now += 10ms;
  }
  EXPECT_LE(inner.asked, 5 + 15);
  inner.down = false;
  now += 1s;
  EXPECT_TRUE(fetch("https://a.example/x"));
  EXPECT_TRUE(fetch("https://a.example/y"));
  EXPECT_TRUE(fetch("https://a.example/z"));
}

TEST_F(UpstreamGuardTest, OneOriginIsNotAnother) {
  inner.down = true;
  for (int i = 0; i < 10; ++i) fetch("https://a.example/x");
  const int asked = inner.asked;
  fetch("https://b.example/x");
  fetch("https://a.example:8443/x");
  EXPECT_EQ(inner.asked, asked + 2);
}

TEST_F(UpstreamGuardTest, OneBadPackageAmongGoodOnesClosesNothing) {
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(fetch("https://a.example/bad")->status, 500);
    EXPECT_EQ(fetch("https://a.example/good")->status, 200);
  }
}

TEST_F(UpstreamGuardTest, RetryAfterPausesTheUrlAfter503AndTheOriginAfter429) {
  inner.status = 503;
  inner.retry_after = "3";
  EXPECT_EQ(fetch("https://a.example/bad")->status, 503);
  EXPECT_FALSE(fetch("https://a.example/bad"));
  inner.retry_after.clear();
  EXPECT_TRUE(fetch("https://a.example/good"));
  now += 3s;
  inner.status = 429;
  inner.retry_after = "100000";
  EXPECT_EQ(fetch("https://a.example/bad")->status, 429);
  EXPECT_FALSE(fetch("https://a.example/good"));
  now += 30s;  // the longest that is honoured
  EXPECT_TRUE(fetch("https://a.example/good"));
}

TEST_F(UpstreamGuardTest, ClientsWithTheirOwnCredentialsAreNotAnsweredFromTheFailuresOfOthers) {
  inner.down = true;
  for (int i = 0; i < 10; ++i) fetch("https://a.example/x");
  const int asked = inner.asked;
  fetch("https://a.example/x", true);
  EXPECT_EQ(inner.asked, asked + 1);
}

TEST_F(UpstreamGuardTest, AtMostSixtyFourAtATimeAndAllInTheEnd) {
  inner.slow = true;
  int done = 0;
  for (int i = 0; i < 1000; ++i) {
    auto one = [this, &done]() -> Task<void> {
      FetchRequest request;
      request.url = "https://a.example/good";
      auto reply = co_await guard.fetch(std::move(request));
      done += reply ? 1 : 0;
    };
    spawn_detached(context.get_executor(), "one", std::move(one));
  }
  context.restart();
  context.run();
  EXPECT_EQ(done, 1000);
  EXPECT_EQ(inner.most, 64);
}

}  // namespace
}  // namespace npmgate
