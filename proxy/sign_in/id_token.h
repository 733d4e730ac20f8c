// ID tokens of an OpenID provider: a signature by one of its keys, and claims that are about this
// sign-in (OpenID Connect Core 1.0, 3.1.3.7; RFC 7515, 7517, 7519). Signatures are cjose's work;
// which key and which algorithm may make one is decided here.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace npmgate {

// RFC 4648, section 5, without padding.
std::string base64url(std::span<const std::uint8_t> bytes);

// The signing keys that a provider publishes. Immutable.
class ProviderKeys {
 public:
  static constexpr std::size_t kMost = 100;

  // A JWK Set (RFC 7517, section 5). Keys that are not for signatures, of other kinds than RSA
  // (from 2048 bits) and EC, or not readable are passed over: providers publish more than one
  // reader knows. kMalformed if it is no set or none is left.
  static Result<ProviderKeys> parse(std::string_view text);

  struct Key {
    std::string id, algorithm, type, curve;  // "" = not stated
    std::string json;
  };
  const std::vector<Key>& all() const { return keys_; }

 private:
  std::vector<Key> keys_;
};

struct IdTokenRules {
  std::string issuer, client_id, nonce;
  Time now{};
};

// The claims of a token that is good. Refused are: every algorithm but RS, PS and ES 256 to 512
// (so "none" and those of shared secrets), a key of another kind than the algorithm's, critical
// header parameters, another issuer, another audience or authorized party, another nonce, a token
// that is over, of the future, or without these claims. kNotFound: none of the keys is the one that
// it names; all else is kRefused or kMalformed, with the reason. Pure.
Result<boost::json::object> verify_id_token(std::string_view token, const ProviderKeys& keys,
                                            const IdTokenRules& rules);

}  // namespace npmgate
