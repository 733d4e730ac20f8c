// OpenSSL's objects with owners, and the one place where a signature is verified.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace npmgate::sigstore {

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};

// The DER of an object of OpenSSL's through its i2d function; "" if that fails.
template <class T, auto Encode>
std::string der_of(T* object) {
  unsigned char* der = nullptr;
  const int size = Encode(object, &der);
  if (size <= 0) return {};
  std::string out(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return out;
}

using KeyPtr = std::shared_ptr<EVP_PKEY>;
using CertificatePtr = std::shared_ptr<X509>;

// What is wrong with a signed document; kRefused: it was read, and does not hold.
Error refused(std::string why);
// What cannot be read at all.
Error unreadable(std::string why);

// RFC 4648 with padding, one text per value. Raw bytes travel as std::string in this folder.
std::optional<std::string> decode_base64(std::string_view text);
std::string encode_base64(std::string_view bytes);
std::string encode_hex(std::string_view bytes);
std::string sha256(std::string_view bytes);

// SubjectPublicKeyInfo in DER; nullptr for anything else, also if bytes are left over.
KeyPtr key_of_der(std::string_view der);
// RSAPublicKey of PKCS #1 in DER.
KeyPtr key_of_pkcs1(std::string_view der);
std::string der_of_key(EVP_PKEY* key);
// "" if `pem` does not begin with a block of that kind: DER of the certificate or public key.
std::string der_of_pem(std::string_view pem);

CertificatePtr certificate_of_der(std::string_view der);
std::string der_of_certificate(X509* certificate);

// Over the bytes of `message`, with the digest that belongs to the key: SHA-256 for P-256 and RSA
// (PKCS #1 v1.5), SHA-384 for P-384, SHA-512 for P-521, none for Ed25519. Other keys verify
// nothing.
bool verify_signature(EVP_PKEY* key, std::string_view message, std::string_view signature);
// If only the SHA-256 of the message is known: P-256 and RSA.
bool verify_sha256(EVP_PKEY* key, std::string_view digest, std::string_view signature);

}  // namespace npmgate::sigstore
