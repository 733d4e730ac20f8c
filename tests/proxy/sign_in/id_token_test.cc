// ID tokens: each thing that makes one no good, alone.
#include "proxy/sign_in/id_token.h"

#include <gtest/gtest.h>

#include <boost/json/array.hpp>

#include "tests/proxy/sign_in/token_maker.h"

namespace npmgate::testing {
namespace {

namespace json = boost::json;

const Time kTokenNow = *parse_time("2026-11-28T10:00:00.000Z");
const IdTokenRules kTokenRules{"https://id.example", "gate", "n-1", kTokenNow};

std::int64_t unix_seconds(Time time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

json::object good_claims() {
  return {{"iss", "https://id.example"},
          {"aud", "gate"},
          {"sub", "u1"},
          {"nonce", "n-1"},
          {"iat", unix_seconds(kTokenNow)},
          {"exp", unix_seconds(kTokenNow) + 300}};
}

json::object claims_with(const char* name, json::value value) {
  json::object out = good_claims();
  if (value.is_null()) {
    out.erase(name);
  } else {
    out[name] = std::move(value);
  }
  return out;
}

// One key of each kind for all rows: making them takes a while.
struct KnownProvider {
  TokenMaker rsa{"RSA", "r"}, ec{"EC", "e"}, ec384{"P-384", "e384"}, stranger{"RSA", "r"};
  std::string set = key_set({rsa.jwk(), ec.jwk(), ec384.jwk()});
  ProviderKeys keys = *ProviderKeys::parse(set);
};
const KnownProvider& known_provider() {
  static const KnownProvider made;
  return made;
}

std::string token_refusal(const std::string& token,
                          const ProviderKeys& keys = known_provider().keys) {
  const auto read = verify_id_token(token, keys, kTokenRules);
  return read ? "" : read.error().context;
}

TEST(IdToken, IsGoodWithEveryAlgorithmThatAProvidersKeysHave) {
  for (const char* const name : {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
    EXPECT_EQ(token_refusal(known_provider().rsa.token(name, good_claims())), "") << name;
  EXPECT_EQ(token_refusal(known_provider().ec.token("ES256", good_claims())), "");
  EXPECT_EQ(token_refusal(known_provider().ec384.token("ES384", good_claims())), "");
  const auto read = verify_id_token(known_provider().rsa.token("RS256", good_claims()),
                                    known_provider().keys, kTokenRules);
  EXPECT_EQ(read->at("sub").as_string(), "u1");
}

TEST(IdToken, ClaimsThatAreNotAboutThisSignIn) {
  const std::int64_t now = unix_seconds(kTokenNow);
  struct Row {
    const char* name;
    json::value value;
    const char* why;
  };
  const Row rows[] = {
      {"iss", "https://other.example", "another issuer"},
      {"iss", "https://id.example/", "another issuer"},
      {"iss", nullptr, "another issuer"},
      {"aud", "other", "another client"},
      {"aud", json::array{"other"}, "another client"},
      {"aud", nullptr, "another client"},
      {"aud", json::array{"gate", "other"}, "azp"},
      {"azp", "other", "azp"},
      {"sub", nullptr, "names nobody"},
      {"nonce", "n-2", "nonce"},
      {"nonce", nullptr, "nonce"},
      {"exp", now - 61, "over"},
      {"exp", nullptr, "over"},
      {"exp", "soon", "over"},
      {"exp", 1e300, "over"},
      {"iat", now + 61, "future"},
      {"iat", nullptr, "future"},
      {"nbf", now + 61, "future"},
      {"nbf", "x", "future"},
  };
  for (const Row& row : rows)
    EXPECT_NE(token_refusal(known_provider().rsa.token("RS256", claims_with(row.name, row.value)))
                  .find(row.why),
              std::string::npos)
        << row.name << " " << json::serialize(row.value);
}

TEST(IdToken, ClaimsThatAreGoodAllTheSame) {
  const std::int64_t now = unix_seconds(kTokenNow);
  EXPECT_EQ(token_refusal(known_provider().rsa.token("RS256", claims_with("exp", now - 59))), "")
      << "clocks differ";
  EXPECT_EQ(token_refusal(known_provider().rsa.token("RS256", claims_with("iat", now + 59))), "");
  EXPECT_EQ(
      token_refusal(known_provider().rsa.token("RS256", claims_with("aud", json::array{"gate"}))),
      "");
  json::object several = claims_with("aud", json::array{"gate", "other"});
  several["azp"] = "gate";
  EXPECT_EQ(token_refusal(known_provider().rsa.token("RS256", several)), "");
}

TEST(IdToken, NobodySignsWithoutAKeyOfTheProvider) {
  const std::string none = R"({"alg":"none"})", upper = R"({"alg":"NONE","kid":"r"})";
  EXPECT_NE(token_refusal(unsigned_token(none, good_claims())).find("'none'"), std::string::npos);
  EXPECT_NE(token_refusal(unsigned_token(upper, good_claims())), "");
  EXPECT_NE(token_refusal(unsigned_token(R"({"kid":"r"})", good_claims())), "");
  // The published key as a shared secret: the classic confusion.
  const TokenMaker confused("oct", "r", known_provider().rsa.jwk());
  EXPECT_NE(token_refusal(confused.token("HS256", good_claims())).find("HS256"), std::string::npos);
  EXPECT_NE(
      token_refusal(known_provider().stranger.token("RS256", good_claims())).find("signature"),
      std::string::npos)
      << "another key of the same name";
  const std::string good = known_provider().rsa.token("RS256", good_claims());
  const std::string body = good.substr(0, good.rfind('.'));
  EXPECT_NE(token_refusal(body + "."), "");
  EXPECT_NE(token_refusal(body), "");
  EXPECT_NE(token_refusal(good + ".x"), "");
  json::object changed = good_claims();
  changed["sub"] = "u2";
  const std::string other = unsigned_token("{}", changed);
  const std::string payload = other.substr(other.find('.'), other.rfind('.') - other.find('.'));
  EXPECT_NE(token_refusal(good.substr(0, good.find('.')) + payload + good.substr(good.rfind('.'))),
            "");
}

TEST(IdToken, AnAlgorithmFitsItsKey) {
  // A key for one algorithm signs with no other, and a curve belongs to its algorithm.
  std::string limited = known_provider().rsa.jwk();
  limited.insert(1, R"("alg":"PS256",)");
  const auto keys = *ProviderKeys::parse(key_set({limited}));
  EXPECT_EQ(token_refusal(known_provider().rsa.token("PS256", good_claims()), keys), "");
  EXPECT_NE(token_refusal(known_provider().rsa.token("RS256", good_claims()), keys), "");
  EXPECT_NE(token_refusal(unsigned_token(R"({"alg":"ES256","kid":"r"})", good_claims(), "AAAA")),
            "");
  EXPECT_NE(token_refusal(unsigned_token(R"({"alg":"ES384","kid":"e"})", good_claims(), "AAAA")),
            "");
  EXPECT_NE(token_refusal(
                unsigned_token(R"({"alg":"RS256","kid":"r","crit":["x"]})", good_claims(), "AAAA"))
                .find("crit"),
            std::string::npos);
}

TEST(IdToken, AKeyThatIsNotPublishedIsToldApart) {
  const TokenMaker next("RSA", "next");
  const auto read =
      verify_id_token(next.token("RS256", good_claims()), known_provider().keys, kTokenRules);
  EXPECT_EQ(read.error().code, Code::kNotFound);
  // Without a name the only key that fits is meant; of two, none is.
  const auto one = *ProviderKeys::parse(key_set({known_provider().ec.jwk()}));
  EXPECT_EQ(token_refusal(known_provider().ec.token("ES256", good_claims(), false), one), "");
  const auto two = *ProviderKeys::parse(key_set({known_provider().rsa.jwk(), next.jwk()}));
  EXPECT_NE(token_refusal(next.token("RS256", good_claims(), false), two).find("kid"),
            std::string::npos);
}

TEST(IdToken, OfASetOnlyKeysForSignaturesCount) {
  std::string encrypts = known_provider().rsa.jwk();
  encrypts.insert(1, R"("use":"enc",)");
  const TokenMaker weak("weak", "w"), secret("oct", "s", "0123456789abcdef");
  for (const std::string& text :
       {std::string("{}"), std::string("[]"), std::string("{"), key_set({encrypts}),
        key_set({weak.jwk()}), key_set({R"({"kty":"oct","k":"AAAA"})"}),
        key_set({R"({"kty":"RSA","n":"!","e":"AQAB"})"}), key_set({"1", "null"})})
    EXPECT_FALSE(ProviderKeys::parse(text)) << text;
  const auto mixed = ProviderKeys::parse(key_set({encrypts, known_provider().ec.jwk(), "7"}));
  ASSERT_TRUE(mixed);
  EXPECT_EQ(mixed->all().size(), 1U);
}

}  // namespace
}  // namespace npmgate::testing
