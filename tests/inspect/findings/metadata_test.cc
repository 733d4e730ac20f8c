// What the upstream says beside what the bytes say.
#include <gtest/gtest.h>

#include "base/digest.h"
#include "tests/inspect/findings/package_builder.h"

namespace npmgate {
namespace {

using testing::before;
using testing::describe;
using testing::Package;
using testing::package;
using testing::Scene;
using Ids = std::set<std::string>;

// --- manifest-mismatch ---

// `stated` is the packument's manifest, `shipped` the tarball's package.json.
struct MismatchRow {
  const char* name;
  void (*change)(Manifest& stated, Manifest& shipped, Package& package);
  std::vector<std::string> fields;
};
class Mismatches : public ::testing::TestWithParam<MismatchRow> {};

TEST_P(Mismatches, AreThoseThatClientsActOn) {
  Package now = package();
  GetParam().change(now.release.manifest, now.evidence.tree.package_json, now);
  const Scene scene(before(), now);
  std::vector<std::string> fields;
  for (const Finding& finding : scene.of("manifest-mismatch")) {
    for (const auto& field : finding.proof.at("fields").as_array())
      fields.emplace_back(field.at("field").as_string());
  }
  EXPECT_EQ(fields, GetParam().fields) << describe(scene.findings());
}

INSTANTIATE_TEST_SUITE_P(
    Real, Mismatches,
    ::testing::Values(
        MismatchRow{"name",
                    [](Manifest&, Manifest& shipped, Package&) { shipped.name = "other"; },
                    {"name"}},
        MismatchRow{"version",
                    [](Manifest&, Manifest& shipped, Package&) { shipped.version = "9.9.9"; },
                    {"version"}},
        MismatchRow{"hook_hidden_by_the_packument",
                    [](Manifest&, Manifest& shipped, Package&) {
                      shipped.scripts["postinstall"] = "node a.js";
                    },
                    {"scripts.postinstall"}},
        MismatchRow{"hook_only_in_the_packument",
                    [](Manifest& stated, Manifest&, Package&) {
                      stated.scripts["preinstall"] = "node a.js";
                    },
                    {"scripts.preinstall"}},
        MismatchRow{"hook_differs",
                    [](Manifest& stated, Manifest& shipped, Package&) {
                      stated.scripts["install"] = "a";
                      shipped.scripts["install"] = "b";
                    },
                    {"scripts.install"}},
        MismatchRow{"build_written_down_without_a_gyp",
                    [](Manifest& stated, Manifest&, Package&) {
                      stated.scripts["install"] = "node-gyp rebuild";
                    },
                    {"scripts.install"}},
        MismatchRow{
            "dependency_hidden",
            [](Manifest&, Manifest& shipped, Package&) { shipped.dependencies["a"] = "^1"; },
            {"dependencies.a"}},
        MismatchRow{"dependency_made_up",
                    [](Manifest& stated, Manifest&, Package&) { stated.dependencies["a"] = "^1"; },
                    {"dependencies.a"}},
        MismatchRow{"dependency_range",
                    [](Manifest& stated, Manifest& shipped, Package&) {
                      stated.dependencies["a"] = "^1";
                      shipped.dependencies["a"] = "^2";
                    },
                    {"dependencies.a"}},
        MismatchRow{"dependency_repository",
                    [](Manifest& stated, Manifest& shipped, Package&) {
                      stated.dependencies["a"] = "github:o/a";
                      shipped.dependencies["a"] = "github:p/a";
                    },
                    {"dependencies.a"}},
        MismatchRow{"dependency_commit",
                    [](Manifest& stated, Manifest& shipped, Package&) {
                      stated.dependencies["a"] = "o/a#1";
                      shipped.dependencies["a"] = "o/a#2";
                    },
                    {"dependencies.a"}},
        MismatchRow{"optional",
                    [](Manifest&, Manifest& shipped, Package&) {
                      shipped.optional_dependencies["a"] = "^1";
                    },
                    {"optionalDependencies.a"}},
        MismatchRow{
            "peer",
            [](Manifest& stated, Manifest&, Package&) { stated.peer_dependencies["a"] = "^1"; },
            {"peerDependencies.a"}},
        MismatchRow{"bundled_in_the_packument",
                    [](Manifest& stated, Manifest&, Package&) { stated.bundled = {"a"}; },
                    {"bundleDependencies.a"}},
        MismatchRow{"bundled_in_the_tarball",
                    [](Manifest& stated, Manifest& shipped, Package&) {
                      stated.bundled = {"a"};
                      shipped.bundled = {"b", "a"};
                    },
                    {"bundleDependencies.b"}},
        MismatchRow{"bin",
                    [](Manifest& stated, Manifest& shipped, Package&) {
                      stated.bin["demo"] = "a.js";
                      shipped.bin["demo"] = "b.js";
                    },
                    {"bin.demo"}},
        MismatchRow{"bin_hidden",
                    [](Manifest&, Manifest& shipped, Package&) { shipped.bin["sh"] = "b.js"; },
                    {"bin.sh"}},
        MismatchRow{"bin_made_up",
                    [](Manifest& stated, Manifest&, Package&) { stated.bin["sh"] = "b.js"; },
                    {"bin.sh"}},
        MismatchRow{"several",
                    [](Manifest&, Manifest& shipped, Package&) {
                      shipped.name = "x";
                      shipped.version = "2.0.0";
                    },
                    {"name", "version"}}),
    kRowName);

INSTANTIATE_TEST_SUITE_P(
    ByDesign, Mismatches,
    ::testing::Values(
        MismatchRow{"equal", [](Manifest&, Manifest&, Package&) {}, {}},
        MismatchRow{"version_with_v",
                    [](Manifest&, Manifest& shipped, Package&) { shipped.version = "v1.0.1"; },
                    {}},
        MismatchRow{"version_with_equals",
                    [](Manifest&, Manifest& shipped, Package&) { shipped.version = "=1.0.1"; },
                    {}},
        MismatchRow{"version_with_blanks",
                    [](Manifest&, Manifest& shipped, Package&) { shipped.version = " 1.0.1 "; },
                    {}},
        MismatchRow{
            "version_with_build",
            [](Manifest&, Manifest& shipped, Package&) { shipped.version = "1.0.1+build.7"; },
            {}},
        MismatchRow{"other_scripts",
                    [](Manifest&, Manifest& shipped, Package&) {
                      shipped.scripts["test"] = "x";
                      shipped.scripts["prepublishOnly"] = "y";
                    },
                    {}},
        MismatchRow{
            "prepare",
            [](Manifest&, Manifest& shipped, Package&) { shipped.scripts["prepare"] = "x"; },
            {}},
        MismatchRow{"script_blanks",
                    [](Manifest& stated, Manifest& shipped, Package&) {
                      stated.scripts["install"] = "a";
                      shipped.scripts["install"] = " a ";
                    },
                    {}},
        MismatchRow{"build_written_down",
                    [](Manifest& stated, Manifest&, Package& package) {
                      package.binding_gyp();
                      stated.scripts["install"] = "node-gyp rebuild";
                      stated.gypfile = true;
                    },
                    {}},
        MismatchRow{"optional_listed_twice",
                    [](Manifest& stated, Manifest& shipped, Package&) {
                      stated.optional_dependencies["a"] = shipped.optional_dependencies["a"] = "^1";
                      stated.dependencies["a"] = "^1";
                    },
                    {}},
        MismatchRow{"star_and_blank",
                    [](Manifest& stated, Manifest& shipped, Package&) {
                      stated.dependencies["a"] = "*";
                      shipped.dependencies["a"] = "";
                    },
                    {}},
        MismatchRow{"hosted_shorthand",
                    [](Manifest& stated, Manifest& shipped, Package&) {
                      stated.dependencies["a"] = "git+https://github.com/o/a.git";
                      shipped.dependencies["a"] = "o/a";
                    },
                    {}},
        MismatchRow{"hosted_ssh",
                    [](Manifest& stated, Manifest& shipped, Package&) {
                      stated.dependencies["a"] = "git+ssh://git@github.com/o/a.git#v1";
                      shipped.dependencies["a"] = "github:o/a#v1";
                    },
                    {}},
        MismatchRow{"bundled_in_another_order",
                    [](Manifest& stated, Manifest& shipped, Package&) {
                      stated.bundled = {"a", "b"};
                      shipped.bundled = {"b", "a"};
                    },
                    {}},
        MismatchRow{
            "dev",
            [](Manifest&, Manifest& shipped, Package&) { shipped.dev_dependencies["a"] = "^1"; },
            {}},
        MismatchRow{"bin_dot_slash",
                    [](Manifest& stated, Manifest& shipped, Package&) {
                      stated.bin["demo"] = "cli.js";
                      shipped.bin["demo"] = "./cli.js";
                    },
                    {}},
        MismatchRow{"bin_slash",
                    [](Manifest& stated, Manifest& shipped, Package&) {
                      stated.bin["demo"] = "bin/cli.js";
                      shipped.bin["demo"] = "/bin//cli.js";
                    },
                    {}},
        MismatchRow{"bin_parent",
                    [](Manifest& stated, Manifest& shipped, Package&) {
                      stated.bin["demo"] = "cli.js";
                      shipped.bin["demo"] = "../cli.js";
                    },
                    {}},
        MismatchRow{"bin_scoped_key",
                    [](Manifest& stated, Manifest& shipped, Package&) {
                      stated.bin["demo"] = "cli.js";
                      shipped.bin["@s/demo"] = "cli.js";
                    },
                    {}},
        MismatchRow{"bin_from_directories",
                    [](Manifest& stated, Manifest&, Package& package) {
                      package.file("bin/a", "1");
                      stated.bin["a"] = "bin/a";
                    },
                    {}},
        MismatchRow{"bin_blank",
                    [](Manifest&, Manifest& shipped, Package&) { shipped.bin["demo"] = ""; },
                    {}}),
    kRowName);

TEST(ManifestMismatch, ProofHasBothValues) {
  const auto findings =
      Scene(before(), package().stated_script("install", "a").shipped_script("install", "b"))
          .of("manifest-mismatch");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].severity, Severity::kHigh);
  EXPECT_EQ(findings[0].message, "scripts.install is \"a\" in the packument, \"b\" in the tarball");
  EXPECT_EQ(findings[0].proof.at("fields").at(0).at("packument").as_string(), "a");
  EXPECT_EQ(findings[0].proof.at("fields").at(0).at("tarball").as_string(), "b");
}

