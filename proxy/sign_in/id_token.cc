#include "proxy/sign_in/id_token.h"

#include <cjose/jwk.h>
#include <cjose/jws.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cmath>
#include <memory>

#include "base/digest.h"
#include "base/json_members.h"
#include "base/text.h"

namespace npmgate {
namespace {

namespace json = boost::json;

// The largest real ones, with hundreds of groups, stay below what an HTTP field may hold.
constexpr std::size_t kMaxToken = 64 * 1024;
constexpr std::size_t kLeastRsaBits = 2048;  // RFC 7518, 3.3
// Clocks differ (RFC 7519, 4.1.4: "no more than a few minutes").
constexpr auto kLeeway = std::chrono::seconds(60);

struct Released {
  void operator()(cjose_jwk_t* key) const { cjose_jwk_release(key); }
  void operator()(cjose_jws_t* token) const { cjose_jws_release(token); }
};
using KeyPtr = std::unique_ptr<cjose_jwk_t, Released>;
using SignedPtr = std::unique_ptr<cjose_jws_t, Released>;

// RFC 7518, 3.1: what may sign, and with which kind of key.
struct SigningAlgorithm {
  std::string_view name, type, curve;
};
constexpr SigningAlgorithm kAlgorithms[] = {
    {"RS256", "RSA", ""},     {"RS384", "RSA", ""},     {"RS512", "RSA", ""},
    {"PS256", "RSA", ""},     {"PS384", "RSA", ""},     {"PS512", "RSA", ""},
    {"ES256", "EC", "P-256"}, {"ES384", "EC", "P-384"}, {"ES512", "EC", "P-521"},
};

Error refused(std::string why) {
  return fail(Code::kRefused, Origin::kUpstream, "the ID token is not good: " + std::move(why));
}

Error malformed(std::string why) {
  return fail(Code::kMalformed, Origin::kUpstream, "the ID token is not good: " + std::move(why));
}

// Strict: no padding, no other alphabet.
std::optional<std::string> from_base64url(std::string_view text) {
  std::string plain;
  for (const char c : text) {
    if (c == '+' || c == '/' || c == '=') return std::nullopt;
    plain += c == '-' ? '+' : c == '_' ? '/' : c;
  }
  while (plain.size() % 4 != 0) plain += '=';
  const auto bytes = base64_decode(plain);
  if (!bytes) return std::nullopt;
  return std::string(bytes->begin(), bytes->end());
}

std::optional<json::object> object_of(std::string_view base64) {
  const auto text = from_base64url(base64);
  if (!text) return std::nullopt;
  boost::system::error_code ec;
  json::value parsed = json::parse(*text, ec);
  if (ec || !parsed.is_object()) return std::nullopt;
  return std::move(parsed.get_object());
}

KeyPtr imported(const ProviderKeys::Key& key) {
  cjose_err error{};
  return KeyPtr(cjose_jwk_import(key.json.data(), key.json.size(), &error));
}

bool is_usable(const ProviderKeys::Key& key) {
  const KeyPtr read = imported(key);
  if (!read) return false;
  cjose_err error{};
  return key.type != "RSA" || cjose_jwk_get_keysize(read.get(), &error) >= kLeastRsaBits;
}

const SigningAlgorithm* algorithm_of(const std::string& name) {
  for (const SigningAlgorithm& each : kAlgorithms) {
    if (each.name == name) return &each;
  }
  return nullptr;
}

bool fits(const ProviderKeys::Key& key, const SigningAlgorithm& algorithm) {
  return key.type == algorithm.type && key.curve == algorithm.curve &&
         (key.algorithm.empty() || key.algorithm == algorithm.name);
}

// The key that the header names; without a name, the only one that fits (OpenID Connect
// Core, 10.1).
Result<const ProviderKeys::Key*> key_for(const json::object& header, const ProviderKeys& keys,
                                         const SigningAlgorithm& algorithm) {
  const std::string id = text_member(header, "kid");
  const ProviderKeys::Key* found = nullptr;
  bool named = false;
  for (const ProviderKeys::Key& key : keys.all()) {
    if (!id.empty() && key.id != id) continue;
    named = true;
    if (!fits(key, algorithm)) continue;
    if (found != nullptr)
      return refused("it does not say which of the provider's keys signed it (kid)");
    found = &key;
  }
  if (found != nullptr) return found;
  if (named && !id.empty()) return refused("its algorithm does not fit the key that it names");
  return fail(
      Code::kNotFound, Origin::kUpstream,
      "the ID token is signed by a key that the provider does not publish: " + printable(id, 100));
}

bool is_signed(std::string_view token, const ProviderKeys::Key& key, std::string_view algorithm) {
  cjose_err error{};
  const SignedPtr read(cjose_jws_import(token.data(), token.size(), &error));
  const KeyPtr with = imported(key);
  if (!read || !with) return false;
  // As it read the header, too: one document, one meaning.
  const char* const its = cjose_header_get(cjose_jws_get_protected(read.get()), "alg", &error);
  return its != nullptr && its == algorithm && cjose_jws_verify(read.get(), with.get(), &error);
}

std::optional<Time> time_claim(const json::object& claims, std::string_view name) {
  const json::value& value = member_of(claims, name);
  boost::system::error_code ec;
  const double seconds = value.is_number() ? value.to_number<double>(ec) : -1;
  // Until the year 9999.
  if (ec || !std::isfinite(seconds) || seconds < 0 || seconds > 253402300799.0) return std::nullopt;
  return Time(std::chrono::duration_cast<Millis>(std::chrono::duration<double>(seconds)));
}

bool is_for(const json::object& claims, const std::string& client_id) {
  const json::value& audience = member_of(claims, "aud");
  if (audience.is_string()) return audience.get_string() == client_id;
  if (!audience.is_array()) return false;
  for (const json::value& each : audience.get_array()) {
    if (each.is_string() && each.get_string() == client_id) return true;
  }
  return false;
}

// "" if they are.
std::string what_is_wrong(const json::object& claims, const IdTokenRules& rules) {
  if (text_member(claims, "iss") != rules.issuer)
    return "it is by another issuer: " + printable(text_member(claims, "iss"), 200);
  if (!is_for(claims, rules.client_id)) return "it is for another client (aud)";
  const json::value& audience = member_of(claims, "aud");
  const bool several = audience.is_array() && audience.get_array().size() > 1;
  const std::string party = text_member(claims, "azp");
  if ((several || claims.contains("azp")) && party != rules.client_id)
    return "it was made for another client (azp)";
  if (text_member(claims, "sub").empty()) return "it names nobody (sub)";
  if (rules.nonce.empty() || !equal_constant_time(text_member(claims, "nonce"), rules.nonce))
    return "it belongs to another sign-in (nonce)";
  const auto expires = time_claim(claims, "exp"), issued = time_claim(claims, "iat"),
             from = time_claim(claims, "nbf");
  if (!expires || *expires + kLeeway <= rules.now) return "it is over (exp)";
  if (!issued || *issued > rules.now + kLeeway) return "it is of the future (iat)";
  if (claims.contains("nbf") && (!from || *from > rules.now + kLeeway))
    return "it is of the future (nbf)";
  return "";
}

}  // namespace

std::string base64url(std::span<const std::uint8_t> bytes) {
  std::string text = base64_encode(bytes);
  while (text.ends_with('=')) text.pop_back();
  for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return text;
}

Result<ProviderKeys> ProviderKeys::parse(std::string_view text) {
  boost::system::error_code ec;
  const json::value parsed = json::parse(text, ec);
  ProviderKeys out;
  for (const json::value& each : list_member(object_in(parsed), "keys")) {
    const json::object& object = object_in(each);
    Key key{text_member(object, "kid"), text_member(object, "alg"), text_member(object, "kty"),
            text_member(object, "crv"), json::serialize(each)};
    const std::string use = text_member(object, "use");
    if (out.keys_.size() == kMost) break;
    if ((use.empty() || use == "sig") && (key.type == "RSA" || key.type == "EC") && is_usable(key))
      out.keys_.push_back(std::move(key));
  }
  if (out.keys_.empty())
    return fail(Code::kMalformed, Origin::kUpstream,
                "the provider publishes no key for signatures that can be used");
  return out;
}

Result<json::object> verify_id_token(std::string_view token, const ProviderKeys& keys,
                                     const IdTokenRules& rules) {
  if (token.size() > kMaxToken) return malformed("it is too long");
  const std::size_t first = token.find('.'), second = token.find('.', first + 1);
  if (first == token.npos || second == token.npos || token.find('.', second + 1) != token.npos)
    return malformed("it is no signed token");
  const auto header = object_of(token.substr(0, first));
  const auto claims = object_of(token.substr(first + 1, second - first - 1));
  if (!header || !claims) return malformed("it cannot be read");
  // What must be understood and is not (RFC 7515, 4.1.11), and payloads that are not encoded.
  if (header->contains("crit") || header->contains("b64"))
    return refused("it needs what this reader does not know (crit)");
  const std::string name = text_member(*header, "alg");
  const SigningAlgorithm* const algorithm = algorithm_of(name);
  if (algorithm == nullptr)
    return refused("it is signed by '" + printable(name, 40) + "', which no provider's key does");
  const auto key = key_for(*header, keys, *algorithm);
  if (!key) return key.error();
  if (!is_signed(token, **key, algorithm->name)) return refused("its signature is wrong");
  if (const std::string wrong = what_is_wrong(*claims, rules); !wrong.empty())
    return refused(wrong);
  return *claims;
}

}  // namespace npmgate
