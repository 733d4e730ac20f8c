// The guard before the upstream client: when a request goes through, when it fails at once, and how
// many go at a time. Time is the test's own.
#include "proxy/runtime/upstream_guard.h"

#include <gtest/gtest.h>

#include "tests/support/fakes.h"
#include "tests/support/run_task.h"

namespace npmgate {
namespace {

using testing::FakeUpstream;
using testing::run_task;
using namespace std::chrono_literals;

// Status and Retry-After of URLs that end in "bad"; all others are 200.
struct Bad {
  int status = 500;
  std::string retry_after;
};

struct Guarded : ::testing::Test {
  Guarded() {
    inner.answer = [this](const FetchRequest& request) {
      if (!request.url.ends_with("bad")) return FakeUpstream::reply(200);
      FetchReply reply = FakeUpstream::reply(bad.status);
      if (!bad.retry_after.empty()) reply.headers.add("retry-after", bad.retry_after);
      return reply;
    };
  }
  Result<FetchReply> fetch(const std::string& url, bool of_client = false) {
    FetchRequest request;
    request.url = url;
    request.of_client = of_client;
    return run_task(context, guard.fetch(std::move(request)));
  }
  net::io_context context{1};
  std::chrono::steady_clock::time_point now{};
  Bad bad;
  FakeUpstream inner;
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
  EXPECT_LE(inner.requests.size(), 5U + 15U);
  inner.down = false;
  now += 1s;
  EXPECT_TRUE(fetch("https://a.example/x"));
  EXPECT_TRUE(fetch("https://a.example/y"));
  EXPECT_TRUE(fetch("https://a.example/z"));
}

TEST_F(UpstreamGuardTest, OneOriginIsNotAnother) {
  inner.down = true;
  for (int i = 0; i < 10; ++i) fetch("https://a.example/x");
  const std::size_t asked = inner.requests.size();
  fetch("https://b.example/x");
  fetch("https://a.example:8443/x");
  EXPECT_EQ(inner.requests.size(), asked + 2);
}

TEST_F(UpstreamGuardTest, OneBadPackageAmongGoodOnesClosesNothing) {
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(fetch("https://a.example/bad")->status, 500);
    EXPECT_EQ(fetch("https://a.example/good")->status, 200);
  }
}

TEST_F(UpstreamGuardTest, RetryAfterPausesTheUrlAfter503AndTheOriginAfter429) {
  bad.status = 503;
  bad.retry_after = "3";
  EXPECT_EQ(fetch("https://a.example/bad")->status, 503);
  EXPECT_FALSE(fetch("https://a.example/bad"));
  bad.retry_after.clear();
  EXPECT_TRUE(fetch("https://a.example/good"));
  now += 3s;
  bad.status = 429;
  bad.retry_after = "100000";
  EXPECT_EQ(fetch("https://a.example/bad")->status, 429);
  EXPECT_FALSE(fetch("https://a.example/good"));
  now += 30s;  // the longest that is honoured
  EXPECT_TRUE(fetch("https://a.example/good"));
}

TEST_F(UpstreamGuardTest, ClientsWithTheirOwnCredentialsAreNotAnsweredFromTheFailuresOfOthers) {
  inner.down = true;
  for (int i = 0; i < 10; ++i) fetch("https://a.example/x");
  const std::size_t asked = inner.requests.size();
  fetch("https://a.example/x", true);
  EXPECT_EQ(inner.requests.size(), asked + 1);
}

TEST_F(UpstreamGuardTest, AtMostSixtyFourAtATimeAndAllInTheEnd) {
  inner.delay("https://a.example/good", 2);
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
  EXPECT_EQ(inner.most_at_once, 64);
}

}  // namespace
}  // namespace npmgate