TEST(ManifestMismatch, ABareTarballHasNoPackument) {
  Package now = package().shipped_script("install", "node a.js");
  now.release = {};
  EXPECT_FALSE(Scene(now).ids().contains("manifest-mismatch"));
}

TEST(ManifestMismatch, NothingToCompareWithARefusedPackageJson) {
  Package now = package();
  now.evidence.package_json_refusal = JsonRefusal{"duplicate-key", "scripts"};
  now.evidence.tree.package_json = {};
  EXPECT_EQ(Scene(before(), now).ids(), Ids{"package-json-refused"});
}

// --- refusals ---

TEST(Refusals, CarryTheRule) {
  Package now = package();
  now.evidence.archive_refusal =
      ArchiveRefusal{false, "pax-duplicate-key", "entry package/a at 512: key path twice"};
  now.evidence.tree = {};
  Scene scene(before(), now);
  EXPECT_EQ(scene.ids(), Ids{"archive-refused"});
  EXPECT_EQ(scene.findings()[0].proof.at("rule").as_string(), "pax-duplicate-key");
  EXPECT_EQ(scene.findings()[0].message,
            "clients would disagree about the tarball (pax-duplicate-key): entry package/a at 512: "
            "key path twice");
  scene.now.evidence.archive_refusal->over_limit = true;
  EXPECT_EQ(scene.ids(), Ids{"archive-over-limit"});
}

