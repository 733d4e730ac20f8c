#include "sigstore/crypto.h"

#include <openssl/bio.h>
#include <openssl/pem.h>

#include "base/digest.h"

namespace npmgate::sigstore {
namespace {

const unsigned char* raw(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

std::span<const std::uint8_t> as_bytes(std::string_view bytes) {
  return {raw(bytes), bytes.size()};
}

std::string text_of(const std::vector<std::uint8_t>& bytes) {
  return std::string(bytes.begin(), bytes.end());
}

// Largest DER that is handed to OpenSSL: certificates with all of Fulcio's extensions are 2 KB.
constexpr std::size_t kMaxDer = std::size_t{64} << 10;

template <class T, auto Decode, auto Free>
std::shared_ptr<T> decode(std::string_view der) {
  if (der.empty() || der.size() > kMaxDer) return nullptr;
  const unsigned char* at = raw(der);
  std::shared_ptr<T> object(Decode(nullptr, &at, static_cast<long>(der.size())), Deleter<Free>{});
  return object && at == raw(der) + der.size() ? object : nullptr;
}

EVP_PKEY* rsa_key_of_der(EVP_PKEY** out, const unsigned char** at, long size) {
  return d2i_PublicKey(EVP_PKEY_RSA, out, at, size);
}

// nullptr with `known` true: the key signs without a digest.
const EVP_MD* digest_of(EVP_PKEY* key, bool& known) {
  known = key != nullptr;
  if (!known) return nullptr;
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_ED25519:
      return nullptr;
    case EVP_PKEY_RSA:
      return EVP_sha256();
    case EVP_PKEY_EC:
      switch (EVP_PKEY_get_bits(key)) {
        case 256:
          return EVP_sha256();
        case 384:
          return EVP_sha384();
        case 521:
          return EVP_sha512();
        default:
          break;
      }
      break;
    default:
      break;
  }
  known = false;
  return nullptr;
}

}  // namespace

Error refused(std::string why) {
  return fail(Code::kRefused, Origin::kUpstream, std::move(why));
}

Error unreadable(std::string why) {
  return fail(Code::kMalformed, Origin::kUpstream, std::move(why));
}

std::optional<std::string> decode_base64(std::string_view text) {
  const auto bytes = base64_decode(text);
  if (!bytes) return std::nullopt;
  return text_of(*bytes);
}

std::string encode_base64(std::string_view bytes) {
  return base64_encode(as_bytes(bytes));
}

std::string encode_hex(std::string_view bytes) {
  return hex_encode(as_bytes(bytes));
}

std::string sha256(std::string_view bytes) {
  return text_of(digest(Algorithm::kSha256, bytes).bytes);
}

KeyPtr key_of_der(std::string_view der) {
  return decode<EVP_PKEY, d2i_PUBKEY, EVP_PKEY_free>(der);
}

KeyPtr key_of_pkcs1(std::string_view der) {
  return decode<EVP_PKEY, rsa_key_of_der, EVP_PKEY_free>(der);
}

std::string der_of_key(EVP_PKEY* key) {
  return der_of<EVP_PKEY, i2d_PUBKEY>(key);
}

std::string der_of_pem(std::string_view pem) {
  if (pem.size() > kMaxDer) return {};
  const std::unique_ptr<BIO, Deleter<BIO_free>> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  char* name = nullptr;
  char* header = nullptr;
  unsigned char* data = nullptr;
  long size = 0;
  if (!bio || PEM_read_bio(bio.get(), &name, &header, &data, &size) != 1) return {};
  const std::string_view kind(name);
  std::string der;
  if (kind == "CERTIFICATE" || kind == "PUBLIC KEY")
    der.assign(reinterpret_cast<char*>(data), static_cast<std::size_t>(size));
  OPENSSL_free(name);
  OPENSSL_free(header);
  OPENSSL_free(data);
  return der;
}

CertificatePtr certificate_of_der(std::string_view der) {
  return decode<X509, d2i_X509, X509_free>(der);
}

std::string der_of_certificate(X509* certificate) {
  return der_of<X509, i2d_X509>(certificate);
}

bool verify_signature(EVP_PKEY* key, std::string_view message, std::string_view signature) {
  bool known = false;
  const EVP_MD* md = digest_of(key, known);
  const std::unique_ptr<EVP_MD_CTX, Deleter<EVP_MD_CTX_free>> context(EVP_MD_CTX_new());
  if (!known || !context || EVP_DigestVerifyInit(context.get(), nullptr, md, nullptr, key) != 1)
    return false;
  return EVP_DigestVerify(context.get(), raw(signature), signature.size(), raw(message),
                          message.size()) == 1;
}

bool verify_sha256(EVP_PKEY* key, std::string_view digest, std::string_view signature) {
  bool known = false;
  const EVP_MD* md = digest_of(key, known);
  if (!known || md == nullptr || EVP_MD_get_type(md) != NID_sha256 || digest.size() != 32)
    return false;
  const std::unique_ptr<EVP_PKEY_CTX, Deleter<EVP_PKEY_CTX_free>> context(
      EVP_PKEY_CTX_new(key, nullptr));
  if (!context || EVP_PKEY_verify_init(context.get()) != 1 ||
      EVP_PKEY_CTX_set_signature_md(context.get(), md) != 1)
    return false;
  return EVP_PKEY_verify(context.get(), raw(signature), signature.size(), raw(digest),
                         digest.size()) == 1;
}

}  // namespace npmgate::sigstore
