// The release among the package's others: sizes, silence, bursts, lines, tags, repository, name.
#include <gtest/gtest.h>

#include <algorithm>

#include "registry/semver.h"
#include "tests/inspect/findings/package_builder.h"

namespace npmgate {
namespace {

using testing::at;
using testing::describe;
using testing::Package;
using testing::Scene;
using Ids = std::set<std::string>;

struct Listed {
  const char* version;
  const char* published;
};

Scene released(const char* version, const char* published, const std::vector<Listed>& history) {
  Scene scene(Package("demo", "0.9.0"), Package("demo", version).published(published));
  for (const Listed& listed : history) scene.entry(listed.version, listed.published);
  scene.entry(version, published);
  std::sort(scene.history.entries.begin(), scene.history.entries.end(),
            [](const auto& a, const auto& b) {
              return *Version::parse(a.version) < *Version::parse(b.version);
            });
  return scene;
}

struct RhythmRow {
  const char* name;
  const char* version;
  const char* published;
  std::vector<Listed> history;
  Ids ids;
};
class Rhythm : public ::testing::TestWithParam<RhythmRow> {};

TEST_P(Rhythm, IsThePackagesOwn) {
  Scene scene = released(GetParam().version, GetParam().published, GetParam().history);
  EXPECT_EQ(scene.ids(), GetParam().ids) << describe(scene.findings());
  scene.history.times_real = false;
  EXPECT_EQ(scene.ids(), Ids{}) << "times of arrival say nothing";
}

const std::vector<Listed> kMonthly = {{"1.0.0", "2022-01-01"},
                                      {"1.1.0", "2022-02-01"},
                                      {"1.2.0", "2022-03-01"},
                                      {"1.3.0", "2022-04-01"}};

std::vector<Listed> monthly_and(std::vector<Listed> more) {
  more.insert(more.begin(), kMonthly.begin(), kMonthly.end());
  return more;
}

INSTANTIATE_TEST_SUITE_P(
    All, Rhythm,
    ::testing::Values(
        RhythmRow{"in_step", "1.4.0", "2022-05-01", kMonthly, {}},
        RhythmRow{"a_year_is_not_enough", "1.4.0", "2023-04-01", kMonthly, {}},
        RhythmRow{"dormant", "1.4.0", "2023-04-03", kMonthly, {"dormant-release"}},
        RhythmRow{"second_of_the_wave",
                  "1.4.1",
                  "2023-04-05",
                  monthly_and({{"1.4.0", "2023-04-03"}}),
                  {"dormant-release"}},
        RhythmRow{"awake_again", "1.4.1", "2023-04-20", monthly_and({{"1.4.0", "2023-04-03"}}), {}},
        RhythmRow{"slow_by_nature",
                  "1.3.0",
                  "2022-06-01",
                  {{"1.0.0", "2019-01-01"}, {"1.1.0", "2020-02-01"}, {"1.2.0", "2021-03-01"}},
                  {}},
        RhythmRow{"two_releases_years_apart",
                  "1.1.0",
                  "2021-01-01",
                  {{"1.0.0", "2015-01-01"}},
                  {"dormant-release"}},
        RhythmRow{"other_line_is_a_sign_of_life",
                  "1.4.0",
                  "2024-01-01",
                  monthly_and({{"2.0.0", "2023-12-01"}}),
                  {"old-line-release"}},
        RhythmRow{
            "three_within_an_hour",
            "1.4.2",
            "2022-05-01T10:30:00Z",
            monthly_and({{"1.4.0", "2022-05-01T10:00:00Z"}, {"1.4.1", "2022-05-01T10:10:00Z"}}),
            {"version-burst"}},
        RhythmRow{"two_of_one_line",
                  "1.4.1",
                  "2022-05-01T10:30:00Z",
                  monthly_and({{"1.4.0", "2022-05-01T10:00:00Z"}}),
                  {}},
        RhythmRow{"two_lines",
                  "2.0.1",
                  "2022-05-01T10:30:00Z",
                  monthly_and({{"1.4.0", "2022-05-01T10:00:00Z"}}),
                  {"version-burst"}},
        RhythmRow{"two_lines_of_zero",
                  "0.8.0",
                  "2022-05-01T10:30:00Z",
                  {{"0.7.28", "2022-04-01"}, {"0.7.29", "2022-05-01T10:00:00Z"}},
                  {"version-burst"}},
        RhythmRow{"two_hours_apart",
                  "2.0.1",
                  "2022-05-01T12:30:00Z",
                  monthly_and({{"1.4.0", "2022-05-01T10:00:00Z"}}),
                  {}},
        RhythmRow{"prereleases_of_a_machine",
                  "1.4.0-canary.3",
                  "2022-05-01T10:30:00Z",
                  monthly_and({{"1.4.0-canary.1", "2022-05-01T10:00:00Z"},
                               {"1.4.0-canary.2", "2022-05-01T10:10:00Z"}}),
                  {}},
        RhythmRow{
            "prerelease_beside_stable_ones",
            "1.4.0-canary.1",
            "2022-05-01T10:30:00Z",
            monthly_and({{"1.3.9", "2022-05-01T10:40:00Z"}, {"2.0.0", "2022-05-01T10:50:00Z"}}),
            {}},
        RhythmRow{"prereleases_beside_a_stable_one",
                  "1.4.0",
                  "2022-05-01T10:30:00Z",
                  monthly_and({{"1.4.0-rc.1", "2022-05-01T10:00:00Z"},
                               {"1.4.0-rc.2", "2022-05-01T10:10:00Z"}}),
                  {}},
        RhythmRow{"old_line",
                  "1.4.0",
                  "2022-05-01",
                  monthly_and({{"2.0.0", "2022-04-20"}}),
                  {"old-line-release"}},
        RhythmRow{"higher_line_came_later",
                  "1.4.0",
                  "2022-05-01",
                  monthly_and({{"2.0.0", "2022-06-20"}}),
                  {}},
        RhythmRow{"higher_prerelease_is_no_line",
                  "1.4.0",
                  "2022-05-01",
                  monthly_and({{"2.0.0-rc.1", "2022-04-20"}}),
                  {}},
        RhythmRow{"lower_of_the_highest_line", "1.2.1", "2022-05-01", kMonthly, {}}),
    kRowName);

TEST(DormantRelease, SaysHowLong) {
  const auto findings = released("1.4.0", "2024-04-01", kMonthly).of("dormant-release");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].message, "first release after 731 days, the usual gap is 31");
  EXPECT_EQ(findings[0].proof.at("last").as_string(), "2022-04-01T00:00:00.000Z");
}