TEST(Refusals, OfPackageJson) {
  Package now = package();
  now.evidence.package_json_refusal = JsonRefusal{"proto-key", "at byte 12"};
  const auto findings = Scene(before(), now).of("package-json-refused");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].severity, Severity::kCritical);
  EXPECT_EQ(findings[0].proof.at("rule").as_string(), "proto-key");
}

// --- integrity ---

TEST(Integrity, MismatchIsCritical) {
  Package now = package();
  now.evidence.integrity = {true, false, "sha512", "sha512-AAAA", "sha512-BBBB"};
  auto findings = Scene(before(), now).of("integrity-mismatch");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].severity, Severity::kCritical);
  EXPECT_EQ(findings[0].proof.at("expected").as_string(), "sha512-AAAA");
  now.evidence.integrity.matches = true;
  EXPECT_EQ(Scene(before(), now).ids(), Ids{});
  now.evidence.integrity = {false, false, "", "", ""};
  EXPECT_EQ(Scene(before(), now).ids(), Ids{}) << "nothing was checked";
}

std::string sri(Algorithm algorithm, std::string_view text) {
  return digest(algorithm, text).sri();
}
std::string sha1_hex(std::string_view text) {
  return digest(Algorithm::kSha1, text).hex();
}

struct RepublishedRow {
  const char* name;
  std::optional<std::string> first;
  std::string integrity, shasum;
  bool found;
};
class Republished : public ::testing::TestWithParam<RepublishedRow> {};

