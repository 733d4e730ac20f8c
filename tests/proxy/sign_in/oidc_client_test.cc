// The way to a provider and back, with a provider in memory.
#include "proxy/sign_in/oidc_client.h"

#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

#include "base/digest.h"
#include "proxy/net/query.h"
#include "tests/proxy/sign_in/token_maker.h"
#include "tests/support/fakes.h"
#include "tests/support/run_task.h"

namespace npmgate::testing {
namespace {

namespace json = boost::json;

constexpr const char* kOidcIssuer = "https://id.example";
constexpr const char* kOidcBack = "https://review.example/desk/signed-in";

class OidcFlow : public ::testing::Test {
 protected:
  OidcFlow() {
    config.issuer = kOidcIssuer;
    config.client_id = "gate";
    config.secret = "s&e:c";
    config.review = {"security"};
    config.admin = {"platform"};
    upstream.answer = [this](const FetchRequest& request) { return reply(request); };
  }

  FetchReply reply(const FetchRequest& request) {
    if (request.url.ends_with("/.well-known/openid-configuration"))
      return FakeUpstream::reply(200, json::serialize(document));
    if (request.url.ends_with("/keys")) return FakeUpstream::reply(200, key_set({maker->jwk()}));
    if (request.url.ends_with("/userinfo")) return FakeUpstream::reply(200, userinfo);
    if (request.url.ends_with("/token") && token_status == 200) {
      return FakeUpstream::reply(
          200, json::serialize(json::object{{"access_token", "at"},
                                            {"id_token", maker->token("ES256", claims)}}));
    }
    return FakeUpstream::reply(token_status, R"({"error":"invalid_grant"})");
  }

  OidcClient::Start start() { return *run_task(client.start(kOidcBack, "/desk/policy")); }

  // What the provider knows of a sign-in, from the address that the browser was sent to.
  Result<OidcClient::SignedIn> back(const OidcClient::Start& from, const std::string& more = "") {
    const std::string query = from.location.substr(from.location.find('?') + 1);
    const auto now =
        std::chrono::duration_cast<std::chrono::seconds>(clock.now().time_since_epoch()).count();
    claims["iss"] = kOidcIssuer;
    claims["aud"] = "gate";
    claims["sub"] = "u1";
    claims["nonce"] = query_value(query, "nonce");
    claims["iat"] = now;
    claims["exp"] = now + 300;
    return run_task(
        client.finish("code=c1&state=" + query_value(query, "state") + more, from.secret));
  }