TEST(VersionBurst, ListsVersionsAndLines) {
  const auto findings =
      released("2.0.1", "2022-05-01T10:30:00Z", monthly_and({{"1.4.0", "2022-05-01T10:00:00Z"}}))
          .of("version-burst");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].message, "2 releases of 2 lines within an hour: 1.4.0, 2.0.1");
  EXPECT_EQ(findings[0].proof.at("lines"), boost::json::array({"1", "2"}));
}

// --- sizes ---

constexpr std::uint64_t kKiB = 1024;

struct SizeRow {
  const char* name;
  std::uint64_t before, now;
  std::vector<std::uint64_t> history;  // up to and with the baseline
  bool found;
};
class Sizes : public ::testing::TestWithParam<SizeRow> {};

Package sized(const char* version, std::uint64_t bytes) {
  return Package("demo", version).file("data.bin", version, FileKind::kOther, bytes);
}

TEST_P(Sizes, AreComparedBothWays) {
  const SizeRow& row = GetParam();
  Scene scene(sized("1.0.0", row.before), sized("1.1.0", row.now));
  for (std::size_t i = 0; i < row.history.size(); ++i) {
    PackageHistory::Entry entry;
    entry.version = i + 1 == row.history.size() ? "1.0.0" : "0.0." + std::to_string(i);
    entry.unpacked_size = row.history[i];
    scene.history.entries.push_back(entry);
  }
  EXPECT_EQ(scene.ids().contains("size-jump"), row.found) << describe(scene.findings());
  for (const Finding& finding : scene.of("size-jump"))
    EXPECT_EQ(finding.severity, row.now > row.before ? Severity::kMedium : Severity::kLow);
}

