// Which address is asked for an attestation, and what becomes of every answer.
#include "proxy/external/attestations.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/support/gate_rig.h"

namespace npmgate {
namespace {

using testing::FakeClock;
using testing::FakeUpstream;

UpstreamConfig upstream() {
  UpstreamConfig out;
  out.url = "https://registry.example/npm/";
  return out;
}

TEST(AttestationUrl, StaysWithTheUpstream) {
  const std::string own = "https://registry.example/npm/-/npm/v1/attestations/@acme%2flib@1.2.3";
  Release release;
  release.manifest.name = "@acme/lib";
  release.manifest.version = "1.2.3";
  EXPECT_EQ(attestation_url(upstream(), release), own) << "only the predicate is named";
  for (const char* elsewhere :
       {"https://other.example/x", "http://registry.example/x", "https://registry.example:8443/x",
        "https://registry.example@other.example/x", "/x", "file:///etc/passwd", ""}) {
    release.dist.attestations_url = elsewhere;
    EXPECT_EQ(attestation_url(upstream(), release), own) << elsewhere;
  }
  release.dist.attestations_url = "https://registry.example:443/elsewhere/x";
  EXPECT_EQ(attestation_url(upstream(), release), *release.dist.attestations_url);
}

class Asked : public ::testing::Test {
 protected:
  AttestationAnswer ask() {
    net::io_context context;
    return testing::run_task(
        context,
        ask_attestation(upstream_, upstream(), "https://registry.example/a", "lib", "1.0.0",
                        std::string(128, 'a'), Millis(1000), clock_, nullptr, pool_));
  }
  void answer(std::string sha512, int status = 200) {
    const std::string statement =
        R"({"subject":[{"name":"pkg:npm/lib@1.0.0","digest":{"sha512":")" + sha512 +
        R"("}}],"predicateType":"https://slsa.dev/provenance/v1","predicate":{"buildDefinition":)"
        R"({"externalParameters":{"workflow":{"repository":"https://git.example/o/lib"}}}}})";
    const auto* data = reinterpret_cast<const std::uint8_t*>(statement.data());
    upstream_.put("https://registry.example/a",
                  {status,
                   R"({"attestations":[{"predicateType":"https://slsa.dev/provenance/v1","bundle":)"
                   R"({"dsseEnvelope":{"payloadType":"application/vnd.in-toto+json","payload":")" +
                       base64_encode({data, statement.size()}) + R"(","signatures":[{}]}}}]})",
                   ""});
  }
  FakeUpstream upstream_;
  FakeClock clock_{testing::kRigNow};
  Pool pool_{1, 8};
};

// Against the anchors that the program is built with.
class Verified : public Asked {
 protected:
  ProvenanceEvidence ask_about(const std::string& file, const std::string& sha512) {
    std::ifstream in(std::string(NPM_GATE_SOURCE_DIR "/tests/fixtures/sigstore/npm/") + file);
    std::ostringstream text;
    text << in.rdbuf();
    upstream_.put("https://registry.example/a", {200, text.str(), ""});
    auto trust = TrustStore::open(SignatureConfig{});
    EXPECT_TRUE(trust) << trust.error().context;
    net::io_context context;
    AttestationAnswer got = testing::run_task(
        context,
        ask_attestation(upstream_, upstream(), "https://registry.example/a", "tuf-js", "1.0.0",
                        sha512, Millis(1000), clock_, (*trust)->current(), pool_));
    EXPECT_TRUE(got.evidence) << got.unknown;
    return got.evidence.value_or(ProvenanceEvidence{});
  }
  const std::string sha512_ =
      "d5dc6c4301120f30022634dd607438c09d5ffe87fb8c02d629f2441d20565100"
      "7fe544c9531f525ba1875e9e266752af7414490a91a3b2ca0f1468b886fc3cfc";
};

