#include "proxy/external/signatures.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <memory>

#include "base/digest.h"

namespace npmgate {
namespace {

std::string text_of(const boost::json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

bool verify(const std::string& key_base64, std::string_view message,
            const std::string& signature_base64) {
  const auto der = base64_decode(key_base64);
  const auto signature = base64_decode(signature_base64);
  if (!der || !signature) return false;
  const unsigned char* at = der->data();
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      d2i_PUBKEY(nullptr, &at, static_cast<long>(der->size())), &EVP_PKEY_free);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  if (!key || !context ||
      EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) != 1)
    return false;
  return EVP_DigestVerify(context.get(), signature->data(), signature->size(),
                          reinterpret_cast<const unsigned char*>(message.data()),
                          message.size()) == 1;
}

}  // namespace

Result<std::vector<SigningKey>> parse_keys(std::string_view body) {
  boost::system::error_code ec;
  const boost::json::value parsed =
      boost::json::parse(boost::json::string_view(body.data(), body.size()), ec);
  const auto* list = !ec && parsed.is_object() ? parsed.get_object().if_contains("keys") : nullptr;
  if (list == nullptr || !list->is_array())
    return fail(Code::kMalformed, Origin::kUpstream,
                "the registry's signing keys are not a JSON object with keys");
  std::vector<SigningKey> keys;
  for (const auto& entry : list->get_array()) {
    if (!entry.is_object()) continue;
    SigningKey key;
    key.keyid = text_of(entry.get_object(), "keyid");
    key.key = text_of(entry.get_object(), "key");
    const auto* expires = entry.get_object().if_contains("expires");
    if (expires != nullptr && !expires->is_null()) {
      key.expires = parse_time(text_of(entry.get_object(), "expires"));
      // A key whose end nobody can read vouches for nothing.
      if (!key.expires) continue;
    }
    if (!key.keyid.empty() && !key.key.empty()) keys.push_back(std::move(key));
  }
  return keys;
}

std::optional<bool> verify_signatures(const Release& release, const std::vector<SigningKey>& keys,
                                      bool times_real) {
  if (!release.dist.signatures || release.dist.integrity.empty()) return std::nullopt;
  const std::string message =
      release.manifest.name + "@" + release.manifest.version + ":" + release.dist.integrity;
  std::optional<bool> verdict;
  for (const Dist::Signature& signature : *release.dist.signatures) {
    for (const SigningKey& key : keys) {
      if (key.keyid != signature.keyid) continue;
      // A key that had expired when the release was published cannot have signed it rightly; later
      // expiry does not take a signature back.
      // Without a publish time that can be believed, nothing can be said.
      if (key.expires && !(times_real && release.published)) continue;
      const bool in_time = !key.expires || *release.published <= *key.expires;
      const bool valid = in_time && verify(key.key, message, signature.sig);
      verdict = verdict.value_or(false) || valid;
    }
  }
  return verdict;
}

}  // namespace npmgate