INSTANTIATE_TEST_SUITE_P(
    All, Sizes,
    ::testing::Values(
        SizeRow{"same", 100 * kKiB, 100 * kKiB, {}, false},
        SizeRow{"doubled", 100 * kKiB, 200 * kKiB, {}, false},
        SizeRow{"tripled", 100 * kKiB, 300 * kKiB, {}, true},
        SizeRow{"tiny_growth", 1 * kKiB, 40 * kKiB, {}, false},
        SizeRow{"payload_in_a_small_package", 42 * kKiB, 118 * kKiB, {}, true},
        SizeRow{"history_was_larger", 100 * kKiB, 300 * kKiB, {290 * kKiB, 100 * kKiB}, false},
        SizeRow{"history_agrees", 100 * kKiB, 300 * kKiB, {90 * kKiB, 100 * kKiB}, true},
        SizeRow{"emptied", 2000 * kKiB, 1 * kKiB, {}, true},
        SizeRow{"halved", 2000 * kKiB, 1000 * kKiB, {}, false},
        SizeRow{"small_package_emptied", 30 * kKiB, 1 * kKiB, {}, false},
        SizeRow{"unknown_sizes_of_history", 100 * kKiB, 300 * kKiB, {0, 0}, true}),
    kRowName);

TEST(SizeJump, LooksTenReleasesBack) {
  Scene scene(sized("1.0.0", 100 * kKiB), sized("1.1.0", 300 * kKiB));
  for (int i = 0; i < 12; ++i) {
    PackageHistory::Entry entry;
    entry.version = i == 11 ? "1.0.0" : "0.0." + std::to_string(i);
    entry.unpacked_size = i == 1 ? 400 * kKiB : 100 * kKiB;
    scene.history.entries.push_back(entry);
  }
  EXPECT_TRUE(scene.ids().contains("size-jump"));
  scene.history.entries[2].unpacked_size = 400 * kKiB;
  EXPECT_FALSE(scene.ids().contains("size-jump"));
}

TEST(SizeJump, AWaveDoesNotMakeItsOwnSizeUsual) {
  Scene scene(sized("1.0.0", 100 * kKiB), sized("1.0.2", 4000 * kKiB));
  for (const auto& [version, size] : {std::pair{"1.0.0", 100 * kKiB}, {"1.0.1", 4000 * kKiB}}) {
    PackageHistory::Entry entry;
    entry.version = version;
    entry.unpacked_size = size;
    scene.history.entries.push_back(entry);
  }
  EXPECT_TRUE(scene.ids().contains("size-jump"));
}

TEST(SizeJump, WithoutTarballsThePackumentsNumbersCount) {
  Scene scene(Package("demo", "1.0.0"), Package("demo", "1.1.0"));
  scene.inspected = scene.baseline_inspected = false;
  scene.before->release.dist.unpacked_size = 100 * kKiB;
  scene.now.release.dist.unpacked_size = 900 * kKiB;
  const auto findings = scene.of("size-jump");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].message,
            "unpacked size grew to 900 KiB, earlier releases had at most 100 KiB");
  EXPECT_EQ(findings[0].source, "packument-field");
}

TEST(SizeJump, FilesAndPackedSizeCountToo) {
  Scene files(Package("demo", "1.0.0"), Package("demo", "1.1.0"));
  for (int i = 0; i < 200; ++i) files.now.file("f" + std::to_string(i), "x", FileKind::kOther, 1);
  EXPECT_EQ(files.of("size-jump").size(), 1u);
  Scene packed(Package("demo", "1.0.0"), Package("demo", "1.1.0"));
  packed.before->evidence.tarball_size = 10 * kKiB;
  packed.now.evidence.tarball_size = 3000 * kKiB;
  EXPECT_EQ(packed.of("size-jump").size(), 1u);
}

// --- git tags ---

TagEvidence missing_tag() {
  TagEvidence tag;
  tag.state = TagEvidence::State::kMissing;
  tag.repository = "https://git.example/o/demo";
  tag.habit = "v{version}";
  tag.tagged_versions = {"0.8.0", "0.9.0", "1.0.0"};
  tag.asked = at("2025-06-10T12:00:00Z");
  return tag;
}

