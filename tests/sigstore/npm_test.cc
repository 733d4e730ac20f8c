#include "sigstore/npm.h"

#include <gtest/gtest.h>

#include "tests/sigstore/corpus.h"

namespace npmgate::sigstore::testing {
namespace {

Result<VerifiedAttestations> verify(const AttestedRelease& release, const FindKeys& keys) {
  return verify_attestations(read_fixture("npm/valid-attestations.json"), release, *public_root(),
                             keys);
}

TEST(NpmAttestations, SayWhoBuiltFromWhat) {
  const auto verified = verify(release_of("valid-attestations.json"), registry_keys());
  ASSERT_TRUE(verified) << verified.error().context;
  EXPECT_EQ(verified->provenance.repository, "https://github.com/sigstore/sigstore-js");
  EXPECT_EQ(verified->signer.repository, "https://github.com/sigstore/sigstore-js");
  EXPECT_EQ(verified->signer.commit, "8a2ee2fd20dda58ffa4a8d808a65cb1e04711c03");
  EXPECT_EQ(verified->signer.ref, "refs/tags/v0.4.0");
  EXPECT_EQ(verified->signer.workflow, ".github/workflows/publish.yml");
  EXPECT_EQ(verified->signer.issuer, "https://token.actions.githubusercontent.com");
  EXPECT_EQ(verified->signer.trigger, "release");
  EXPECT_EQ(format_time(verified->signed_at), "2023-01-11T17:31:52.000Z");
  EXPECT_TRUE(verified->publish_attested);
  // Twice signature, subject, log entry and its timestamp; chain, SCT, agreement; key, publish.
  EXPECT_EQ(verified->checks, 13U);
}

// What only the statement says is what whoever ran the build wrote: it must not reach a rule.
TEST(NpmAttestations, SourceIsWhatTheCertificateSays) {
  const Provenance stated{"https://slsa.dev/provenance/v1",
                          "https://git.example/Acme/x.git",
                          ".github/workflows/release.yml",
                          "refs/heads/main",
                          "8a2ee2fd20dda58ffa4a8d808a65cb1e04711c03",
                          "https://git.example/runner"};
  Identity signer;
  signer.repository = "https://git.example/acme/x";
  Provenance kept = vouched_for(stated, signer);
  EXPECT_EQ(kept.repository, "https://git.example/acme/x");
  EXPECT_EQ(kept.workflow + kept.ref + kept.commit, "");
  signer.workflow = "build.yml";
  signer.ref = "refs/tags/v1";
  signer.commit = "c0ffee";
  kept = vouched_for(stated, signer);
  EXPECT_EQ(kept.workflow, "build.yml");
  EXPECT_EQ(kept.ref, "refs/tags/v1");
  EXPECT_EQ(kept.commit, "c0ffee");
  for (const std::string& file : npm_answers()) {
    if (!is_good_answer(file)) continue;
    const auto verified = verify_answer(file, read_fixture("npm/" + file));
    ASSERT_TRUE(verified) << file;
    EXPECT_EQ(verified->provenance, vouched_for(verified->provenance, verified->signer)) << file;
  }
}

TEST(NpmAttestations, AreAboutTheBytesAndTheRelease) {
  AttestedRelease release = release_of("valid-attestations.json");
  release.version = "0.4.1";
  EXPECT_EQ(verify(release, registry_keys()).error().code, Code::kIntegrityMismatch);
  release = release_of("valid-attestations.json");
  release.sha512[0] = release.sha512[0] == '0' ? '1' : '0';
  EXPECT_EQ(verify(release, registry_keys()).error().code, Code::kIntegrityMismatch);
  release.sha512.clear();
  EXPECT_EQ(verify(release, registry_keys()).error().code, Code::kMalformed);
}

TEST(NpmAttestations, NeedTheRegistrysKeyInItsTime) {
  const AttestedRelease release = release_of("valid-attestations.json");
  EXPECT_FALSE(verify(release, [](const std::string&) { return std::vector<BareKey>(); }));
  auto keys = *parse_registry_keys(read_fixture("registry_keys.json"));
  for (RegistryKey& key : keys) key.valid.end = *parse_time("2023-01-11T17:31:53Z");
  EXPECT_FALSE(verify(release, attestation_keys(keys)));
  for (RegistryKey& key : keys) key.valid.end = *parse_time("2023-01-11T17:31:54Z");
  EXPECT_TRUE(verify(release, attestation_keys(keys)));
  // A key for signatures of releases does not sign attestations.
  for (RegistryKey& key : keys) key.usage = kSignaturesUsage;
  EXPECT_FALSE(verify(release, attestation_keys(keys)));
}

TEST(NpmAttestations, WithoutProvenanceAreNotFound) {
  std::string text = read_fixture("npm/valid-attestations.json");
  EXPECT_EQ(
      verify_attestations(R"({"attestations":[]})", release_of(""), *public_root(), registry_keys())
          .error()
          .code,
      Code::kNotFound);
  EXPECT_EQ(verify_attestations("{}", release_of(""), *public_root(), registry_keys()).error().code,
            Code::kMalformed);
}

TEST(RegistryKeys, LeaveOutWhatCannotBeRead) {
  EXPECT_EQ(parse_registry_keys(read_fixture("registry_keys.json"))->size(), 4U);
  EXPECT_FALSE(parse_registry_keys("{}"));
  EXPECT_FALSE(parse_registry_keys(R"({"keys":[]})"));
  EXPECT_FALSE(parse_registry_keys(
      R"({"keys":[{"keyId":"a","keyUsage":"npm:signatures","publicKey":{"rawBytes":"AAAA","validFor":{"start":"2020-01-01T00:00:00Z"}}}]})"));
}

TEST(TrustedRoot, TellsWhenItsCertificatesEnd) {
  const auto root = public_root();
  EXPECT_EQ(root->logs.size(), 2U);
  EXPECT_EQ(root->ct_logs.size(), 2U);
  EXPECT_TRUE(root->unused.empty());
  const auto end = root->expires(*parse_time("2026-01-01T00:00:00Z"));
  ASSERT_TRUE(end);
  EXPECT_EQ(format_time(*end), "2031-10-05T13:56:58.000Z");
}

TEST(TrustedRoot, OneUnknownPartDoesNotTakeTheOthersAway) {
  std::string text = read_fixture("roots/public-good.json");
  const std::string key = "MCowBQYDK2VwAyEAt8rlp1knGwjfbcXAYPYAkn0XiLz1x8O4t0YkEhie244=";
  text.replace(text.find(key), key.size(), "AAAA");
  const auto root = parse_trusted_root(text);
  ASSERT_TRUE(root) << root.error().context;
  EXPECT_EQ((*root)->logs.size(), 1U);
  EXPECT_EQ((*root)->unused.size(), 1U);
  EXPECT_FALSE(parse_trusted_root("{}"));
  EXPECT_FALSE(parse_trusted_root(R"({"tlogs":[],"ctlogs":[],"certificateAuthorities":[]})"));
}

}  // namespace
}  // namespace npmgate::sigstore::testing
