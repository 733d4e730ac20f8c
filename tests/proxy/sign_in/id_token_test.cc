// ID tokens: each thing that makes one no good, alone.
#include "proxy/sign_in/id_token.h"

#include <gtest/gtest.h>

#include <boost/json/array.hpp>

#include "tests/proxy/sign_in/token_maker.h"

namespace npmgate::testing {
namespace {

namespace json = boost::json;

const Time kNow = *parse_time("2026-11-28T10:00:00.000Z");
const IdTokenRules kRules{"https://id.example", "gate", "n-1", kNow};

std::int64_t seconds(Time time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

json::object claims() {
  return {{"iss", "https://id.example"},
          {"aud", "gate"},
          {"sub", "u1"},
          {"nonce", "n-1"},
          {"iat", seconds(kNow)},
          {"exp", seconds(kNow) + 300}};
}

json::object with(const char* name, json::value value) {
  json::object out = claims();
  if (value.is_null()) {
    out.erase(name);
  } else {
    out[name] = std::move(value);
  }
  return out;
}

// One key of each kind for all rows: making them takes a while.
struct Provider {
  TokenMaker rsa{"RSA", "r"}, ec{"EC", "e"}, ec384{"P-384", "e384"}, stranger{"RSA", "r"};
  std::string set = key_set({rsa.jwk(), ec.jwk(), ec384.jwk()});
  ProviderKeys keys = *ProviderKeys::parse(set);
};
const Provider& provider() {
  static const Provider made;
  return made;
}

std::string refusal(const std::string& token, const ProviderKeys& keys = provider().keys) {
  const auto read = verify_id_token(token, keys, kRules);
  return read ? "" : read.error().context;
}

TEST(IdToken, IsGoodWithEveryAlgorithmThatAProvidersKeysHave) {
  for (const char* const name : {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
    EXPECT_EQ(refusal(provider().rsa.token(name, claims())), "") << name;
  EXPECT_EQ(refusal(provider().ec.token("ES256", claims())), "");
  EXPECT_EQ(refusal(provider().ec384.token("ES384", claims())), "");
  const auto read =
      verify_id_token(provider().rsa.token("RS256", claims()), provider().keys, kRules);
  EXPECT_EQ(read->at("sub").as_string(), "u1");
}

TEST(IdToken, ClaimsThatAreNotAboutThisSignIn) {
  const std::int64_t now = seconds(kNow);
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
    EXPECT_NE(refusal(provider().rsa.token("RS256", with(row.name, row.value))).find(row.why),
              std::string::npos)
        << row.name << " " << json::serialize(row.value);
}

TEST(IdToken, ClaimsThatAreGoodAllTheSame) {
  const std::int64_t now = seconds(kNow);
  EXPECT_EQ(refusal(provider().rsa.token("RS256", with("exp", now - 59))), "") << "clocks differ";
  EXPECT_EQ(refusal(provider().rsa.token("RS256", with("iat", now + 59))), "");
  EXPECT_EQ(refusal(provider().rsa.token("RS256", with("aud", json::array{"gate"}))), "");
  json::object several = with("aud", json::array{"gate", "other"});
  several["azp"] = "gate";
  EXPECT_EQ(refusal(provider().rsa.token("RS256", several)), "");
}

TEST(IdToken, NobodySignsWithoutAKeyOfTheProvider) {
  const std::string none = R"({"alg":"none"})", upper = R"({"alg":"NONE","kid":"r"})";
  EXPECT_NE(refusal(unsigned_token(none, claims())).find("'none'"), std::string::npos);
  EXPECT_NE(refusal(unsigned_token(upper, claims())), "");
  EXPECT_NE(refusal(unsigned_token(R"({"kid":"r"})", claims())), "");
  // The published key as a shared secret: the classic confusion.
  const TokenMaker confused("oct", "r", provider().rsa.jwk());
  EXPECT_NE(refusal(confused.token("HS256", claims())).find("HS256"), std::string::npos);
  EXPECT_NE(refusal(provider().stranger.token("RS256", claims())).find("signature"),
            std::string::npos)
      << "another key of the same name";
  const std::string good = provider().rsa.token("RS256", claims());
  const std::string body = good.substr(0, good.rfind('.'));
  EXPECT_NE(refusal(body + "."), "");
  EXPECT_NE(refusal(body), "");
  EXPECT_NE(refusal(good + ".x"), "");
  json::object changed = claims();
  changed["sub"] = "u2";
  const std::string other = unsigned_token("{}", changed);
  const std::string payload = other.substr(other.find('.'), other.rfind('.') - other.find('.'));
  EXPECT_NE(refusal(good.substr(0, good.find('.')) + payload + good.substr(good.rfind('.'))), "");
}

TEST(IdToken, AnAlgorithmFitsItsKey) {
  // A key for one algorithm signs with no other, and a curve belongs to its algorithm.
  std::string limited = provider().rsa.jwk();
  limited.insert(1, R"("alg":"PS256",)");
  const auto keys = *ProviderKeys::parse(key_set({limited}));
  EXPECT_EQ(refusal(provider().rsa.token("PS256", claims()), keys), "");
  EXPECT_NE(refusal(provider().rsa.token("RS256", claims()), keys), "");
  EXPECT_NE(refusal(unsigned_token(R"({"alg":"ES256","kid":"r"})", claims(), "AAAA")), "");
  EXPECT_NE(refusal(unsigned_token(R"({"alg":"ES384","kid":"e"})", claims(), "AAAA")), "");
  EXPECT_NE(refusal(unsigned_token(R"({"alg":"RS256","kid":"r","crit":["x"]})", claims(), "AAAA"))
                .find("crit"),
            std::string::npos);
}

TEST(IdToken, AKeyThatIsNotPublishedIsToldApart) {
  const TokenMaker next("RSA", "next");
  const auto read = verify_id_token(next.token("RS256", claims()), provider().keys, kRules);
  EXPECT_EQ(read.error().code, Code::kNotFound);
  // Without a name the only key that fits is meant; of two, none is.
  const auto one = *ProviderKeys::parse(key_set({provider().ec.jwk()}));
  EXPECT_EQ(refusal(provider().ec.token("ES256", claims(), false), one), "");
  const auto two = *ProviderKeys::parse(key_set({provider().rsa.jwk(), next.jwk()}));
  EXPECT_NE(refusal(next.token("RS256", claims(), false), two).find("kid"), std::string::npos);
}

TEST(IdToken, OfASetOnlyKeysForSignaturesCount) {
  std::string encrypts = provider().rsa.jwk();
  encrypts.insert(1, R"("use":"enc",)");
  const TokenMaker weak("weak", "w"), secret("oct", "s", "0123456789abcdef");
  for (const std::string& text :
       {std::string("{}"), std::string("[]"), std::string("{"), key_set({encrypts}),
        key_set({weak.jwk()}), key_set({R"({"kty":"oct","k":"AAAA"})"}),
        key_set({R"({"kty":"RSA","n":"!","e":"AQAB"})"}), key_set({"1", "null"})})
    EXPECT_FALSE(ProviderKeys::parse(text)) << text;
  const auto mixed = ProviderKeys::parse(key_set({encrypts, provider().ec.jwk(), "7"}));
  ASSERT_TRUE(mixed);
  EXPECT_EQ(mixed->all().size(), 1U);
}

}  // namespace
}  // namespace npmgate::testing
