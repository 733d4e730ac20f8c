// The table of findings itself: ids, order, digests, messages, and what is asked of a release
// before its baseline is fetched.
#include "inspect/findings/findings.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/inspect/findings/package_builder.h"

namespace npmgate {
namespace {

using testing::at;
using testing::describe;
using testing::Package;
using testing::Scene;
using testing::with_traits;

using Ids = std::set<std::string>;

Package plain(const std::string& version) {
  return Package("left-pad-ish", version).code("index.js", "same code");
}

TEST(FindingKinds, ContractIdsAreAllThereOnce) {
  const char* const expected[] = {"install-script-added",
                                  "install-script-changed",
                                  "install-script-target-changed",
                                  "implicit-install-added",
                                  "install-script-suspicious",
                                  "bundled-install-script-added",
                                  "bin-shadows-command",
                                  "missing-git-tag",
                                  "git-tag-mismatch",
                                  "file-not-in-source",
                                  "repository-changed",
                                  "new-maintainer-published",
                                  "publisher-changed",
                                  "maintainers-changed",
                                  "provenance-invalid",
                                  "provenance-lost",
                                  "provenance-changed",
                                  "signature-missing",
                                  "signature-invalid",
                                  "manifest-mismatch",
                                  "integrity-mismatch",
                                  "release-republished",
                                  "release-withdrawn",
                                  "archive-refused",
                                  "package-json-refused",
                                  "archive-over-limit",
                                  "dependency-added",
                                  "dependency-changed",
                                  "fresh-dependency",
                                  "exotic-dependency",
                                  "shrinkwrap-included",
                                  "native-binary-added",
                                  "obfuscated-code-added",
                                  "network-endpoint-added",
                                  "sensitive-access-added",
                                  "size-jump",
                                  "dormant-release",
                                  "version-burst",
                                  "old-line-release",
                                  "dist-tag-moved",
                                  "first-release",
                                  "typosquat-suspect",
                                  "known-malware",
                                  "deprecated",
                                  "platform-changed",
                                  "license-changed",
                                  "install-script-unresolved",
                                  "import-time-capabilities",
                                  "capability-added",
                                  "entry-changed",
                                  "agent-autorun",
                                  "disguised-file",
                                  "bundled-package-changed",
                                  "evidence-unavailable"};
  EXPECT_EQ(finding_kinds().size(), std::size(expected));
  for (const char* id : expected) {
    const FindingKind* kind = find_kind(id);
    ASSERT_NE(kind, nullptr) << id;
    EXPECT_EQ(kind->id, id);
    EXPECT_FALSE(kind->shows.empty()) << id;
  }
  EXPECT_EQ(find_kind("install-script"), nullptr);
  EXPECT_EQ(find_kind(""), nullptr);
}

TEST(FindingKinds, SeverityHasNames) {
  EXPECT_EQ(to_string(Severity::kInfo), "info");
  EXPECT_EQ(to_string(Severity::kLow), "low");
  EXPECT_EQ(to_string(Severity::kMedium), "medium");
  EXPECT_EQ(to_string(Severity::kHigh), "high");
  EXPECT_EQ(to_string(Severity::kCritical), "critical");
}

TEST(DeriveFindings, AnOrdinaryReleaseHasNone) {
  const Scene scene(plain("1.0.0"), plain("1.0.1"));
  EXPECT_EQ(scene.ids(), Ids{}) << describe(scene.findings());
}

TEST(DeriveFindings, WithoutAnythingKnownOnlyFirstRelease) {
  const Package now = plain("1.0.0");
  FindingInput input;
  input.release = &now.release;
  const auto findings = derive_findings(input);
  ASSERT_EQ(findings.size(), 1u) << describe(findings);
  EXPECT_EQ(findings[0].id, "first-release");
}

TEST(DeriveFindings, FirstIsSaidOfFirstReleasesOnly) {
  const Package now = plain("1.2.0");
  PackageHistory history;
  for (const char* const version : {"1.0.0", "1.1.0", "1.2.0", "1.3.0"})
    history.entries.push_back({version, {}, {}, false, false, 0});
  FindingInput input;
  input.release = &now.release;
  input.history = &history;
  std::string said;
  for (const Finding& finding : derive_findings(input)) {
    if (finding.id == "first-release") said = finding.message;
  }
  EXPECT_TRUE(said.starts_with("none of 2 earlier releases can be compared with")) << said;
}

TEST(DeriveFindings, ComeInTheOrderOfTheirKinds) {
  Package now = plain("1.0.1").script("postinstall", "node a.js").script("preinstall", "node b.js");
  now.depends("dependencies", "new-one", "^1.0.0").release.manifest.deprecated = "gone";
  Scene scene(plain("1.0.0"), now);
  scene.history.advisories.push_back({"MAL-0000-1", "stand-in"});
  std::vector<std::size_t> positions;
  for (const Finding& finding : scene.findings()) {
    positions.push_back(static_cast<std::size_t>(find_kind(finding.id) - finding_kinds().data()));
  }
  EXPECT_GE(positions.size(), 5u);
  EXPECT_TRUE(std::is_sorted(positions.begin(), positions.end()));
}

TEST(DeriveFindings, TheSameInputGivesTheSameFindings) {
  Scene scene(plain("1.0.0"), plain("1.0.1").script("install", "node x.js"));
  EXPECT_EQ(scene.findings(), scene.findings());
}

TEST(FindingDigest, DependsOnIdAndProofOnly) {
  Finding finding{"a", Severity::kLow, "words", {{"x", 1}, {"y", {{"p", 1}, {"q", 2}}}}, "tarball"};
  const std::string digest = finding.digest();
  EXPECT_EQ(digest.size(), 64u);

  Finding reworded = finding;
  reworded.message = "other words";
  reworded.severity = Severity::kHigh;
  EXPECT_EQ(reworded.digest(), digest);

  Finding reordered = finding;
  reordered.proof = {{"y", {{"q", 2}, {"p", 1}}}, {"x", 1}};
  EXPECT_EQ(reordered.digest(), digest);

  Finding other_id = finding;
  other_id.id = "b";
  EXPECT_NE(other_id.digest(), digest);

  Finding other_proof = finding;
  other_proof.proof["x"] = 2;
  EXPECT_NE(other_proof.digest(), digest);

  Finding other_order = finding;
  other_order.proof["y"] = boost::json::array{1, 2};
  const std::string one = other_order.digest();
  other_order.proof["y"] = boost::json::array{2, 1};
  EXPECT_NE(other_order.digest(), one);
}

TEST(FindingDigest, StaysWhileOnlyTheBaselineMoves) {
  const Package now = plain("2.0.0").script("postinstall", "node a.js");
  const auto a = Scene(plain("1.0.0"), now).of("install-script-added");
  const auto b = Scene(plain("1.5.0"), now).of("install-script-added");
  ASSERT_EQ(a.size(), 1u);
  ASSERT_EQ(b.size(), 1u);
  EXPECT_EQ(a[0].digest(), b[0].digest());
}

struct MessageRow {
  const char* name;
  std::string command;
};
class Messages : public ::testing::TestWithParam<MessageRow> {};

TEST_P(Messages, FitAHeader) {
  const Scene scene(plain("1.0.0"), plain("1.0.1").script("postinstall", GetParam().command));
  const auto findings = scene.of("install-script-added");
  ASSERT_EQ(findings.size(), 1u);
  const std::string& message = findings[0].message;
  EXPECT_LE(message.size(), 200u);
  EXPECT_TRUE(std::all_of(message.begin(), message.end(), [](char c) {
    return c >= 0x20 && c < 0x7F;
  })) << message;
  EXPECT_TRUE(message.starts_with("postinstall added: ")) << message;
  EXPECT_FALSE(message.ends_with(".") && !message.ends_with("...")) << message;
}

INSTANTIATE_TEST_SUITE_P(
    All, Messages,
    ::testing::Values(MessageRow{"plain", "node setup.js"},
                      MessageRow{"newlines", "node a.js\r\nnpm-notice: forged"},
                      MessageRow{"escape_sequences", "node \x1b[31ma.js"},
                      MessageRow{"accents", "node caf\xc3\xa9.js"},
                      MessageRow{"bidi", "node a\xe2\x80\xae.js"},
                      MessageRow{"emoji", "node \xf0\x9f\x98\x80.js"},
                      MessageRow{"broken_utf8", "node \xff\xfe\xc3.js"},
                      MessageRow{"delete_character", "node \x7f.js"},
                      MessageRow{"long", "node " + std::string(5000, 'a')},
                      MessageRow{"long_wide", "node " + std::string(100, '\xc3')}),
    kRowName);

TEST(Messages, LongOnesEndInDots) {
  for (std::size_t length = 170; length < 200; ++length) {
    Scene scene(plain("1.0.0"), plain("1.0.1"));
    scene.now.release.manifest.deprecated = std::string(length, 'a') + "\xe2\x80\xae";
    const std::string message = scene.of("deprecated").at(0).message;
    EXPECT_LE(message.size(), 200u) << length;
    EXPECT_EQ(message.ends_with("..."), length > 180) << message;
  }
}

TEST(Messages, EscapesAreSpelledOut) {
  const Scene scene(plain("1.0.0"), plain("1.0.1").script("install", "node \xe2\x80\xae\x1b\xff"));
  EXPECT_EQ(scene.of("install-script-added").at(0).message,
            "install added: node \\u{202e}\\u{1b}\\xff");
}

TEST(Proofs, LongTextIsCutAndHashed) {
  const std::string command = "node " + std::string(100'000, 'a');
  const Scene scene(plain("1.0.0"), plain("1.0.1").script("install", command));
  const auto findings = scene.of("install-script-added");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_LT(testing::proof_of(findings[0]).size(), 2000u);
  EXPECT_EQ(findings[0].proof.at("command").at("bytes").as_uint64(), command.size());
  const Scene other(plain("1.0.0"), plain("1.0.1").script("install", command + "b"));
  EXPECT_NE(other.of("install-script-added").at(0).digest(), findings[0].digest());
}

TEST(MayHold, OnlyWhatSaysSoInforms) {
  Finding finding{"install-script-added", Severity::kHigh, "", {}, ""};
  EXPECT_TRUE(may_hold(finding));
  finding.proof["informs_only"] = false;
  EXPECT_TRUE(may_hold(finding));
  finding.proof["informs_only"] = "yes";
  EXPECT_TRUE(may_hold(finding));
  finding.proof["informs_only"] = true;
  EXPECT_FALSE(may_hold(finding));
}

struct WantsRow {
  const char* name;
  Package package;
  bool wants;
};
class WantsBaseline : public ::testing::TestWithParam<WantsRow> {};

TEST_P(WantsBaseline, WhereADeltaCouldAddFindings) {
  Evidence evidence = GetParam().package.evidence;
  evidence.release = GetParam().package.release;
  EXPECT_EQ(wants_baseline_tree(evidence), GetParam().wants);
}

CodeFeatures encoded() {
  CodeFeatures features;
  features.longest_literal = 50'000;
  return features;
}

Package refused() {
  Package package = plain("1.0.0").script("install", "node a.js");
  package.evidence.archive_refusal = ArchiveRefusal{false, "tar-magic", "stand-in"};
  return package;
}

INSTANTIATE_TEST_SUITE_P(
    All, WantsBaseline,
    ::testing::Values(
        WantsRow{"plain_code", plain("1.0.0"), false},
        WantsRow{"hook", plain("1.0.0").script("install", "node a.js"), true},
        WantsRow{"hook_of_the_packument", plain("1.0.0").stated_script("install", "a"), true},
        WantsRow{"prepare_only", plain("1.0.0").script("prepare", "build"), false},
        WantsRow{"binding_gyp", plain("1.0.0").binding_gyp(), true},
        WantsRow{"native", plain("1.0.0").file("a.node", "elf", FileKind::kNative), true},
        WantsRow{"endpoints",
                 plain("1.0.0").code("a.js", "a", testing::with_endpoints({"a.example"})), true},
        WantsRow{"traits", plain("1.0.0").code("a.js", "a", with_traits({"shell"})), true},
        WantsRow{"encoded", plain("1.0.0").code("a.js", "a", encoded()), true},
        WantsRow{"bundled_hook",
                 plain("1.0.0").bundles("node_modules/b", {{"install", "node b.js"}}), true},
        WantsRow{"bundled_without_hook",
                 plain("1.0.0").bundles("node_modules/b", {{"test", "node b.js"}}), true},
        WantsRow{"refused", refused(), false}),
    kRowName);

struct RunsRow {
  const char* name;
  Package package;
  bool inspected;
  bool runs;
};
class RunsOnInstall : public ::testing::TestWithParam<RunsRow> {};

TEST_P(RunsOnInstall, IsTheUnion) {
  const RunsRow& row = GetParam();
  EXPECT_EQ(runs_on_install(row.package.release, row.inspected ? &row.package.evidence : nullptr),
            row.runs);
}

Package claiming(bool claim) {
  Package package = plain("1.0.0");
  package.release.has_install_script = claim;
  return package;
}

Package gypfile() {
  Package package = plain("1.0.0");
  package.release.manifest.gypfile = true;
  return package;
}

INSTANTIATE_TEST_SUITE_P(
    All, RunsOnInstall,
    ::testing::Values(
        RunsRow{"nothing", plain("1.0.0"), true, false},
        RunsRow{"packument_only", plain("1.0.0").stated_script("postinstall", "a"), true, true},
        RunsRow{"packument_alone", plain("1.0.0").stated_script("postinstall", "a"), false, true},
        RunsRow{"tarball_only", plain("1.0.0").shipped_script("preinstall", "a"), true, true},
        RunsRow{"tarball_unseen", plain("1.0.0").shipped_script("preinstall", "a"), false, false},
        RunsRow{"implicit", plain("1.0.0").binding_gyp(), true, true},
        RunsRow{"blank", plain("1.0.0").script("install", "  "), true, false},
        RunsRow{"prepare", plain("1.0.0").script("prepare", "a"), true, false},
        RunsRow{"claim_believed_while_unseen", claiming(true), false, true},
        RunsRow{"claim_disproved", claiming(true), true, false},
        RunsRow{"gypfile_while_unseen", gypfile(), false, true}),
    kRowName);

}  // namespace
}  // namespace npmgate
