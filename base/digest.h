// Message digests (OpenSSL EVP) and their spellings: hex, base64, Subresource Integrity.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace npmgate {

enum class Algorithm { kMd5, kSha1, kSha256, kSha384, kSha512 };

std::string_view to_string(Algorithm algorithm);  // "sha512"
std::size_t digest_size(Algorithm algorithm);     // bytes

// Raw digest bytes with their algorithm.
struct Digest {
  Algorithm algorithm = Algorithm::kSha512;
  std::vector<std::uint8_t> bytes;

  std::string hex() const;
  std::string sri() const;  // "sha512-<base64>"
  friend bool operator==(const Digest&, const Digest&) = default;
};

Digest digest(Algorithm algorithm, std::span<const std::byte> data);
Digest digest(Algorithm algorithm, std::string_view data);
std::string sha256_hex(std::string_view data);
// HMAC-SHA256 (RFC 2104), hex.
std::string hmac_sha256_hex(std::string_view key, std::string_view data);

// Streaming digest. One thread at a time; finish() ends it.
class Hasher {
 public:
  explicit Hasher(Algorithm algorithm);
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;
  void update(std::span<const std::byte> data);
  void update(std::string_view data);
  Digest finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Parses a Subresource Integrity string as npm's ssri does: whitespace-separated
// `algorithm-base64[?options]`; unknown algorithms and entries whose base64 has the wrong length
// are dropped. Order kept.
std::vector<Digest> parse_integrity(std::string_view text);
// The entries of the strongest algorithm present (sha512 > sha384 > sha256 > sha1 > md5).
std::vector<Digest> strongest(std::vector<Digest> digests);

std::string hex_encode(std::span<const std::uint8_t> bytes);
std::optional<std::vector<std::uint8_t>> hex_decode(std::string_view text);
std::string base64_encode(std::span<const std::uint8_t> bytes);
// Strict RFC 4648 alphabet with padding; nullopt otherwise.
std::optional<std::vector<std::uint8_t>> base64_decode(std::string_view text);

// Constant time in the length of both (CRYPTO_memcmp); false if the lengths differ.
bool equal_constant_time(std::string_view a, std::string_view b);
// n random bytes from the system's generator, hex (2n characters). For tokens and temporary names.
std::string random_hex(std::size_t n);

}  // namespace npmgate