struct TagRow {
  const char* name;
  TagEvidence tag;
  Ids ids;
};
class Tags : public ::testing::TestWithParam<TagRow> {};

TEST_P(Tags, AreMissedByHabit) {
  Scene scene(Package("demo", "1.0.0"), Package("demo", "1.0.1").published("2025-06-10"));
  scene.now.release.git_head = "0123456789abcdef0123456789abcdef01234567";
  scene.history.tag = GetParam().tag;
  EXPECT_EQ(scene.ids(), GetParam().ids) << describe(scene.findings());
}

template <class Change>
TagEvidence tag_with(Change change) {
  TagEvidence tag = missing_tag();
  change(tag);
  return tag;
}
TagEvidence found_tag(const char* commit, const char* first = "") {
  return tag_with([&](TagEvidence& tag) {
    tag.state = TagEvidence::State::kFound;
    tag.tag = "v1.0.1";
    tag.commit = commit;
    tag.first_commit = first;
  });
}

INSTANTIATE_TEST_SUITE_P(
    All, Tags,
    ::testing::Values(TagRow{"missing", missing_tag(), {"missing-git-tag"}},
                      TagRow{"no_habit", tag_with([](auto& tag) { tag.habit = ""; }), {}},
                      TagRow{"one_tag_is_no_habit",
                             tag_with([](auto& tag) { tag.tagged_versions = {"1.0.0"}; }),
                             {}},
                      TagRow{"forgetful",
                             tag_with([](auto& tag) {
                               tag.untagged_versions = {"0.7.0", "0.8.5"};
                             }),
                             {}},
                      TagRow{"forgot_once",
                             tag_with([](auto& tag) { tag.untagged_versions = {"0.7.0"}; }),
                             {"missing-git-tag"}},
                      TagRow{"baseline_untagged",
                             tag_with([](auto& tag) {
                               tag.tagged_versions = {"0.5.0", "0.6.0", "0.7.0", "0.8.0"};
                               tag.untagged_versions = {"1.0.0"};
                             }),
                             {}},
                      TagRow{"itself_and_its_wave_do_not_count",
                             tag_with([](auto& tag) {
                               tag.untagged_versions = {"1.0.1", "1.0.2", "1.0.3", "2.0.0"};
                             }),
                             {"missing-git-tag"}},
                      TagRow{"unknown",
                             tag_with([](auto& tag) { tag.state = TagEvidence::State::kUnknown; }),
                             {"evidence-unavailable"}},
                      TagRow{"not_applicable",
                             tag_with([](auto& tag) {
                               tag.state = TagEvidence::State::kNotApplicable;
                             }),
                             {}},
                      TagRow{"found", found_tag("0123456789abcdef0123456789abcdef01234567"), {}},
                      TagRow{"found_short", found_tag("0123456789AB"), {}},
                      TagRow{"other_commit",
                             found_tag("ffffffffffffffffffffffffffffffffffffffff"),
                             {"git-tag-mismatch"}},
                      TagRow{"moved",
                             found_tag("0123456789abcdef0123456789abcdef01234567",
                                       "ffffffffffffffffffffffffffffffffffffffff"),
                             {"git-tag-mismatch"}},
                      TagRow{"stayed",
                             found_tag("0123456789abcdef0123456789abcdef01234567",
                                       "0123456789abcdef0123456789abcdef01234567"),
                             {}},
                      TagRow{"commit_unknown", found_tag(""), {}}),
    kRowName);

TEST(MissingGitTag, AFirstReleaseDoesNotSpeakAgainstTheHabit) {
  Scene scene(Package("demo", "1.0.1").published("2025-06-10"));
  scene.history.tag = tag_with([](auto& tag) {
    tag.tagged_versions = {"0.9.0", "1.0.0"};
    tag.untagged_versions = {"1.0.1"};
  });
  EXPECT_TRUE(scene.ids().contains("missing-git-tag"));
}

