#include "proxy/runtime/access.h"

#include <gtest/gtest.h>

#include "base/digest.h"
#include "proxy/net/forwarded.h"
#include "proxy/net/query.h"
#include "store/sqlite/open_state_store.h"
#include "tests/support/fakes.h"

namespace npmgate {
namespace {

class AccessTest : public ::testing::Test {
 protected:
  AccessTest()
      : store_(std::move(*open_memory_state_store())),
        audit_writer_(*store_, clock_),
        access_(*store_, clock_, audit_writer_) {}
  std::int64_t add(const std::string& name, const std::string& scope, const std::string& token) {
    TokenRecord record;
    record.name = name;
    record.scope = scope;
    record.hash = sha256_hex(token);
    record.created = clock_.now();
    return *store_->add_token(record);
  }
  Caller who(const std::string& header) { return *access_.caller(header); }

  testing::FakeClock clock_{Time{Millis(1'000'000)}};
  std::unique_ptr<StateStore> store_;
  AuditWriter audit_writer_;
  Access access_;
};

TEST_F(AccessTest, KnowsEveryFormOfHeader) {
  add("ci", "install", "ngt_abc");
  for (const char* header : {"Bearer ngt_abc", "bearer ngt_abc", "BEARER  ngt_abc",
                             "Basic d2hvOm5ndF9hYmM=", "basic Om5ndF9hYmM="}) {
    EXPECT_EQ(who(header).name, "ci") << header;
    EXPECT_EQ(who(header).scope, Scope::kInstall) << header;
  }
  for (const char* header :
       {"", "ngt_abc", "Bearer", "Bearer ", "Bearer ngt_abd", "Bearer ngt_abc ", "Bearer abc",
        "Token ngt_abc", "Basic ngt_abc", "Basic bmd0X2FiYw==", "Basic !"}) {
    EXPECT_EQ(who(header).scope, Scope::kNone) << header;
    EXPECT_EQ(who(header).name, "") << header;
  }
}

TEST_F(AccessTest, RevokedIsRefusedByTheNextRequest) {
  const std::int64_t id = add("ci", "admin", "ngt_abc");
  EXPECT_EQ(who("Bearer ngt_abc").scope, Scope::kAdmin);
  ASSERT_TRUE(store_->revoke_token(id, clock_.now()));
  EXPECT_EQ(who("Bearer ngt_abc").scope, Scope::kNone);
}

TEST_F(AccessTest, LastUseIsNotedOnceAMinute) {
  add("ci", "review", "ngt_abc");
  const auto last = [&] {
    audit_writer_.flush();
    return (*store_->tokens()).front().last_used;
  };
  EXPECT_FALSE(last());
  who("Bearer ngt_abc");
  const Time first = clock_.now();
  EXPECT_EQ(last(), first);
  clock_.advance(std::chrono::seconds(59));
  who("Bearer ngt_abc");
  EXPECT_EQ(last(), first);
  clock_.advance(std::chrono::seconds(1));
  who("Bearer ngt_abc");
  EXPECT_EQ(last(), clock_.now());
}

TEST(Routes, Match) {
  const auto version = match_route("/r/{name}/{version}/approve", "/r/@a%2fb/1.0.0%2Bx/approve");
  ASSERT_TRUE(version);
  EXPECT_EQ(version->at("name"), "@a/b");
  EXPECT_EQ(version->at("version"), "1.0.0+x");
  EXPECT_EQ(match_route("/r/{name}/{version}", "/r/@a/b/1.0.0")->at("name"), "@a/b");
  EXPECT_EQ(match_route("/r/{name}/{version}", "/r/b/^1.0")->at("version"), "^1.0");
  for (const char* path : {"/r", "/r/", "/r/b", "/r/b/", "/r/@a/b", "/r/b/1/2", "/r//1", "/R/b/1"})
    EXPECT_FALSE(match_route("/r/{name}/{version}", path)) << path;
  EXPECT_TRUE(match_route("/metrics", "/metrics"));
  EXPECT_FALSE(match_route("/metrics", "/metrics/x"));
}

TEST(Routes, Query) {
  EXPECT_EQ(query_value("a=1&b=x+y%2Fz&c", "b"), "x y/z");
  EXPECT_EQ(query_value("a=1&b=2", "c"), "");
  EXPECT_EQ(query_value("ab=1&b=2", "b"), "2");
  EXPECT_EQ(query_value("b=%zz", "b"), "%zz");
}

TEST(Routes, NoTokenReachesALog) {
  for (const char* target :
       {"/-/user/token/ngt_secret", "/-/npm/v1/tokens/token/secret", "/%2d/user/token/secret",
        "/-/user%2ftoken%2Fsecret", "/x?y=ngt_secret", "/-/npm/v1/tokens/secret", "/npm_secret"}) {
    EXPECT_EQ(loggable_target(target).find("secret"), std::string::npos) << target;
  }
  EXPECT_EQ(loggable_target("/@acme%2fleft?write=true"), "/@acme/left?write=true");
}

TEST(TrustedProxies, RefusesWhatIsNoAddress) {
  for (const char* text : {"", "proxy.corp.example", "10.0.0.0/33", "10.0.0.0/", "10.0.0/8",
                           "::/129", "10.0.0.0/8x", "/8"}) {
    EXPECT_FALSE(TrustedProxies::parse({text})) << text;
  }
}

TEST(TrustedProxies, FindsTheClient) {
  const auto proxies = *TrustedProxies::parse({"127.0.0.1", "10.0.0.0/8", "fd00::/8"});
  const auto client = [&](const char* peer, std::string_view header) {
    return proxies.client(boost::asio::ip::make_address(peer), header);
  };
  EXPECT_EQ(client("127.0.0.1", "198.51.100.7"), "198.51.100.7");
  EXPECT_EQ(client("::ffff:127.0.0.1", "198.51.100.7"), "198.51.100.7");
  EXPECT_EQ(client("192.0.2.1", "198.51.100.7"), "192.0.2.1");
  EXPECT_EQ(client("10.9.9.9", "203.0.113.1,198.51.100.7 , 10.1.1.1"), "198.51.100.7");
  EXPECT_EQ(client("fd00::1", "[2001:db8::1]:99"), "2001:db8::1");
  EXPECT_EQ(client("10.0.0.1", "198.51.100.7:4711"), "198.51.100.7");
  EXPECT_EQ(client("10.0.0.1", "10.0.0.2"), "10.0.0.2");
  EXPECT_EQ(client("10.0.0.1", "198.51.100.7, unknown"), "10.0.0.1");
  EXPECT_EQ(client("10.0.0.1", ""), "10.0.0.1");
  EXPECT_EQ(client("10.0.0.1", ", ,"), "10.0.0.1");
  EXPECT_EQ(client("11.0.0.1", "198.51.100.7"), "11.0.0.1");
}

}  // namespace
}  // namespace npmgate
