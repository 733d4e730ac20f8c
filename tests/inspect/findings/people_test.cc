// Accounts, maintainers, attestations and signatures. Absent fields are unknown: no row without a
// fact has a finding.
#include <gtest/gtest.h>

#include "tests/inspect/findings/package_builder.h"

namespace npmgate {
namespace {

using testing::at;
using testing::describe;
using testing::Package;
using testing::Scene;
using Ids = std::set<std::string>;

Package now_by(std::string name, std::string email = {}) {
  return Package("demo", "1.0.1")
      .published("2025-06-10")
      .publisher(std::move(name), std::move(email));
}
Package was_by(std::string name, std::string email = {}) {
  return Package("demo", "1.0.0")
      .published("2025-05-01")
      .publisher(std::move(name), std::move(email));
}
Package approved_by(Package base, std::string name) {
  base.release.publisher = Publisher{{name, {}}, {}, name};
  return base;
}
Package without_publisher(Package base) {
  base.release.publisher.reset();
  return base;
}

struct PeopleRow {
  const char* name;
  Package was, now;
  Ids ids;
};
class People : public ::testing::TestWithParam<PeopleRow> {};

TEST_P(People, AreCompared) {
  const Scene scene(GetParam().was, GetParam().now);
  EXPECT_EQ(scene.ids(), GetParam().ids) << describe(scene.findings());
}

INSTANTIATE_TEST_SUITE_P(
    Publisher, People,
    ::testing::Values(
        PeopleRow{"same", was_by("ann"), now_by("ann"), {}},
        PeopleRow{"other", was_by("ann"), now_by("bob"), {"publisher-changed"}},
        PeopleRow{"other_maintainer",
                  was_by("ann").maintainers({"ann", "bob"}),
                  now_by("bob").maintainers({"ann", "bob"}),
                  {"publisher-changed"}},
        PeopleRow{"stranger",
                  was_by("ann").maintainers({"ann"}),
                  now_by("bob"),
                  {"publisher-changed", "new-maintainer-published"}},
        PeopleRow{"stranger_who_joined_first",
                  was_by("ann").maintainers({"ann"}),
                  now_by("bob").maintainers({"ann", "bob"}),
                  {"publisher-changed", "new-maintainer-published", "maintainers-changed"}},
        PeopleRow{"baselines_publisher_is_no_stranger",
                  was_by("bob").maintainers({"ann"}),
                  now_by("bob"),
                  {}},
        PeopleRow{"baseline_unknown", without_publisher(was_by("x")), now_by("bob"), {}},
        PeopleRow{
            "now_unknown", was_by("ann").maintainers({"ann"}), without_publisher(now_by("x")), {}},
        PeopleRow{"other_address",
                  was_by("ann", "a@one.example"),
                  now_by("ann", "a@two.example"),
                  {"publisher-changed"}},
        PeopleRow{"address_in_capitals",
                  was_by("ann", "A@one.example"),
                  now_by("ann", "a@one.example"),
                  {}},
        PeopleRow{"address_unknown", was_by("ann"), now_by("ann", "a@two.example"), {}},
        PeopleRow{"trust_goes_up",
                  was_by("ann").maintainers({"ann"}),
                  now_by("x").trusted_publisher("github"),
                  {}},
        PeopleRow{"staged_approval_of_an_attested_build",
                  was_by("x").trusted_publisher("github").attested(),
                  approved_by(now_by("x"), "ann").attested(),
                  {}},
        PeopleRow{"staged_after_token",
                  was_by("ann").maintainers({"ann"}),
                  approved_by(now_by("x"), "bob").attested(),
                  {}},
        PeopleRow{"attestation_kept_by_a_human",
                  was_by("x").trusted_publisher("github").attested(),
                  now_by("ann").attested(),
                  {"provenance-changed"}},
        PeopleRow{"trust_goes_down",
                  was_by("x").trusted_publisher("github").attested(),
                  now_by("ann"),
                  {"publisher-changed", "provenance-lost"}}),
    kRowName);

INSTANTIATE_TEST_SUITE_P(
    Maintainers, People,
    ::testing::Values(
        PeopleRow{"same_set",
                  was_by("ann").maintainers({"ann", "bob"}),
                  now_by("ann").maintainers({"bob", "ann"}),
                  {}},
        PeopleRow{"joined",
                  was_by("ann").maintainers({"ann"}),
                  now_by("ann").maintainers({"ann", "bob"}),
                  {"maintainers-changed"}},
        PeopleRow{"left",
                  was_by("ann").maintainers({"ann", "bob"}),
                  now_by("ann").maintainers({"ann"}),
                  {"maintainers-changed"}},
        PeopleRow{"unknown_before", was_by("ann"), now_by("ann").maintainers({"ann"}), {}},
        PeopleRow{"unknown_now", was_by("ann").maintainers({"ann"}), now_by("ann"), {}},
        PeopleRow{"empty_is_unknown",
                  was_by("ann").maintainers({}),
                  now_by("ann").maintainers({"ann"}),
                  {}}),
    kRowName);

TEST(PublisherChanged, ProofHasBoth) {
  const auto findings =
      Scene(was_by("ann", "a@one.example"), now_by("bob")).of("publisher-changed");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].proof.at("before").at("name").as_string(), "ann");
  EXPECT_EQ(findings[0].proof.at("before").at("email").as_string(), "a@one.example");
  EXPECT_EQ(findings[0].proof.at("after").at("name").as_string(), "bob");
  EXPECT_EQ(findings[0].message, "published by bob, the baseline by ann");
}

