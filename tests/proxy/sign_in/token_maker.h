// What a provider does in tests: keys, the set of them that it publishes, and tokens signed by
// them.
#pragma once

#include <cjose/jwk.h>
#include <cjose/jws.h>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstdlib>
#include <memory>
#include <string>

#include "proxy/sign_in/id_token.h"

namespace npmgate::testing {

class TokenMaker {
 public:
  // "RSA", "EC" (P-256), "P-384" or "oct" (`secret`).
  explicit TokenMaker(const std::string& kind, const std::string& id,
                      const std::string& secret = {})
      : id_(id) {
    cjose_err error{};
    cjose_jwk_t* made = nullptr;
    if (kind == "RSA") made = cjose_jwk_create_RSA_random(2048, nullptr, 0, &error);
    if (kind == "weak") made = cjose_jwk_create_RSA_random(1024, nullptr, 0, &error);
    if (kind == "EC") made = cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, &error);
    if (kind == "P-384") made = cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_384, &error);
    if (kind == "oct")
      made = cjose_jwk_create_oct_spec(reinterpret_cast<const uint8_t*>(secret.data()),
                                       secret.size(), &error);
    key_.reset(made);
    cjose_jwk_set_kid(made, id.data(), id.size(), &error);
  }

  // The public half, as JSON.
  std::string jwk() const {
    cjose_err error{};
    char* const text = cjose_jwk_to_json(key_.get(), false, &error);
    std::string out(text);
    std::free(text);
    return out;
  }
  std::string token(const std::string& algorithm, const boost::json::object& claims,
                    bool name_key = true) const {
    cjose_err error{};
    cjose_header_t* const header = cjose_header_new(&error);
    cjose_header_set(header, "alg", algorithm.c_str(), &error);
    if (name_key) cjose_header_set(header, "kid", id_.c_str(), &error);
    const std::string text = boost::json::serialize(claims);
    cjose_jws_t* const made = cjose_jws_sign(
        key_.get(), header, reinterpret_cast<const uint8_t*>(text.data()), text.size(), &error);
    const char* compact = nullptr;
    cjose_jws_export(made, &compact, &error);
    std::string out(compact);
    cjose_jws_release(made);
    cjose_header_release(header);
    return out;
  }

 private:
  struct Released {
    void operator()(cjose_jwk_t* key) const { cjose_jwk_release(key); }
  };
  std::string id_;
  std::unique_ptr<cjose_jwk_t, Released> key_;
};

inline std::string key_set(std::initializer_list<std::string> keys) {
  std::string all;
  for (const std::string& key : keys) all += (all.empty() ? "" : ",") + key;
  return "{\"keys\":[" + all + "]}";
}

inline std::string unsigned_token(const std::string& header, const boost::json::object& claims,
                                  const std::string& signature = "") {
  const auto encoded = [](const std::string& text) {
    return base64url({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  };
  return encoded(header) + "." + encoded(boost::json::serialize(claims)) + "." + signature;
}

}  // namespace npmgate::testing