TEST_P(Republished, WhereACommonAlgorithmDiffers) {
  Scene scene(before(), package());
  scene.history.first_seen_integrity = GetParam().first;
  scene.now.release.dist.integrity = GetParam().integrity;
  scene.now.release.dist.shasum = GetParam().shasum;
  EXPECT_EQ(scene.ids().contains("release-republished"), GetParam().found);
}

INSTANTIATE_TEST_SUITE_P(
    All, Republished,
    ::testing::Values(
        RepublishedRow{"same", sri(Algorithm::kSha512, "a"), sri(Algorithm::kSha512, "a"), "",
                       false},
        RepublishedRow{"other", sri(Algorithm::kSha512, "a"), sri(Algorithm::kSha512, "b"), "",
                       true},
        RepublishedRow{"never_seen", std::nullopt, sri(Algorithm::kSha512, "b"), "", false},
        RepublishedRow{"stronger_added", sri(Algorithm::kSha1, "a"), sri(Algorithm::kSha512, "a"),
                       sha1_hex("a"), false},
        RepublishedRow{"stronger_added_other", sri(Algorithm::kSha1, "a"),
                       sri(Algorithm::kSha512, "b"), sha1_hex("b"), true},
        RepublishedRow{"no_common_algorithm", sri(Algorithm::kSha1, "a"),
                       sri(Algorithm::kSha512, "b"), "", false},
        RepublishedRow{"shasum_only", sha1_hex("a"), "", sha1_hex("a"), false},
        RepublishedRow{"shasum_only_other", sha1_hex("a"), "", sha1_hex("b"), true},
        RepublishedRow{"integrity_gone", sri(Algorithm::kSha512, "a"), "", "", false}),
    kRowName);

// --- notices ---

TEST(Withdrawn, IsTold) {
  Scene scene(before(), package());
  scene.history.withdrawn = true;
  EXPECT_EQ(scene.ids(), Ids{"release-withdrawn"});
}

TEST(KnownMalware, OnePerAdvisory) {
  Scene scene(before(), package());
  scene.history.advisories = {{"MAL-0000-1", "stand-in"}, {"MAL-0000-2", ""}};
  const auto findings = scene.of("known-malware");
  ASSERT_EQ(findings.size(), 2u);
  EXPECT_EQ(findings[0].message, "listed as MAL-0000-1: stand-in");
  EXPECT_EQ(findings[1].message, "listed as MAL-0000-2");
  EXPECT_EQ(findings[0].severity, Severity::kCritical);
  EXPECT_EQ(findings[0].source, "feed");
}