TEST(PublisherChanged, AnAddressAloneIsLesser) {
  const auto findings =
      Scene(was_by("ann", "a@one.example"), now_by("ann", "a@two.example")).of("publisher-changed");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].severity, Severity::kLow);
}

TEST(MaintainersChanged, SaysWhoCameAndWhoLeft) {
  const auto findings =
      Scene(was_by("ann").maintainers({"ann", "cid"}), now_by("ann").maintainers({"ann", "bob"}))
          .of("maintainers-changed");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].message, "maintainers changed: added bob, removed cid");
  EXPECT_EQ(findings[0].proof.at("added"), boost::json::array({"bob"}));
  EXPECT_EQ(findings[0].severity, Severity::kLow);
}

// --- newcomers stay new for a while ---

struct NewcomerRow {
  const char* name;
  const char* others_published;  // "" = nobody else did
  const char* first_published;   // of the publisher, before this release
  bool times_real;
  bool found;
};
class Newcomers : public ::testing::TestWithParam<NewcomerRow> {};

TEST_P(Newcomers, AreNewForThirtyDays) {
  const NewcomerRow& row = GetParam();
  Scene scene(was_by("bob").maintainers({"ann", "bob"}), now_by("bob"));
  if (*row.others_published != '\0') scene.entry("0.9.0", row.others_published, "ann");
  scene.entry("1.0.0", row.first_published, "bob").entry("1.0.1", "2025-06-10", "bob");
  scene.history.times_real = row.times_real;
  EXPECT_EQ(scene.ids().contains("new-maintainer-published"), row.found)
      << describe(scene.findings());
}

INSTANTIATE_TEST_SUITE_P(
    All, Newcomers,
    ::testing::Values(NewcomerRow{"five_days", "2024-01-01", "2025-06-05", true, true},
                      NewcomerRow{"thirty_days", "2024-01-01", "2025-05-11", true, true},
                      NewcomerRow{"thirty_one_days", "2024-01-01", "2025-05-10T00:00:00Z", true,
                                  false},
                      NewcomerRow{"founder", "", "2025-06-05", true, false},
                      NewcomerRow{"others_came_later", "2025-06-07", "2025-06-05", true, false},
                      NewcomerRow{"times_of_arrival", "2024-01-01", "2025-06-05", false, false}),
    kRowName);

// --- provenance ---

