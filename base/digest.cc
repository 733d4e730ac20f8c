#include "base/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <algorithm>
#include <stdexcept>

#include "base/hex.h"
#include "base/text.h"

namespace npmgate {
namespace {

constexpr std::string_view kBase64Digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

const EVP_MD* evp(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::kMd5:
      return EVP_md5();
    case Algorithm::kSha1:
      return EVP_sha1();
    case Algorithm::kSha256:
      return EVP_sha256();
    case Algorithm::kSha384:
      return EVP_sha384();
    case Algorithm::kSha512:
      return EVP_sha512();
  }
  return EVP_sha512();
}

std::optional<Algorithm> parse_algorithm(std::string_view name) {
  for (const Algorithm algorithm : {Algorithm::kMd5, Algorithm::kSha1, Algorithm::kSha256,
                                    Algorithm::kSha384, Algorithm::kSha512}) {
    if (to_string(algorithm) == name) return algorithm;
  }
  return std::nullopt;
}

std::string_view view(std::span<const std::byte> data) {
  return {reinterpret_cast<const char*>(data.data()), data.size()};
}

// One `algorithm-base64[?options]`; nullopt if it is to be dropped.
std::optional<Digest> parse_integrity_entry(std::string_view entry) {
  const std::size_t dash = entry.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto algorithm = parse_algorithm(entry.substr(0, dash));
  if (!algorithm) return std::nullopt;
  std::string_view encoded = entry.substr(dash + 1);
  encoded = encoded.substr(0, encoded.find('?'));
  auto bytes = base64_decode(encoded);
  if (!bytes || bytes->size() != digest_size(*algorithm)) return std::nullopt;
  return Digest{*algorithm, std::move(*bytes)};
}

struct ContextDeleter {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

}  // namespace

std::string_view to_string(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::kMd5:
      return "md5";
    case Algorithm::kSha1:
      return "sha1";
    case Algorithm::kSha256:
      return "sha256";
    case Algorithm::kSha384:
      return "sha384";
    case Algorithm::kSha512:
      return "sha512";
  }
  return "sha512";
}

std::size_t digest_size(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::kMd5:
      return 16;
    case Algorithm::kSha1:
      return 20;
    case Algorithm::kSha256:
      return 32;
    case Algorithm::kSha384:
      return 48;
    case Algorithm::kSha512:
      return 64;
  }
  return 64;
}

std::string Digest::hex() const {
  return hex_encode(bytes);
}

std::string Digest::sri() const {
  return std::string(to_string(algorithm)) + "-" + base64_encode(bytes);
}

Digest digest(Algorithm algorithm, std::span<const std::byte> data) {
  return digest(algorithm, view(data));
}

Digest digest(Algorithm algorithm, std::string_view data) {
  Digest result{algorithm, std::vector<std::uint8_t>(digest_size(algorithm))};
  if (EVP_Digest(data.data(), data.size(), result.bytes.data(), nullptr, evp(algorithm), nullptr) !=
      1) {
    throw std::runtime_error("OpenSSL refuses " + std::string(to_string(algorithm)));
  }
  return result;
}

std::string sha256_hex(std::string_view data) {
  return digest(Algorithm::kSha256, data).hex();
}

std::string hmac_sha256_hex(std::string_view key, std::string_view data) {
  std::vector<std::uint8_t> mac(EVP_MAX_MD_SIZE);
  unsigned size = 0;
  const auto* bytes = reinterpret_cast<const unsigned char*>(data.data());
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes, data.size(), mac.data(),
           &size) == nullptr)
    throw std::runtime_error("HMAC-SHA256 failed");
  return hex_encode(std::span(mac.data(), size));
}

struct Hasher::Impl {
  Algorithm algorithm;
  std::unique_ptr<EVP_MD_CTX, ContextDeleter> context;
};

Hasher::Hasher(Algorithm algorithm)
    : impl_(new Impl{algorithm, std::unique_ptr<EVP_MD_CTX, ContextDeleter>(EVP_MD_CTX_new())}) {
  if (!impl_->context || EVP_DigestInit_ex(impl_->context.get(), evp(algorithm), nullptr) != 1) {
    throw std::runtime_error("OpenSSL refuses " + std::string(to_string(algorithm)));
  }
}

Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

void Hasher::update(std::span<const std::byte> data) {
  update(view(data));
}

void Hasher::update(std::string_view data) {
  if (EVP_DigestUpdate(impl_->context.get(), data.data(), data.size()) != 1) {
    throw std::runtime_error("OpenSSL failed to hash");
  }
}

Digest Hasher::finish() {
  Digest result{impl_->algorithm, std::vector<std::uint8_t>(digest_size(impl_->algorithm))};
  if (EVP_DigestFinal_ex(impl_->context.get(), result.bytes.data(), nullptr) != 1) {
    throw std::runtime_error("OpenSSL failed to finish a hash");
  }
  return result;
}

std::vector<Digest> parse_integrity(std::string_view text) {
  std::vector<Digest> result;
  for (std::size_t at = text.find_first_not_of(kBlanks); at != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(kBlanks, at), text.size());
    if (auto entry = parse_integrity_entry(text.substr(at, end - at))) {
      result.push_back(std::move(*entry));
    }
    at = text.find_first_not_of(kBlanks, end);
  }
  return result;
}

std::vector<Digest> strongest(std::vector<Digest> digests) {
  if (digests.empty()) return digests;
  // The enumerators stand in order of strength.
  const Algorithm best =
      std::max_element(digests.begin(), digests.end(), [](const Digest& a, const Digest& b) {
        return a.algorithm < b.algorithm;
      })->algorithm;
  std::erase_if(digests, [best](const Digest& entry) { return entry.algorithm != best; });
  return digests;
}

std::string hex_encode(std::span<const std::uint8_t> bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    text += kHexDigits[byte >> 4];
    text += kHexDigits[byte & 15];
  }
  return text;
}

std::optional<std::vector<std::uint8_t>> hex_decode(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::vector<std::uint8_t> bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes.push_back(static_cast<std::uint8_t>(high * 16 + low));
  }
  return bytes;
}

std::string base64_encode(std::span<const std::uint8_t> bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) group = group << 8 | (k < left ? bytes[i + k] : 0U);
    for (std::size_t k = 0; k < 4; ++k) {
      text += k <= left ? kBase64Digits[group >> (18 - 6 * k) & 63] : '=';
    }
  }
  return text;
}

std::optional<std::vector<std::uint8_t>> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  std::vector<std::uint8_t> bytes;
  bytes.reserve(text.size() / 4 * 3);
  std::uint32_t group = 0;
  int bits = 0;
  for (const char c : text.substr(0, text.size() - padding)) {
    const std::size_t value = kBase64Digits.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    group = (group << 6 | static_cast<std::uint32_t>(value)) & 0xffffU;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push_back(static_cast<std::uint8_t>(group >> bits));
  }
  // Left-over bits must be zero: one text per value (RFC 4648, 3.5).
  if ((group & ((1U << bits) - 1)) != 0) return std::nullopt;
  return bytes;
}

bool equal_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string random_hex(std::size_t n) {
  std::vector<std::uint8_t> bytes(n);
  if (n != 0 && RAND_bytes(bytes.data(), static_cast<int>(n)) != 1) {
    throw std::runtime_error("the system's random generator failed");
  }
  return hex_encode(bytes);
}

}  // namespace npmgate