// A range over all versions beside a list of the bad ones has named clean releases of years before.
TEST(KnownMalware, AnOverBroadRangeOnlyInformsAboutReleasesOfLongBefore) {
  Scene scene(before(), package());
  scene.now.published("2026-01-01T00:00:00Z");
  PackageHistory::Advisory advisory{"MAL-0000-1", ""};
  const auto holds = [&](std::string_view published, bool over_broad) {
    advisory.published = testing::at(published);
    advisory.over_broad = over_broad;
    scene.history.advisories = {advisory};
    return may_hold(scene.of("known-malware").at(0));
  };
  EXPECT_FALSE(holds("2026-02-01T00:00:00Z", true));
  EXPECT_TRUE(holds("2026-01-30T00:00:00Z", true));
  EXPECT_TRUE(holds("2025-01-01T00:00:00Z", true));
  EXPECT_TRUE(holds("2026-02-01T00:00:00Z", false));
}

TEST(Deprecated, IsTold) {
  Scene scene(before(), package());
  scene.now.release.manifest.deprecated = "use other\nplease";
  const auto findings = scene.of("deprecated");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].message, "deprecated: use other please");
}

struct LicenseRow {
  const char* name;
  const char* was;
  const char* now;
  bool found;
};
class Licenses : public ::testing::TestWithParam<LicenseRow> {};

TEST_P(Licenses, AreCompared) {
  EXPECT_EQ(Scene(before().license(GetParam().was), package().license(GetParam().now))
                .ids()
                .contains("license-changed"),
            GetParam().found);
}

INSTANTIATE_TEST_SUITE_P(All, Licenses,
                         ::testing::Values(LicenseRow{"same", "MIT", "MIT", false},
                                           LicenseRow{"case", "MIT", "mit ", false},
                                           LicenseRow{"other", "MIT", "BUSL-1.1", true},
                                           LicenseRow{"gone", "MIT", "", true},
                                           LicenseRow{"appeared", "", "MIT", false},
                                           LicenseRow{"never", "", "", false}),
                         kRowName);

// --- what was not available ---

TEST(EvidenceUnavailable, OneForEachWithItsSource) {
  Package now = package();
  now.evidence.unavailable = {{"tarball", "upstream answered 500"}, {"provenance", "no answer"}};
  now.evidence.tree = {};
  const auto findings = Scene(before(), now).of("evidence-unavailable");
  ASSERT_EQ(findings.size(), 2u);
  EXPECT_EQ(findings[0].source, "tarball");
  EXPECT_EQ(findings[0].severity, Severity::kHigh);
  EXPECT_EQ(findings[0].message, "tarball was not available: upstream answered 500");
  EXPECT_EQ(findings[1].source, "provenance");
  EXPECT_EQ(findings[1].severity, Severity::kLow);
}

TEST(EvidenceUnavailable, TheBaselineIsMissedOnlyWhereItWouldTell) {
  Scene plain(before(), package());
  plain.baseline_inspected = false;
  EXPECT_EQ(plain.ids(), Ids{});
  Scene native(before(), package().file("a.node", "1", FileKind::kNative));
  native.baseline_inspected = false;
  EXPECT_EQ(native.ids(), Ids{"evidence-unavailable"});
  native.now.evidence.unavailable = {{"baseline", "upstream answered 500"}};
  EXPECT_EQ(native.of("evidence-unavailable").size(), 1u) << "told once";
  native.before.reset();
  EXPECT_FALSE(native.of("evidence-unavailable").empty());
}

TEST(EvidenceUnavailable, MetadataOnlyMissesNothing) {
  Scene scene(before(), package().script("install", "node a.js"));
  scene.inspected = false;
  EXPECT_FALSE(scene.ids().contains("evidence-unavailable"));
}

}  // namespace
}  // namespace npmgate
