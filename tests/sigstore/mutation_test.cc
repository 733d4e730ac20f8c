// One changed byte anywhere refuses: every byte of a bundle of each kind, by three masks that keep
// letters letters, digits digits and change cases.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cstdio>

#include "sigstore/timestamp.h"
#include "tests/sigstore/corpus.h"

namespace npmgate::sigstore::testing {
namespace {

// A change that reads as the same document ("\u003d" and "\u003D") is none.
bool same_meaning(const std::string& a, const std::string& b) {
  boost::system::error_code ec;
  const auto changed = boost::json::parse(b, ec);
  return !ec && boost::json::parse(a) == changed;
}

struct Mutations {
  int tried = 0, same = 0, accepted = 0;
};

// `stride`: every how manieth byte, each with one of the masks in turn.
template <class Verify>
Mutations mutate(const std::string& text, std::size_t stride, const Verify& verify) {
  constexpr char kMasks[] = {1, 0x20, 2};
  Mutations tally;
  const std::size_t witness = text.find("\u2014 witness.");
  const std::size_t end = text.find("canonicalizedBody", std::min(witness, text.size()));
  for (std::size_t at = 0; at < text.size(); at += stride) {
    // Signatures of witnesses count for nothing: their keys are in no trusted root.
    if (at >= witness && at < end) continue;
    std::string changed = text;
    changed[at] = static_cast<char>(changed[at] ^ kMasks[at / stride % 3]);
    ++tally.tried;
    if (!verify(changed)) continue;
    const bool same = same_meaning(text, changed);
    ++(same ? tally.same : tally.accepted);
    EXPECT_TRUE(same) << "byte " << at << ": " << text.substr(at < 20 ? 0 : at - 20, 40);
  }
  std::printf("%d mutations, %d of them the same document, %d accepted\n", tally.tried, tally.same,
              tally.accepted);
  return tally;
}

// NPM_GATE_EVERY_BYTE: all of them; minutes in a development build.
std::size_t stride() {
  return std::getenv("NPM_GATE_EVERY_BYTE") != nullptr ? 1 : 31;
}

class Mutation : public ::testing::TestWithParam<const char*> {};

TEST_P(Mutation, ChangedBundleIsRefused) {
  for (const Case& each : conformance_cases()) {
    if (each.name != GetParam()) continue;
    const std::string text = read_fixture("conformance/" + each.name + ".json");
    ASSERT_TRUE(verify_case(each, text));
    const Mutations tally = mutate(text, stride(), [&](const std::string& changed) {
      return verify_case(each, changed).has_value();
    });
    EXPECT_GT(tally.tried, 100);
    return;
  }
  FAIL() << "no such case";
}

INSTANTIATE_TEST_SUITE_P(Kinds, Mutation,
                         ::testing::Values("happy-path-v0.3-new-mediaType", "rekor2-happy-path",
                                           "rekor2-dsse-happy-path", "happy-path-intoto-in-dsse-v3",
                                           "managed-key-happy-path"),
                         [](const auto& row) {
                           std::string name = row.param;
                           std::erase_if(name, [](char c) { return !std::isalnum(c); });
                           return name;
                         });

// The DER inside the base64, every byte of it.
TEST(MutationOfTimestamps, ChangedByteIsRefused) {
  for (const char* name : {"rekor2-happy-path", "rekor2-timestamp-with-embedded-cert",
                           "managed-key-happy-path", "intoto-with-custom-trust-root"}) {
    const auto bundle = parse_bundle(read_fixture(std::string("conformance/") + name + ".json"));
    ASSERT_TRUE(bundle);
    ASSERT_EQ(bundle->timestamps.size(), 1U);
    TrustedRootPtr root;
    for (const Case& each : conformance_cases()) {
      if (each.name == name)
        root = *parse_trusted_root(read_fixture("roots/" + each.root + ".json"));
    }
    const std::string& der = bundle->timestamps.front();
    ASSERT_TRUE(verify_timestamp(der, bundle->signature(), *root)) << name;
    for (std::size_t at = 0; at < der.size(); ++at) {
      if (stride() != 1 && at % 7 != 0) continue;
      for (const char mask : {'\x01', '\x20'}) {
        std::string changed = der;
        changed[at] = static_cast<char>(changed[at] ^ mask);
        EXPECT_FALSE(verify_timestamp(changed, bundle->signature(), *root))
            << name << " byte " << at << " mask " << int(mask);
      }
    }
  }
}

TEST(MutationOfAnswers, ChangedAnswerIsRefused) {
  const std::string file = "valid-attestations.json";
  const std::string text = read_fixture("npm/" + file);
  const TrustedRootPtr root = public_root();
  const FindKeys keys = registry_keys();
  const AttestedRelease release = release_of(file);
  const Mutations tally = mutate(text, stride(), [&](const std::string& changed) {
    return verify_attestations(changed, release, *root, keys).has_value();
  });
  EXPECT_GT(tally.tried, 100);
}

}  // namespace
}  // namespace npmgate::sigstore::testing