struct Earlier {
  const char* version;
  bool attested;
  bool trusted = false;
};
struct ProvenanceRow {
  const char* name;
  const char* version;
  const char* baseline;  // "" = none
  bool baseline_attested;
  std::vector<Earlier> history;
  bool attested;
  bool lost;
};
class Provenance : public ::testing::TestWithParam<ProvenanceRow> {};

TEST_P(Provenance, IsComparedWithinTheLine) {
  const ProvenanceRow& row = GetParam();
  Package now("demo", row.version);
  if (row.attested) now.attested();
  Scene scene(now);
  if (*row.baseline != '\0') {
    scene.before = Package("demo", row.baseline);
    if (row.baseline_attested) scene.before->attested();
  }
  for (const Earlier& earlier : row.history) {
    PackageHistory::Entry entry;
    entry.version = earlier.version;
    entry.attested = earlier.attested;
    entry.trusted = earlier.trusted;
    scene.history.entries.push_back(entry);
  }
  EXPECT_EQ(scene.ids().contains("provenance-lost"), row.lost) << describe(scene.findings());
}

INSTANTIATE_TEST_SUITE_P(
    All, Provenance,
    ::testing::Values(
        ProvenanceRow{"kept", "1.2.1", "1.2.0", true, {}, true, false},
        ProvenanceRow{"lost", "1.2.1", "1.2.0", true, {}, false, true},
        ProvenanceRow{"never_had", "1.2.1", "1.2.0", false, {}, false, false},
        ProvenanceRow{"gained", "1.2.1", "1.2.0", false, {}, true, false},
        ProvenanceRow{"first_release", "1.0.0", "", false, {}, false, false},
        ProvenanceRow{"old_line_never_had",
                      "6.3.1",
                      "6.3.0",
                      false,
                      {{"6.3.0", false}, {"6.3.1", false}, {"7.5.0", true}},
                      false,
                      false},
        ProvenanceRow{"wave_does_not_count",
                      "1.2.2",
                      "1.2.0",
                      true,
                      {{"1.2.0", true}, {"1.2.1", false}, {"1.2.2", false}},
                      false,
                      true},
        ProvenanceRow{"line_older_than_its_baseline",
                      "2.1.0",
                      "1.9.0",
                      false,
                      {{"1.9.0", false}, {"2.0.0", true}, {"2.1.0", false}},
                      false,
                      true},
        ProvenanceRow{
            "new_major", "3.0.0", "2.9.0", true, {{"2.9.0", true}, {"3.0.0", false}}, false, true},
        ProvenanceRow{"new_line_asks_the_baseline",
                      "2.0.0",
                      "1.7.0",
                      false,
                      {{"1.7.0", false}, {"1.8.0", true}, {"2.0.0", false}},
                      false,
                      false},
        ProvenanceRow{
            "unlisted", "2.1.0", "", false, {{"2.0.0", true}, {"2.2.0", false}}, false, true},
        ProvenanceRow{"prereleases_do_not_speak_for_stable_ones",
                      "2.0.0",
                      "1.0.0",
                      false,
                      {{"1.0.0", false}, {"2.0.0-rc.1", true}, {"2.0.0", false}},
                      false,
                      false},
        ProvenanceRow{"trusted_in_the_line",
                      "2.1.0",
                      "1.0.0",
                      false,
                      {{"1.0.0", false}, {"2.0.0", false, true}, {"2.1.0", false}},
                      false,
                      true},
        ProvenanceRow{"zero_lines_are_minors",
                      "0.7.1",
                      "0.6.9",
                      false,
                      {{"0.6.9", true}, {"0.7.0", false}, {"0.7.1", false}},
                      false,
                      false}),
    kRowName);

TEST(ProvenanceLost, TrustedPublishingWithoutAttestationIsEnough) {
  const Scene scene(Package("demo", "1.0.0").trusted_publisher("github").attested(),
                    Package("demo", "1.0.1").trusted_publisher("github"));
  EXPECT_EQ(scene.ids(), Ids{}) << describe(scene.findings());
}