TEST(MissingGitTag, ProofNamesTagAndGrace) {
  Scene scene(Package("@s/demo", "1.0.0"), Package("@s/demo", "1.0.1").published("2025-06-10"));
  scene.history.tag = tag_with([](auto& tag) { tag.habit = "{name}@{version}"; });
  auto findings = scene.of("missing-git-tag");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].proof.at("expected").as_string(), "@s/demo@1.0.1");
  EXPECT_EQ(findings[0].proof.at("grace_until").as_string(), "2025-06-11T00:00:00.000Z");
  EXPECT_EQ(findings[0].source, "git-tags");

  scene.history.times_real = false;
  scene.history.first_seen = at("2025-07-01");
  findings = scene.of("missing-git-tag");
  EXPECT_EQ(findings.at(0).proof.at("grace_until").as_string(), "2025-07-02T00:00:00.000Z");
  scene.history.first_seen.reset();
  findings = scene.of("missing-git-tag");
  EXPECT_EQ(findings.at(0).proof.at("grace_until").as_string(), "2025-06-11T12:00:00.000Z");
}

TEST(GitTagMismatch, WithoutAGitHeadNothingIsKnown) {
  Scene scene(Package("demo", "1.0.0"), Package("demo", "1.0.1"));
  scene.history.tag = found_tag("ffffffffffffffffffffffffffffffffffffffff");
  EXPECT_EQ(scene.ids(), Ids{});
}

// --- repository ---

struct RepositoryRow {
  const char* name;
  const char* was;
  const char* now;
  bool changed;
};
class Repositories : public ::testing::TestWithParam<RepositoryRow> {};

TEST_P(Repositories, AreComparedByMeaning) {
  Package was("demo", "1.0.0"), now("demo", "1.0.1");
  if (*GetParam().was != '\0') was.repository(GetParam().was);
  if (*GetParam().now != '\0') now.repository(GetParam().now);
  EXPECT_EQ(Scene(was, now).ids().contains("repository-changed"), GetParam().changed);
}

INSTANTIATE_TEST_SUITE_P(
    All, Repositories,
    ::testing::Values(
        RepositoryRow{"same", "https://github.com/o/r", "https://github.com/o/r", false},
        RepositoryRow{"git_plus", "git+https://github.com/o/r.git", "https://github.com/o/r",
                      false},
        RepositoryRow{"git_protocol", "git://github.com/o/r.git", "git+https://github.com/o/r.git",
                      false},
        RepositoryRow{"ssh", "git+ssh://git@github.com/o/r.git", "https://github.com/o/r", false},
        RepositoryRow{"ssh_colon", "ssh://git@github.com:o/r.git", "https://github.com/o/r", false},
        RepositoryRow{"scp", "git@github.com:o/r.git", "https://github.com/o/r", false},
        RepositoryRow{"shorthand", "o/r", "https://github.com/o/r", false},
        RepositoryRow{"github_shorthand", "github:o/r", "git@github.com:o/r", false},
        RepositoryRow{"gitlab_shorthand", "gitlab:o/r", "https://gitlab.com/o/r.git", false},
        RepositoryRow{"capitals", "https://GitHub.com/O/R", "https://github.com/o/r", false},
        RepositoryRow{"www_and_slash", "https://www.github.com/o/r/", "http://github.com/o/r",
                      false},
        RepositoryRow{"folder_link", "https://github.com/o/r/tree/main/packages/a",
                      "https://github.com/o/r", false},
        RepositoryRow{"credentials", "https://user:pw@github.com/o/r", "https://github.com/o/r",
                      false},
        RepositoryRow{"no_scheme", "github.com/o/r", "https://github.com/o/r", false},
        RepositoryRow{"other_owner", "https://github.com/o/r", "https://github.com/p/r", true},
        RepositoryRow{"other_host", "https://github.com/o/r", "https://gitlab.com/o/r", true},
        RepositoryRow{"port", "https://git.example:8443/o/r", "https://git.example/o/r", true},
        RepositoryRow{"vanished", "https://github.com/o/r", "", true},
        RepositoryRow{"appeared", "", "https://github.com/o/r", false},
        RepositoryRow{"never", "", "", false}),
    kRowName);

