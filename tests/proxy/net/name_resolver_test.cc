// Host names: a name server that does not answer holds up nothing but its own names.
#include "proxy/net/name_resolver.h"

#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "proxy/net/http_client.h"
#include "tests/support/run_task.h"
#include "tests/support/scripted_server.h"

namespace npmgate {
namespace {

using testing::run_task;
using LookedUp = NameResolver::Addresses;

const LookedUp kOnLoopback{net::ip::address_v4::loopback()};

// A lookup that waits for silent.example until the test lets go of it, and knows all other names.
class NameServer {
 public:
  NameResolver::Lookup lookup() {
    return [this, answered = answered_](const std::string& host) -> Result<LookedUp> {
      ++asked;
      if (host.starts_with("silent")) answered.wait();
      return kOnLoopback;
    };
  }
  ~NameServer() { answer_.set_value(); }
  std::atomic<int> asked{0};

 private:
  std::promise<void> answer_;
  std::shared_future<void> answered_ = answer_.get_future().share();
};

std::chrono::steady_clock::time_point looked_up_until(std::chrono::milliseconds time) {
  return std::chrono::steady_clock::now() + time;
}

constexpr std::chrono::seconds kLookupPatience{600};

TEST(NameResolver, LiteralAddressesAreNotLookedUp) {
  NameServer server;
  NameResolver names(server.lookup());
  EXPECT_EQ(*run_task(names.resolve("127.0.0.1", looked_up_until(kLookupPatience))), kOnLoopback);
  EXPECT_EQ(run_task(names.resolve("::1", looked_up_until(kLookupPatience)))->front().to_string(),
            "::1");
  EXPECT_EQ(server.asked, 0);
}

TEST(NameResolver, OneNameThatHangsHoldsUpNoOther) {
  net::io_context context{1};
  NameServer server;
  NameResolver names(server.lookup());
  const auto late = run_task(
      context, names.resolve("silent.example", looked_up_until(std::chrono::milliseconds(1))));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::kTimeout);
  EXPECT_TRUE(late.error().retry);
  EXPECT_EQ(*run_task(context, names.resolve("other.example", looked_up_until(kLookupPatience))),
            kOnLoopback);
  // The lookup that is under way is not begun again. Its thread may begin late.
  while (server.asked < 2) std::this_thread::yield();
  EXPECT_FALSE(run_task(
      context, names.resolve("silent.example", looked_up_until(std::chrono::milliseconds(1)))));
  EXPECT_EQ(server.asked, 2);
}

TEST(NameResolver, TooManyThatHangAreRefused) {
  net::io_context context{1};
  NameServer server;
  NameResolver names(server.lookup());
  for (std::size_t i = 0; i < NameResolver::kMaxLookups; ++i) {
    const std::string host = "silent-" + std::to_string(i) + ".example";
    EXPECT_EQ(run_task(context, names.resolve(host, looked_up_until(std::chrono::milliseconds(0))))
                  .error()
                  .code,
              Code::kTimeout);
  }
  EXPECT_EQ(run_task(context, names.resolve("other.example", looked_up_until(kLookupPatience)))
                .error()
                .code,
            Code::kUnavailable);
}

TEST(NameResolver, WhatTheSystemSaysIsTheReason) {
  NameResolver names([](const std::string&) -> Result<LookedUp> {
    return fail(Code::kUnavailable, Origin::kUpstream, "Name or service not known", true);
  });
  EXPECT_EQ(run_task(names.resolve("no.example", looked_up_until(kLookupPatience))).error().context,
            "Name or service not known");
  NameResolver system;
  EXPECT_TRUE(run_task(system.resolve("localhost", looked_up_until(kLookupPatience))));
}

// The end does not wait for a lookup, and who waits for it is not woken on a loop that is gone.
TEST(NameResolver, EndsWhileALookupHangs) {
  NameServer server;
  auto context = std::make_unique<net::io_context>(1);
  auto names = std::make_unique<NameResolver>(server.lookup());
  auto body = [&names]() -> Task<void> {
    co_await names->resolve("silent.example", looked_up_until(kLookupPatience));
  };
  spawn_detached(context->get_executor(), "test", std::move(body));
  context->poll();
  names.reset();
  context.reset();
}

TEST(HttpClient, AnUpstreamWhoseNameHangsLeavesTheOthersAlone) {
  net::io_context context{1};
  testing::ScriptedServer upstream(
      [](const std::string&) { return "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"; });
  NameServer server;
  ClientOptions options;
  options.lookup = server.lookup();
  const auto client = make_http_client(std::move(options));
  FetchRequest hanging;
  hanging.url = "http://silent.example/";
  hanging.limit = std::chrono::milliseconds(1);
  const auto late = run_task(context, client->fetch(std::move(hanging)));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().context,
            "cannot resolve http://silent.example:80: no name server answers");
  FetchRequest good;
  good.url = "http://good.example:" + std::to_string(upstream.port()) + "/";
  const auto reply = run_task(context, client->fetch(std::move(good)));
  ASSERT_TRUE(reply) << to_string(reply.error());
  EXPECT_EQ(reply->body, "ok");
}

// A listener with a full queue drops what asks for a connection, as a host behind a firewall does.
TEST(HttpClient, AnAddressThatSwallowsConnectionsLeavesTheNextItsTime) {
  net::io_context context{1};
  testing::ScriptedServer upstream(
      [](const std::string&) { return "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"; });
  using net::ip::tcp;
  tcp::acceptor full(context);
  const tcp::endpoint swallowing(net::ip::make_address("127.0.0.9"), upstream.port());
  full.open(tcp::v4());
  full.bind(swallowing);
  full.listen(0);
  tcp::socket first(context);
  first.connect(swallowing);
  ClientOptions options;
  options.lookup = [&](const std::string&) -> Result<LookedUp> {
    return LookedUp{swallowing.address(), net::ip::address_v4::loopback()};
  };
  const auto client = make_http_client(std::move(options));
  FetchRequest request;
  request.url = "http://good.example:" + std::to_string(upstream.port()) + "/";
  request.limit = std::chrono::seconds(2);
  const auto reply = run_task(context, client->fetch(std::move(request)));
  ASSERT_TRUE(reply) << to_string(reply.error());
  EXPECT_EQ(reply->body, "ok");
}

}  // namespace
}  // namespace npmgate