TEST(ProvenanceLost, ProofNamesTheReleaseThatHadIt) {
  const auto findings =
      Scene(Package("demo", "1.0.0").attested(), Package("demo", "1.0.1")).of("provenance-lost");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].proof.at("before").as_string(), "1.0.0");
  EXPECT_EQ(findings[0].source, "provenance");
  EXPECT_EQ(findings[0].message,
            "1.0.0 had attestations, this release has neither attestations nor trusted publishing");
}

TEST(ProvenanceChanged, AnotherTrustedPublisher) {
  const auto findings = Scene(Package("demo", "1.0.0").trusted_publisher("github").attested(),
                              Package("demo", "1.0.1").trusted_publisher("gitlab").attested())
                            .of("provenance-changed");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].severity, Severity::kMedium);
  EXPECT_EQ(findings[0].proof.at("trusted_publisher").at("after").as_string(), "gitlab");
}

// --- what attestations say of the builds ---

ProvenanceEvidence built(std::string repository, std::string workflow = "release.yml",
                         std::string foreign = {}) {
  ProvenanceEvidence out;
  out.stated.repository = std::move(repository);
  out.stated.workflow = std::move(workflow);
  out.foreign = std::move(foreign);
  return out;
}

constexpr const char* kHome = "https://git.example/acme/lib";

struct BuildRow {
  const char* name;
  std::optional<ProvenanceEvidence> was, now;
  std::optional<Severity> changed;
  const char* message = "";
};
class Builds : public ::testing::TestWithParam<BuildRow> {};

TEST_P(Builds, AreCompared) {
  const BuildRow& row = GetParam();
  Scene scene(Package("demo", "1.0.0").attested(), Package("demo", "1.0.1").attested());
  if (row.was) scene.history.provenance["1.0.0"] = *row.was;
  if (row.now) scene.history.provenance["1.0.1"] = *row.now;
  const auto findings = scene.findings();
  ASSERT_EQ(findings.size(), row.changed ? 1U : 0U) << describe(findings);
  if (!row.changed) return;
  EXPECT_EQ(findings[0].id, "provenance-changed");
  EXPECT_EQ(findings[0].severity, *row.changed);
  EXPECT_EQ(findings[0].message, row.message);
}

TEST(Provenance, ThatDoesNotHoldIsInvalidAndNothingElse) {
  Scene scene(Package("demo", "1.0.0").attested(), Package("demo", "1.0.1").attested());
  scene.history.provenance["1.0.0"] = built(kHome);
  ProvenanceEvidence wrong;
  wrong.invalid = "the signature over the statement does not hold";
  wrong.url = "https://registry.example/a";
  scene.history.provenance["1.0.1"] = wrong;
  const auto findings = scene.findings();
  ASSERT_EQ(findings.size(), 1U) << describe(findings);
  EXPECT_EQ(findings[0].id, "provenance-invalid");
  EXPECT_EQ(findings[0].severity, Severity::kCritical);
  EXPECT_EQ(findings[0].message, wrong.invalid);
  EXPECT_EQ(findings[0].proof.at("attestation").as_string(), wrong.url);
  // A baseline that does not hold is nothing to compare with.
  std::swap(scene.history.provenance["1.0.0"], scene.history.provenance["1.0.1"]);
  EXPECT_TRUE(scene.findings().empty());
}