  json::object document{{"issuer", kOidcIssuer},
                        {"authorization_endpoint", "https://id.example/auth"},
                        {"token_endpoint", "https://id.example/token"},
                        {"userinfo_endpoint", "https://id.example/userinfo"},
                        {"jwks_uri", "https://keys.example/keys"}};
  json::object claims{{"preferred_username", "rita"}, {"groups", json::array{"security"}}};
  std::string userinfo = R"({"sub":"u1","groups":["platform"],"preferred_username":"rita"})";
  int token_status = 200;
  std::shared_ptr<TokenMaker> maker = std::make_shared<TokenMaker>("EC", "k1");
  SignInConfig config;
  FakeUpstream upstream;
  FakeClock clock{*parse_time("2026-11-28T10:00:00.000Z")};
  Metrics metrics;
  OidcClient client{config, upstream, clock, metrics};
};

TEST_F(OidcFlow, ThereAndBack) {
  const auto from = start();
  EXPECT_TRUE(
      from.location.starts_with("https://id.example/auth?response_type=code&client_id=gate"));
  const std::string query = from.location.substr(from.location.find('?') + 1);
  EXPECT_EQ(query_value(query, "redirect_uri"), kOidcBack);
  EXPECT_EQ(query_value(query, "scope"), "openid");
  EXPECT_EQ(query_value(query, "code_challenge_method"), "S256");
  EXPECT_GE(query_value(query, "state").size(), 43U);
  const auto done = back(from);
  ASSERT_TRUE(done) << to_string(done.error());
  EXPECT_EQ(done->caller.name, "sso:rita");
  EXPECT_EQ(done->caller.scope, Scope::kReview);
  EXPECT_EQ(done->to, "/desk/policy");
  EXPECT_EQ(done->subject, "u1");
  for (const FetchRequest& request : upstream.requests) {
    EXPECT_FALSE(request.allow_redirect) << request.url;
    EXPECT_EQ(request.public_addresses_only, request.url.find("keys.example") != std::string::npos)
        << request.url;
    if (!request.url.ends_with("/token")) continue;
    EXPECT_TRUE(request.once);
    EXPECT_EQ(request.authorization, "Basic Z2F0ZTpzJTI2ZSUzQWM=");
    const std::string verifier = query_value(request.body, "code_verifier");
    EXPECT_EQ(base64url(digest(Algorithm::kSha256, verifier).bytes),
              query_value(query, "code_challenge"));
    EXPECT_EQ(query_value(request.body, "redirect_uri"), kOidcBack);
  }
  EXPECT_EQ(upstream.asked("/userinfo"), 0U) << "the token tells everything";
}

TEST_F(OidcFlow, EachStartIsFinishedOnceInItsOwnBrowserAndInTime) {
  const auto from = start();
  auto other = from;
  other.secret = start().secret;
  EXPECT_FALSE(back(other)) << "another browser";
  EXPECT_TRUE(back(from));
  EXPECT_FALSE(back(from)) << "twice";
  const auto late = start();
  clock.advance(OidcClient::kSignInLimit + Millis(1));
  EXPECT_FALSE(back(late));
  auto none = start();
  none.secret.clear();
  EXPECT_FALSE(back(none));
  EXPECT_FALSE(run_task(client.finish("code=c1", "x")));
  const std::size_t asked = upstream.asked("/token");
  const auto refused = start();
  const auto said = back(refused, "&error=access_denied&error_description=no%1b");
  ASSERT_FALSE(said);
  EXPECT_NE(said.error().context.find("access_denied (no\\u001b)"), std::string::npos);
  EXPECT_FALSE(back(start(), "&iss=https%3A%2F%2Fother.example"));
  EXPECT_EQ(upstream.asked("/token"), asked) << "nobody asked for a token for these";
}

TEST_F(OidcFlow, GroupsGiveScopesAndNobodyElseDoes) {
  claims["groups"] = "platform";
  EXPECT_EQ(back(start())->caller.scope, Scope::kAdmin);
  claims["groups"] = json::array{"other", 7};
  EXPECT_EQ(back(start())->caller.scope, Scope::kInstall);
  config.claim = "realm.roles";
  claims["realm"] = json::object{{"roles", json::array{"security"}}};
  EXPECT_EQ(back(start())->caller.scope, Scope::kReview);
  config.name_claim = "email";
  claims["email"] = "boss@corp.example";
  EXPECT_EQ(back(start())->caller.name, "sso:u1") << "an address that nobody checked";
  claims["email_verified"] = true;
  EXPECT_EQ(back(start())->caller.name, "sso:boss@corp.example");
}

TEST_F(OidcFlow, WhatTheTokenLacksTheUserinfoTells) {
  claims.erase("groups");
  const auto done = back(start());
  ASSERT_TRUE(done);
  EXPECT_EQ(done->caller.scope, Scope::kAdmin);
  EXPECT_EQ(upstream.requests.back().authorization, "Bearer at");
  userinfo = R"({"sub":"u2","groups":["platform"]})";
  EXPECT_FALSE(back(start())) << "of another user";
}

TEST_F(OidcFlow, ANewKeyIsAskedForButNotAtWill) {
  ASSERT_TRUE(back(start()));
  EXPECT_EQ(upstream.asked("/keys"), 1U);
  const auto old = maker;
  maker = std::make_shared<TokenMaker>("EC", "k2");
  const auto before = back(start());
  EXPECT_FALSE(before) << "asked a moment ago";
  EXPECT_EQ(upstream.asked("/keys"), 1U);
  clock.advance(OidcClient::kKeysAgain);
  EXPECT_TRUE(back(start()));
  EXPECT_EQ(upstream.asked("/keys"), 2U);
  maker = std::make_shared<TokenMaker>("EC", "k3");
  for (int i = 0; i < 5; ++i) back(start());
  EXPECT_EQ(upstream.asked("/keys"), 2U);
}

TEST_F(OidcFlow, AProviderThatCannotBeAskedIsSaidSo) {
  upstream.down = true;
  const auto down = run_task(client.start(kOidcBack, "/desk"));
  ASSERT_FALSE(down);
  EXPECT_EQ(down.error().code, Code::kUnavailable);
  EXPECT_NE(down.error().context.find("id.example could not be asked for its configuration"),
            std::string::npos);
  upstream.down = false;
  token_status = 400;
  const auto refused = back(start());
  EXPECT_NE(refused.error().context.find("invalid_grant"), std::string::npos);
  token_status = 503;
  EXPECT_EQ(back(start()).error().code, Code::kUnavailable);
}

TEST_F(OidcFlow, ADocumentThatLeadsElsewhereIsRefused) {
  const json::object good = document;
  for (const auto& [name, value] :
       {std::pair<const char*, json::value>{"issuer", "https://evil.example"},
        {"issuer", "https://id.example/"},
        {"token_endpoint", "http://id.example/token"},
        {"token_endpoint", "https://u:p@id.example/token"},
        {"authorization_endpoint", "javascript:alert(1)"},
        {"jwks_uri", nullptr},
        {"userinfo_endpoint", "ftp://id.example/"}}) {
    document = good;
    document[name] = value;
    OidcClient fresh(config, upstream, clock, metrics);
    EXPECT_FALSE(run_task(fresh.start(kOidcBack, "/desk"))) << name << json::serialize(value);
  }
}

}  // namespace
}  // namespace npmgate::testing
