#include "base/digest.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace npmgate {
namespace {

std::vector<std::uint8_t> bytes(std::string_view text) {
  return {text.begin(), text.end()};
}

TEST(Hmac, KnownAnswers) {
  // RFC 4231, test cases 1 and 2.
  EXPECT_EQ(hmac_sha256_hex(std::string(20, '\x0b'), "Hi There"),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hmac_sha256_hex("Jefe", "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

struct Vector {
  Algorithm algorithm;
  const char* name;
  const char* hex;  // of "abc": RFC 1321, FIPS 180
};

const std::vector<Vector>& vectors() {
  static const std::vector<Vector> kRows = {
      {Algorithm::kMd5, "md5", "900150983cd24fb0d6963f7d28e17f72"},
      {Algorithm::kSha1, "sha1", "a9993e364706816aba3e25717850c26c9cd0d89d"},
      {Algorithm::kSha256, "sha256",
       "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {Algorithm::kSha384, "sha384",
       "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c"
       "825a7"},
      {Algorithm::kSha512, "sha512",
       "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3f"
       "eebbd"
       "454d4423643ce80e2a9ac94fa54ca49f"}};
  return kRows;
}

TEST(Digest, KnownAnswers) {
  for (const Vector& row : vectors()) {
    const Digest d = digest(row.algorithm, "abc");
    EXPECT_EQ(to_string(row.algorithm), row.name);
    EXPECT_EQ(d.hex(), row.hex) << row.name;
    EXPECT_EQ(d.bytes.size(), digest_size(row.algorithm)) << row.name;
  }
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Digest, StreamingEqualsWhole) {
  for (const Vector& row : vectors()) {
    Hasher hasher(row.algorithm);
    hasher.update("a");
    hasher.update("");
    Hasher moved = std::move(hasher);
    const std::string rest = "bc";
    moved.update(std::as_bytes(std::span(rest.data(), rest.size())));
    EXPECT_EQ(moved.finish().hex(), row.hex) << row.name;
  }
}

TEST(Digest, ChunkingDoesNotMatter) {
  std::string data;
  for (int i = 0; i < 1000; ++i) data += std::to_string(i * 7919);
  for (const Vector& row : vectors()) {
    const Digest whole = digest(row.algorithm, data);
    // Around the block sizes of the five algorithms, 64 and 128 bytes.
    for (const std::size_t step : {1U, 63U, 64U, 65U, 127U, 128U, 129U, 4096U}) {
      Hasher hasher(row.algorithm);
      for (std::size_t at = 0; at < data.size(); at += step) {
        hasher.update(std::string_view(data).substr(at, step));
      }
      EXPECT_EQ(hasher.finish(), whole) << row.name << " by " << step;
    }
  }
}

TEST(Digest, MillionsOfAs) {
  // FIPS 180-2, appendix B.3 and C.3: one million times "a".
  const std::string data(1'000'000, 'a');
  EXPECT_EQ(digest(Algorithm::kSha1, data).hex(), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
  EXPECT_EQ(sha256_hex(data), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Digest, EqualityNeedsTheSameAlgorithm) {
  Digest a = digest(Algorithm::kSha256, "abc"), b = a;
  EXPECT_EQ(a, b);
  b.algorithm = Algorithm::kSha512;
  EXPECT_NE(a, b);
  EXPECT_NE(a, digest(Algorithm::kSha256, "abd"));
}

TEST(Digest, SriIsWhatNpmWrites) {
  EXPECT_EQ(digest(Algorithm::kSha1, "abc").sri(), "sha1-qZk+NkcGgWq6PiVxeFDCbJzQ2J0=");
  EXPECT_EQ(digest(Algorithm::kSha256, "abc").sri(),
            "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
}

TEST(Integrity, KeepsKnownEntriesInOrder) {
  const Digest sha1 = digest(Algorithm::kSha1, "abc"), sha512 = digest(Algorithm::kSha512, "abc"),
               other = digest(Algorithm::kSha512, "abd");
  const std::string text = " " + sha1.sri() + "\t" + sha512.sri() + "?opt=1\n" + other.sri() + " ";
  const auto entries = parse_integrity(text);
  ASSERT_EQ(entries, (std::vector<Digest>{sha1, sha512, other}));
  EXPECT_EQ(strongest(entries), (std::vector<Digest>{sha512, other}));
}

TEST(Integrity, DropsWhatProvesNothing) {
  const std::string good = digest(Algorithm::kSha256, "abc").sri();
  for (const std::string& text :
       {std::string(), std::string("   "), std::string("sha256-"), std::string("sha256"),
        std::string("sha256-AAAA"), std::string("sha999-AAAA"), "SHA256" + good.substr(6),
        "sha512" + good.substr(6), good + "AAAA", good.substr(0, good.size() - 1),
        "sha256-*" + good.substr(8)}) {
    EXPECT_TRUE(parse_integrity(text).empty()) << text;
  }
  EXPECT_TRUE(strongest({}).empty());
}

TEST(Integrity, StrengthIsTheAlgorithmsOwn) {
  std::vector<Digest> all;
  for (const Vector& row : vectors()) all.push_back(digest(row.algorithm, "abc"));
  while (!all.empty()) {
    const auto best = strongest(all);
    ASSERT_EQ(best.size(), 1U);
    EXPECT_EQ(best.front(), all.back());
    all.pop_back();
  }
}

TEST(Integrity, EveryAlgorithmRoundTrips) {
  for (const Vector& row : vectors()) {
    const Digest d = digest(row.algorithm, "abc");
    EXPECT_EQ(parse_integrity(d.sri()), std::vector<Digest>{d}) << row.name;
    EXPECT_EQ(hex_decode(row.hex), d.bytes) << row.name;
  }
}

TEST(Hex, RoundTripAndRefusals) {
  EXPECT_EQ(hex_encode(bytes(std::string_view("\x00\x7f\xff", 3))), "007fff");
  EXPECT_EQ(hex_decode("007FfF"), bytes(std::string_view("\x00\x7f\xff", 3)));
  EXPECT_EQ(hex_decode(""), bytes(""));
  for (const char* text : {"0", "0g", " 00", "0x00"}) {
    EXPECT_EQ(hex_decode(text), std::nullopt) << text;
  }
}

struct Base64Row {
  const char *plain, *encoded;
};

TEST(Base64, VectorsOfRfc4648) {
  for (const Base64Row& row : std::vector<Base64Row>{{"", ""},
                                                     {"f", "Zg=="},
                                                     {"fo", "Zm8="},
                                                     {"foo", "Zm9v"},
                                                     {"foob", "Zm9vYg=="},
                                                     {"fooba", "Zm9vYmE="},
                                                     {"foobar", "Zm9vYmFy"},
                                                     {"\xfb\xff", "+/8="}}) {
    EXPECT_EQ(base64_encode(bytes(row.plain)), row.encoded);
    EXPECT_EQ(base64_decode(row.encoded), bytes(row.plain)) << row.encoded;
  }
}

TEST(Base64, EveryByteAtEveryPlaceRoundTrips) {
  for (int value = 0; value < 256; ++value) {
    for (std::size_t size = 1; size <= 4; ++size) {
      const std::vector<std::uint8_t> plain(size, static_cast<std::uint8_t>(value));
      EXPECT_EQ(base64_decode(base64_encode(plain)), plain) << value << " x " << size;
      EXPECT_EQ(hex_decode(hex_encode(plain)), plain) << value << " x " << size;
    }
  }
}

TEST(Base64, StrictAboutEverythingElse) {
  for (const char* text : {"Zg", "Zg=", "Zg===", "Z===", "====", "=", "Zm9v\n", "Zm 9v",
                           "-_8=", "Zh==", "Zm9=", "Zg==Zg==", "Zm9vZ"}) {
    EXPECT_EQ(base64_decode(text), std::nullopt) << text;
  }
}

TEST(ConstantTime, ComparesContent) {
  EXPECT_TRUE(equal_constant_time("", ""));
  EXPECT_TRUE(equal_constant_time("token", "token"));
  EXPECT_FALSE(equal_constant_time("token", "tokem"));
  EXPECT_FALSE(equal_constant_time("token", "token2"));
}

TEST(Random, LengthAndVariety) {
  EXPECT_EQ(random_hex(0), "");
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const std::string text = random_hex(16);
    EXPECT_EQ(text.size(), 32U);
    EXPECT_TRUE(hex_decode(text).has_value());
    seen.insert(text);
  }
  EXPECT_EQ(seen.size(), 100U);
}

}  // namespace
}  // namespace npmgate
