// Registry signatures: every real one of tests/fixtures/sigstore/signatures.txt, and what must not
// verify.
#include "proxy/external/signatures.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <sstream>

namespace npmgate {
namespace {

const std::string kFolder = NPM_GATE_SOURCE_DIR "/tests/fixtures/sigstore/";
constexpr const char* kKeyId = "SHA256:jl3bwswu80PjjokCgh0o2w5c2U4LhQAE57gj9cz1kzA";

std::vector<SigningKey> real_keys() {
  std::ifstream in(kFolder + "keys.json");
  std::ostringstream text;
  text << in.rdbuf();
  auto keys = parse_keys(text.str());
  EXPECT_TRUE(keys);
  return keys ? *keys : std::vector<SigningKey>();
}

std::vector<Release> real_releases() {
  std::ifstream in(kFolder + "signatures.txt");
  std::vector<Release> releases;
  std::string name, version, published, integrity, sig;
  while (in >> name >> version >> published >> integrity >> sig) {
    Release release;
    release.manifest.name = name;
    release.manifest.version = version;
    release.published = parse_time(published);
    release.dist.integrity = integrity;
    release.dist.signatures.emplace();
    release.dist.signatures->push_back({kKeyId, sig});
    releases.push_back(std::move(release));
  }
  return releases;
}

TEST(RegistrySignatures, EveryRealOneHoldsAndNothingElseUnderIt) {
  const auto keys = real_keys();
  const auto releases = real_releases();
  ASSERT_EQ(keys.size(), 2U);
  ASSERT_EQ(releases.size(), 357U);
  std::size_t held = 0;
  for (const Release& release : releases) {
    const std::string which = release.manifest.name + "@" + release.manifest.version;
    const auto valid = verify_signatures(release, keys, true);
    EXPECT_EQ(valid, true) << which;
    held += valid == true;
    Release changed = release;
    changed.manifest.version += "0";
    EXPECT_EQ(verify_signatures(changed, keys, true), false) << which;
    changed = release;
    changed.dist.integrity[20] = changed.dist.integrity[20] == 'A' ? 'B' : 'A';
    EXPECT_EQ(verify_signatures(changed, keys, true), false) << which;
  }
  std::printf("%zu of %zu registry signatures of complete packuments hold\n", held,
              releases.size());
}

TEST(RegistrySignatures, KeysCountWhileTheyWereInForce) {
  const Release release = real_releases().front();
  auto keys = real_keys();
  for (SigningKey& key : keys) key.expires = *release.published;
  EXPECT_EQ(verify_signatures(release, keys, true), true);
  for (SigningKey& key : keys) key.expires = *release.published - Millis(1);
  EXPECT_EQ(verify_signatures(release, keys, true), false);
  // A mirror's stamps are no times of publishing.
  EXPECT_EQ(verify_signatures(release, keys, false), std::nullopt);
  for (SigningKey& key : keys) key.expires = std::nullopt;
  EXPECT_EQ(verify_signatures(release, keys, false), true);
}

TEST(RegistrySignatures, ByUnknownKeysSayNothing) {
  Release release = real_releases().front();
  EXPECT_EQ(verify_signatures(release, {}, true), std::nullopt);
  release.dist.signatures->front().keyid = "SHA256:other";
  EXPECT_EQ(verify_signatures(release, real_keys(), true), std::nullopt);
  // One that holds is enough: registries sign with the old key and the new one.
  Release twice = real_releases().front();
  twice.dist.signatures->push_back({kKeyId, "MEUCIQ=="});
  EXPECT_EQ(verify_signatures(twice, real_keys(), true), true);
}

}  // namespace
}  // namespace npmgate