TEST_F(Verified, IsProvenOrInvalid) {
  const ProvenanceEvidence good = ask_about("valid-tuf-js-attestations.json", sha512_);
  EXPECT_EQ(good.invalid, "");
  ASSERT_TRUE(good.verified);
  EXPECT_EQ(good.stated.repository, "https://github.com/theupdateframework/tuf-js");
  EXPECT_EQ(good.verified->issuer, "https://token.actions.githubusercontent.com");
  EXPECT_EQ(good.verified->sha512, sha512_);
  EXPECT_TRUE(good.verified->publish_attested);
  EXPECT_EQ(good.asked, testing::kRigNow);
  const ProvenanceEvidence other =
      ask_about("valid-tuf-js-attestations.json", std::string(128, 'a'));
  EXPECT_FALSE(other.verified);
  EXPECT_NE(other.invalid.find("something else than pkg:npm/tuf-js@1.0.0"), std::string::npos);
  EXPECT_EQ(other.stated, Provenance());
  EXPECT_NE(ask_about("invalid-attestations.json", sha512_).invalid, "");
}

TEST(TrustStore, TakesFilesInPlaceOfWhatIsBuiltInAndFollowsThem) {
  const std::string folder = NPM_GATE_SOURCE_DIR "/tests/fixtures/sigstore/";
  const std::string file = ::testing::TempDir() + "trusted_root.json";
  const auto copy = [&](const std::string& from) {
    std::filesystem::copy_file(folder + from, file,
                               std::filesystem::copy_options::overwrite_existing);
  };
  copy("roots/7d76b75f.json");
  SignatureConfig config;
  config.trusted_root = file;
  auto store = TrustStore::open(config);
  ASSERT_TRUE(store) << store.error().context;
  const auto first = (*store)->current();
  EXPECT_EQ(first->root_origin, file);
  EXPECT_EQ(first->root->logs.size(), 1U);
  EXPECT_EQ(first->keys.size(), 4U);
  config.registry_keys = file;
  EXPECT_FALSE(TrustStore::open(config));
  config.registry_keys.clear();
  config.trusted_root = file + ".none";
  EXPECT_FALSE(TrustStore::open(config));
  config = {};
  config.verify = false;
  EXPECT_EQ((*TrustStore::open(config))->current(), nullptr);
}

TEST_F(Asked, KeepsWhatWasReadWithSourceAndTime) {
  answer(std::string(128, 'a'));
  const AttestationAnswer got = ask();
  ASSERT_TRUE(got.evidence) << got.unknown;
  EXPECT_EQ(got.evidence->stated.repository, "https://git.example/o/lib");
  EXPECT_EQ(got.evidence->foreign, "");
  EXPECT_EQ(got.evidence->url, "https://registry.example/a");
  EXPECT_EQ(got.evidence->asked, testing::kRigNow);
}

TEST_F(Asked, OneAboutOtherBytesIsKeptAsThat) {
  answer(std::string(128, 'b'));
  const AttestationAnswer got = ask();
  ASSERT_TRUE(got.evidence);
  EXPECT_NE(got.evidence->foreign.find("something else than pkg:npm/lib@1.0.0"), std::string::npos);
  EXPECT_EQ(got.evidence->stated, Provenance());
}

TEST_F(Asked, WhatCouldNotBeHadIsUnknown) {
  EXPECT_NE(ask().unknown.find("404"), std::string::npos);
  answer(std::string(128, 'a'), 503);
  EXPECT_NE(ask().unknown.find("503"), std::string::npos);
  upstream_.fail_at(0);
  EXPECT_NE(ask().unknown.find("down"), std::string::npos);
  upstream_.put("https://registry.example/a", {200, "<html>", ""});
  const AttestationAnswer got = ask();
  EXPECT_FALSE(got.evidence);
  EXPECT_NE(got.unknown.find("cannot be read"), std::string::npos);
}

}  // namespace
}  // namespace npmgate