TEST(RepositoryChanged, APackumentWithoutTheFieldFallsBackToTheTarball) {
  Package now = Package("demo", "1.0.1").repository("https://github.com/o/r");
  now.release.manifest.repository.reset();
  EXPECT_EQ(Scene(Package("demo", "1.0.0").repository("o/r"), now).ids(), Ids{});
}

// --- names ---

const std::vector<std::string> kPopular = {"@babel/core", "@types/node", "chai",  "cross-env",
                                           "express",     "lodash",      "react", "vue"};

struct NameRow {
  const char* name;
  const char* package;
  bool found;
};
class Names : public ::testing::TestWithParam<NameRow> {};

TEST_P(Names, WithinATypingErrorOfAPopularOne) {
  Scene scene(Package(GetParam().package, "1.0.0").published("2025-06-10"));
  scene.entry("1.0.0", "2025-06-10");
  scene.popular = kPopular;
  EXPECT_EQ(scene.ids().contains("typosquat-suspect"), GetParam().found)
      << describe(scene.findings());
}

INSTANTIATE_TEST_SUITE_P(
    All, Names,
    ::testing::Values(
        NameRow{"missing_letter", "expres", true}, NameRow{"extra_letter", "expresss", true},
        NameRow{"extra_first", "xlodash", true}, NameRow{"extra_last", "lodashs", true},
        NameRow{"other_letter", "ladash", true}, NameRow{"swapped", "lodahs", true},
        NameRow{"swapped_first", "olodash", true}, NameRow{"swapped_two", "oldash", true},
        NameRow{"two_errors", "ladahs", false}, NameRow{"separator", "crossenv", true},
        NameRow{"underscore", "cross_env", true}, NameRow{"dots", "lod.ash", true},
        NameRow{"flattened_scope", "babel-core", true},
        NameRow{"types_flattened", "types-node", true}, NameRow{"scope_typo", "@bable/core", true},
        NameRow{"same_scope", "@babel/cores", false},
        NameRow{"scoped_copy", "@company/lodash", false},
        NameRow{"scoped_near", "@company/lodas", false}, NameRow{"too_short", "vuex", false},
        NameRow{"four_letters", "chal", true}, NameRow{"popular_itself", "lodash", false},
        NameRow{"another_word", "lodestar", false}, NameRow{"short", "reac", true},
        NameRow{"three", "vua", false}),
    kRowName);

struct YoungRow {
  const char* name;
  const char* first;  // published
  int releases;
  bool times_real;
  bool found;
};
class YoungNames : public ::testing::TestWithParam<YoungRow> {};

TEST_P(YoungNames, AreSuspectOnly) {
  Scene scene(Package("expres", "9.0.0").published("2025-06-10"));
  scene.popular = kPopular;
  scene.history.times_real = GetParam().times_real;
  for (int i = 0; i < GetParam().releases; ++i) {
    scene.entry("1.0." + std::to_string(i), GetParam().first);
  }
  EXPECT_EQ(scene.ids().contains("typosquat-suspect"), GetParam().found);
}

INSTANTIATE_TEST_SUITE_P(
    All, YoungNames,
    ::testing::Values(YoungRow{"new", "2025-06-09", 1, true, true},
                      YoungRow{"new_with_many_releases", "2025-06-01", 40, true, true},
                      YoungRow{"half_a_year_few", "2025-01-01", 3, true, true},
                      YoungRow{"half_a_year_many", "2025-01-01", 40, true, false},
                      YoungRow{"years", "2019-01-01", 2, true, false},
                      YoungRow{"times_unknown_few", "2019-01-01", 2, false, true},
                      YoungRow{"times_unknown_many", "2025-06-09", 40, false, false}),
    kRowName);

TEST(TyposquatSuspect, NamesWhatItResembles) {
  Scene scene(Package("crossenv", "1.0.0").published("2025-06-10"));
  scene.popular = kPopular;
  const auto findings = scene.of("typosquat-suspect");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].message, "crossenv is easily mistaken for cross-env and is young");
  EXPECT_EQ(findings[0].proof.at("resembles").at(0).at("name").as_string(), "cross-env");
}

}  // namespace
}  // namespace npmgate