INSTANTIATE_TEST_SUITE_P(
    All, Builds,
    ::testing::Values(
        BuildRow{"same", built(kHome), built(kHome), {}},
        BuildRow{"same_in_another_spelling",
                 built(kHome),
                 built("git+https://GIT.example/acme/lib.git"),
                 {}},
        BuildRow{
            "other_repository", built(kHome), built("https://git.example/evil/lib"),
            Severity::kHigh,
            "built from https://git.example/evil/lib, 1.0.0 from https://git.example/acme/lib"},
        BuildRow{"other_workflow", built(kHome), built(kHome, "x.yml"), Severity::kMedium,
                 "built by x.yml, 1.0.0 by release.yml"},
        BuildRow{"workflow_gone", built(kHome), built(kHome, ""), Severity::kMedium,
                 "built by no workflow, 1.0.0 by release.yml"},
        BuildRow{"workflow_not_told_before", built(kHome, ""), built(kHome), {}},
        BuildRow{"own_not_read", built(kHome), {}, {}},
        BuildRow{"baselines_not_read", {}, built(kHome), {}},
        BuildRow{"baselines_is_foreign", built("", "", "about another"), built(kHome), {}},
        BuildRow{"own_is_foreign",
                 {},
                 built("", "", "about another"),
                 Severity::kHigh,
                 "about another"}),
    kRowName);

TEST(ProvenanceChanged, ProofHasBothBuilds) {
  Scene scene(Package("demo", "1.0.0").attested(), Package("demo", "1.0.1").attested());
  scene.history.provenance["1.0.0"] = built(kHome);
  scene.history.provenance["1.0.1"] = built(kHome, "x.yml");
  const auto findings = scene.of("provenance-changed");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].proof.at("baseline").as_string(), "1.0.0");
  EXPECT_EQ(findings[0].proof.at("before").at("workflow").as_string(), "release.yml");
  EXPECT_EQ(findings[0].proof.at("after").at("workflow").as_string(), "x.yml");
}

TEST(ProvenanceLost, ALateAttestationThatWasReadCounts) {
  Scene scene(Package("demo", "1.0.0").attested(), Package("demo", "1.0.1"));
  EXPECT_EQ(scene.ids(), Ids{"provenance-lost"});
  scene.history.provenance["1.0.1"] = built(kHome);
  EXPECT_EQ(scene.ids(), Ids{}) << describe(scene.findings());
}

// --- signatures ---

struct SignatureRow {
  const char* name;
  bool signs;
  std::optional<std::size_t> signatures;  // nullopt: no field
  std::optional<bool> valid;
  Ids ids;
};
class Signatures : public ::testing::TestWithParam<SignatureRow> {};

TEST_P(Signatures, AreMissingOnlyWhereTheRegistrySigns) {
  const SignatureRow& row = GetParam();
  Scene scene(Package("demo", "1.0.0"), Package("demo", "1.0.1"));
  scene.history.signs = row.signs;
  scene.history.signature_valid = row.valid;
  if (row.signatures) {
    scene.now.release.dist.signatures.emplace(*row.signatures, Dist::Signature{"key", "sig"});
  }
  EXPECT_EQ(scene.ids(), row.ids) << describe(scene.findings());
}

INSTANTIATE_TEST_SUITE_P(
    All, Signatures,
    ::testing::Values(SignatureRow{"signed_and_valid", true, 1, true, {}},
                      SignatureRow{"signed_unchecked", true, 1, std::nullopt, {}},
                      SignatureRow{
                          "absent", true, std::nullopt, std::nullopt, {"signature-missing"}},
                      SignatureRow{"empty", true, 0, std::nullopt, {"signature-missing"}},
                      SignatureRow{"registry_does_not_sign", false, std::nullopt, std::nullopt, {}},
                      SignatureRow{"invalid", true, 1, false, {"signature-invalid"}},
                      SignatureRow{"invalid_and_alone", false, 1, false, {"signature-invalid"}}),
    kRowName);

TEST(SignatureInvalid, NamesTheKeys) {
  Scene scene(Package("demo", "1.0.0"), Package("demo", "1.0.1"));
  scene.history.signature_valid = false;
  scene.now.release.dist.signatures = {{{"SHA256:one", "x"}}};
  const auto findings = scene.of("signature-invalid");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].severity, Severity::kCritical);
  EXPECT_EQ(findings[0].proof.at("keyids"), boost::json::array({"SHA256:one"}));
}

}  // namespace
}  // namespace npmgate
