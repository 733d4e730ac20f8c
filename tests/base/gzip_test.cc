#include "base/gzip.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "base/digest.h"

namespace npmgate {
namespace {

// Text that neither repeats at once nor stays random: a small linear congruential sequence of
// words.
std::string sample(std::size_t size) {
  std::string out;
  std::uint32_t state = 1;
  while (out.size() < size) {
    state = state * 1664525 + 1013904223;
    out += std::to_string(state >> 20) + ",";
  }
  out.resize(size);
  return out;
}

TEST(Gzip, RoundTrip) {
  for (const std::size_t size : {0U, 1U, 100U, 5000U, 1U << 20}) {
    const std::string plain = sample(size);
    const std::string packed = gzip_compress(plain);
    ASSERT_GE(packed.size(), 18U);
    EXPECT_EQ(packed.substr(0, 3), "\x1f\x8b\x08");
    const auto expanded = gzip_expand(packed, size);
    ASSERT_TRUE(expanded) << to_string(expanded.error());
    EXPECT_EQ(*expanded, plain);
  }
}

// Finished answers are counted by their size.
TEST(Gzip, KeepsNoMoreThanItGives) {
  const std::string packed = gzip_compress(std::string(1 << 20, 'a'));
  EXPECT_LE(packed.capacity(), packed.size() + 64);
}

std::string from_hex(std::string_view text) {
  const auto bytes = hex_decode(text).value();
  return {bytes.begin(), bytes.end()};
}

TEST(Gzip, ReadsWhatOthersWrite) {
  // Made with Python's gzip (file name and time in the header) and zlib (level 0: stored blocks).
  const std::string named = from_hex(
      "1f8b080800105e5f02ff7061636b756d656e742e6a736f6e00ab56ca4bcc4d55b2524a4f2c49d54d54aaad262800"
      "0024"
      "b4883833000000");
  const std::string stored = from_hex("1f8b0800000000000403010600f9ff73746f7265640bf9435606000000");
  EXPECT_EQ(gzip_expand(named, 100).value(),
            R"({"name":"gate-a"}{"name":"gate-a"}{"name":"gate-a"})");
  EXPECT_EQ(gzip_expand(stored, 6).value(), "stored");
  EXPECT_EQ(gzip_expand(stored, 5).error().code, Code::kTooLarge);
}

TEST(Gzip, EveryCutIsMalformed) {
  const std::string packed = gzip_compress(sample(300));
  for (std::size_t size = 0; size < packed.size(); ++size) {
    const auto expanded = gzip_expand(std::string_view(packed).substr(0, size), 1 << 16);
    ASSERT_FALSE(expanded) << size;
    EXPECT_EQ(expanded.error().code, Code::kMalformed) << size;
  }
}

TEST(Gzip, NoChangedByteGoesUnnoticed) {
  // Header bytes 4-9 (time, extra flags, system) and the flag for text mean nothing to the content.
  const std::string plain = sample(300), packed = gzip_compress(plain);
  for (std::size_t at = 10; at < packed.size(); ++at) {
    std::string damaged = packed;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    const auto expanded = gzip_expand(damaged, 1 << 16);
    EXPECT_FALSE(expanded) << at;
  }
}

TEST(Gzip, SameInputSameBytes) {
  // ETags and cached answers rely on it: no time stamp in the header.
  EXPECT_EQ(gzip_compress(sample(5000)), gzip_compress(sample(5000)));
  EXPECT_EQ(gzip_compress("a").substr(4, 4), std::string(4, '\0'));
}

TEST(Gzip, CompressesRepetition) {
  EXPECT_LT(gzip_compress(std::string(100000, 'a')).size(), 300U);
}

TEST(Gzip, LimitCountsExpandedBytes) {
  const std::string packed = gzip_compress(std::string(1 << 20, 'a'));
  ASSERT_TRUE(gzip_expand(packed, 1 << 20));
  const auto bomb = gzip_expand(packed, (1 << 20) - 1, Origin::kClient);
  ASSERT_FALSE(bomb);
  EXPECT_EQ(bomb.error().code, Code::kTooLarge);
  EXPECT_EQ(bomb.error().origin, Origin::kClient);
  EXPECT_NE(bomb.error().context.find("1048575"), std::string::npos);
}

TEST(Gzip, TrailerThatLiesAboutTheSizeIsMalformed) {
  const std::string plain = sample(50000), packed = gzip_compress(plain);
  for (const char byte : {'\x01', '\x10', '\xff'}) {
    std::string lying = packed;
    lying[lying.size() - 2] = byte;
    const auto expanded = gzip_expand(lying, 1 << 20);
    ASSERT_FALSE(expanded);
    EXPECT_EQ(expanded.error().code, Code::kMalformed);
    EXPECT_EQ(expanded.error().origin, Origin::kUpstream);
  }
}

TEST(Gzip, WhatIsNoMemberIsMalformed) {
  const std::string packed = gzip_compress(sample(1000));
  std::string damaged = packed;
  damaged[damaged.size() / 2] ^= 0x55;
  std::string checksum = packed;
  checksum[checksum.size() - 6] ^= 0x01;
  const std::vector<std::pair<const char*, std::string>> rows = {
      {"empty", ""},
      {"plain", "{\"name\":\"gate-a\",\"versions\":{}}"},
      {"cut", packed.substr(0, packed.size() - 9)},
      {"header only", packed.substr(0, 18)},
      {"damaged", damaged},
      {"checksum", checksum},
      {"rest", packed + "x"},
      {"two members", packed + packed}};
  for (const auto& [name, data] : rows) {
    const auto expanded = gzip_expand(data, 1 << 20);
    ASSERT_FALSE(expanded) << name;
    EXPECT_EQ(expanded.error().code, Code::kMalformed) << name;
  }
}

}  // namespace
}  // namespace npmgate
