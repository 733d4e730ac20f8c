#include "judge/judge.h"

#include <pthread.h>

#include <algorithm>
#include <functional>

#include "judge_testing.h"

namespace npmgate::testing {
namespace {

const std::string kHook = R"(,"scripts":{"postinstall":"node setup.js"})";
const std::set<std::string, std::less<>> kNobody;

// Two versions whose manifests clients read differently: one that can be copied, one that cannot.
std::shared_ptr<PackageSnapshot> snapshot_with_refused() {
  return snapshot_of({{"1.0.0", 90, ""},
                      {"1.1.0", 60, R"(,"scripts":{"postinstall":["x"]})"},
                      {"1.2.0", 50, R"(,"x":tru)"}},
                     R"("latest":"1.1.0","next":"1.2.0")");
}

std::shared_ptr<const Policy> policy_text(const std::string& text) {
  const FileReader none = [](const std::string& path) -> Result<std::string> {
    return fail(Code::kNotFound, Origin::kDisk, path);
  };
  const PolicyResult result = load_policy("version: 1\n" + text, "policy.yaml", none, kNow);
  for (const Problem& problem : result.problems) ADD_FAILURE() << problem.str();
  return result.policy ? result.policy : std::make_shared<const Policy>();
}

std::vector<std::string> listed(Judge& judge) {
  std::vector<std::string> versions;
  for (const Judged* judged : judge.listing(kNobody).kept) versions.push_back(judged->version);
  return versions;
}

// A manifest that clients read differently is a finding like another: blocked by the floor, and
// seen by waivers and monitor mode.
TEST(RefusedManifest, IsAFindingUnderTheFloor) {
  Judge judge(snapshot_with_refused(), policy_of(""), {}, {}, kNow);
  for (const char* version : {"1.1.0", "1.2.0"}) {
    const Judged* judged = judge.of(version);
    ASSERT_NE(judged, nullptr) << version;
    EXPECT_EQ(judged->verdict.action, Action::kBlock) << version;
    ASSERT_FALSE(judged->findings.empty());
    const auto is_refusal = [](const Finding& f) { return f.id == "package-json-refused"; };
    const auto found = std::find_if(judged->findings.begin(), judged->findings.end(), is_refusal);
    ASSERT_NE(found, judged->findings.end()) << version;
    EXPECT_EQ(found->source, "packument-field");
  }
  EXPECT_EQ(listed(judge), (std::vector<std::string>{"1.0.0"}));
}

TEST(RefusedManifest, ExactWaiverServesWhatCanBeCopied) {
  const auto policy = policy_text(
      "waivers:\n"
      "  - { package: pkg@1.1.0, findings: [package-json-refused], reason: r, expires: 2027-01-01 "
      "}\n"
      "  - { package: pkg@1.2.0, findings: [package-json-refused], reason: r, expires: 2027-01-01 "
      "}\n");
  Judge judge(snapshot_with_refused(), policy, {}, {}, kNow);
  EXPECT_EQ(listed(judge), (std::vector<std::string>{"1.0.0", "1.1.0"}));
  EXPECT_EQ(judge.listing(kNobody).dist_tags.find("latest")->second, "1.1.0");
  EXPECT_FALSE(judge.of("1.2.0")->served());
}

TEST(RefusedManifest, MonitorModeRecordsAndServesWhatCanBeCopied) {
  Judge judge(snapshot_with_refused(), policy_text("mode: monitor\n"), {}, {}, kNow);
  EXPECT_EQ(listed(judge), (std::vector<std::string>{"1.0.0", "1.1.0"}));
  EXPECT_EQ(judge.of("1.1.0")->verdict.would, Action::kBlock);
  EXPECT_EQ(judge.listing(kNobody).hidden.front().sentence,
            "pkg@1.2.0 is left out: its manifest cannot be served (not-json)");
}

// Evidence of a refused manifest belongs to it as of any other.
TEST(RefusedManifest, KeepsItsEvidence) {
  const auto twice = snapshot_of({{"1.0.0", 3, R"(,"a":1,"a":2)"}});
  inspect(*twice, "1.0.0");
  Judge judge(twice, policy_of(""), {}, {}, kNow);
  EXPECT_NE(judge.of("1.0.0")->evidence, nullptr);
  EXPECT_EQ(judge.background_work(), std::vector<std::string>());
}

// Links that do no harm: for releases older than the recent window a warning, for younger ones a
// refusal, which ends by itself.
TEST(OldLinks, AreServedWithAWarning) {
  const auto snapshot = snapshot_of({{"1.0.0", 31, ""}, {"1.1.0", 29, ""}});
  for (const char* version : {"1.0.0", "1.1.0"}) {
    inspect(*snapshot, version);
    auto linked = std::make_shared<Evidence>(*snapshot->evidence.back());
    linked->tree.links = {{"index.js", "lib/x.js"}};
    snapshot->evidence.back() = std::move(linked);
  }
  Judge judge = judge_of(snapshot, "");
  EXPECT_EQ(judge.of("1.0.0")->verdict.action, Action::kWarn);
  EXPECT_EQ(judge.of("1.0.0")->verdict.reasons.front().rule, "floor:archive-refused");
  EXPECT_EQ(judge.of("1.1.0")->verdict.action, Action::kBlock);
  EXPECT_EQ(judge.of("1.1.0")->verdict.valid_until, kNow + kDay + Millis(1));
  Judge later(snapshot, policy_of(""), {}, {}, kNow + kDay + Millis(1));
  EXPECT_EQ(later.of("1.1.0")->verdict.action, Action::kWarn);
  // Its own rules still see it.
  const std::string strict = rule("no-links", "finding: archive-refused", "warn");
  EXPECT_EQ(judge_of(snapshot, strict).of("1.0.0")->verdict.action, Action::kWarn);
}

// What an inspector of before refused is looked at again, and what it accepted while it is young.
TEST(DueAgain, WhereAnInspectorOfBeforeRefused) {
  Evidence evidence;
  evidence.integrity.matches = true;
  evidence.gathered = kNow - kDay;
  evidence.archive_refusal = ArchiveRefusal{false, "tar-type", "x"};
  EXPECT_FALSE(due_again(evidence, kNow));
  evidence.inspector = kInspectorVersion - 1;
  EXPECT_TRUE(due_again(evidence, kNow));
  EXPECT_FALSE(due_again(evidence, evidence.gathered + std::chrono::seconds(4)));
  evidence.archive_refusal.reset();
  EXPECT_FALSE(due_again(evidence, kNow));
  evidence.release.published = kNow - 29 * kDay;
  EXPECT_TRUE(due_again(evidence, kNow));
  evidence.release.published = kNow - 31 * kDay;
  EXPECT_FALSE(due_again(evidence, kNow));
}

struct BaselineCase {
  const char* name;
  std::vector<Row> rows;
  std::vector<std::string> inspected;
  std::string rules;
  const char* version;
  const char* expected;
};

class Baseline : public ::testing::TestWithParam<BaselineCase> {};

TEST_P(Baseline, Is) {
  const BaselineCase& c = GetParam();
  auto snapshot = snapshot_of(c.rows);
  for (const std::string& version : c.inspected) inspect(*snapshot, version);
  EXPECT_EQ(judge_of(snapshot, c.rules).baseline_of(c.version), c.expected);
}

std::vector<BaselineCase> baseline_cases() {
  const std::string block = rule("bad", "version: \"1.1.0\"", "block");
  const std::string hold = rule("hold", "version: \"1.1.0\"", "quarantine");
  const std::string hooked =
      rule("hooked", "finding: install-script-added, younger_than: 3d", "quarantine");
  const std::string cooldown = rule("cooldown", "younger_than: 3d", "quarantine");
  const std::vector<Row> plain = {{"1.0.0", 90, ""}, {"1.1.0", 60, ""}, {"1.2.0", 1, ""}};
  const auto hook_at = [](int days) {
    return std::vector<Row>{{"1.0.0", 90, ""}, {"1.1.0", days, kHook}, {"1.2.0", 1, kHook}};
  };
  return {
      {"HighestLowerOldUninspected", plain, {}, "", "1.2.0", "1.1.0"},
      {"FirstReleaseHasNone", plain, {}, "", "1.0.0", ""},
      {"UnknownVersionHasNone", plain, {}, "", "9.9.9", ""},
      {"BlockedIsSkipped", plain, {}, block, "1.2.0", "1.0.0"},
      {"HeldIsSkipped", plain, {}, hold, "1.2.0", "1.0.0"},
      {"RecentUninspectedIsSkipped",
       {{"1.0.0", 90, ""}, {"1.1.0", 5, ""}, {"1.2.0", 1, ""}},
       {},
       "",
       "1.2.0",
       "1.0.0"},
      {"RecentInspectedQualifies",
       {{"1.0.0", 90, ""}, {"1.1.0", 5, ""}, {"1.2.0", 1, ""}},
       {"1.1.0"},
       "",
       "1.2.0",
       "1.1.0"},
      {"AgeHoldAloneQualifies",
       {{"1.0.0", 90, ""}, {"1.1.0", 2, ""}, {"1.2.0", 1, ""}},
       {"1.1.0"},
       cooldown,
       "1.2.0",
       "1.1.0"},
      {"FindingHoldInForceIsSkipped", hook_at(2), {"1.1.0"}, hooked, "1.2.0", "1.0.0"},
      {"HoldThatMerelyRanOutIsSkipped", hook_at(10), {"1.1.0"}, hooked, "1.2.0", "1.0.0"},
      {"HoldOlderThanRecentQualifies", hook_at(40), {"1.1.0"}, hooked, "1.2.0", "1.1.0"},
      {"PrereleaseFindsItsOwnLine",
       {{"1.9.0", 90, ""}, {"2.0.0-rc.1", 60, ""}, {"2.0.0-rc.2", 1, ""}},
       {},
       "",
       "2.0.0-rc.2",
       "2.0.0-rc.1"},
      {"FirstPrereleaseFallsBackToStable",
       {{"1.9.0", 90, ""}, {"2.0.0-rc.1", 60, ""}, {"2.1.0-rc.1", 1, ""}},
       {},
       "",
       "2.1.0-rc.1",
       "1.9.0"},
      {"StableNeverTakesPrerelease",
       {{"1.9.0", 90, ""}, {"2.0.0-rc.1", 60, ""}, {"2.0.0", 1, ""}},
       {},
       "",
       "2.0.0",
       "1.9.0"},
      {"PublishedLaterIsSkipped",
       {{"1.0.0", 90, ""}, {"1.1.0", 40, ""}, {"1.2.0", 50, ""}},
       {},
       "",
       "1.2.0",
       "1.0.0"},
  };
}

INSTANTIATE_TEST_SUITE_P(PolicySnapshot, Baseline, ::testing::ValuesIn(baseline_cases()),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(Baseline, PublishOrderDoesNotCountWhereTimesAreIngest) {
  auto snapshot = snapshot_of({{"1.0.0", 90, ""}, {"1.1.0", 40, ""}, {"1.2.0", 50, ""}});
  snapshot->times_real = false;
  EXPECT_EQ(judge_of(snapshot, "").baseline_of("1.2.0"), "1.1.0");
}

const std::vector<Row> kLines = {{"1.0.0", 90, ""},
                                 {"1.1.0", 2, ""},
                                 {"1.2.0", 1, ""},
                                 {"2.0.0", 60, ""},
                                 {"3.0.0-rc.1", 1, ""}};
const std::string kTags = R"("latest":"1.2.0","next":"3.0.0-rc.1")";

using Names = std::vector<std::string>;

// What `work` needs of the stack must fit into half of what Linux gives a thread by default.
void on_a_small_stack(std::function<void()> work) {
  pthread_attr_t attributes;
  ASSERT_EQ(pthread_attr_init(&attributes), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, std::size_t{4} << 20), 0);
  pthread_t thread{};
  const auto run = [](void* argument) -> void* {
    (*static_cast<std::function<void()>*>(argument))();
    return nullptr;
  };
  ASSERT_EQ(pthread_create(&thread, &attributes, run, &work), 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

TEST(Baseline, ThousandsOfReleasesThatWaitForEachOther) {
  std::vector<Row> rows{{"0.9.0", 90, ""}};
  for (int i = 0; i < 2000; ++i) rows.push_back({"1.0." + std::to_string(i), 1, ""});
  for (int i = 0; i < 2000; ++i) rows.push_back({"1.1.0-rc." + std::to_string(i), 1, ""});
  const auto snapshot = snapshot_of(rows);
  on_a_small_stack([&] {
    Judge judge = judge_of(snapshot, rule("cooldown", "younger_than: 3d", "quarantine"));
    EXPECT_EQ(judge.baseline_of("1.1.0-rc.1999"), "0.9.0");
    EXPECT_EQ(judge.baseline_of("1.0.1999"), "0.9.0");
    EXPECT_EQ(judge.of("1.0.17")->baseline, "0.9.0");
  });
}

TEST(Picks, TopOfEachLineAndLatest) {
  Judge judge = judge_of(snapshot_of(kLines, kTags), "");
  EXPECT_EQ(judge.picks_to_inspect(kNobody), Names{"1.2.0"});
  // What `latest` names comes first.
  const auto lines = snapshot_of({{"1.9.0", 2, ""}, {"2.3.0", 3, ""}, {"3.0.0", 1, ""}},
                                 R"("latest":"2.3.0","next":"3.0.0")");
  EXPECT_EQ(judge_of(lines, "").picks_to_inspect(kNobody), (Names{"2.3.0", "3.0.0", "1.9.0"}));
}

TEST(Picks, OtherTagsAreForWhoAsksForThem) {
  const auto snapshot = snapshot_of(kLines, kTags);
  EXPECT_EQ(judge_of(snapshot, "").picks_to_inspect(kNobody, Asked("next")), Names{"3.0.0-rc.1"});
  EXPECT_EQ(judge_of(snapshot, "").picks_to_inspect(kNobody, Asked("latest")), Names{"1.2.0"});
  Asked tags;
  tags.every_tag = true;
  EXPECT_EQ(judge_of(snapshot, "").picks_to_inspect(kNobody, tags), (Names{"1.2.0", "3.0.0-rc.1"}));
}

TEST(Picks, OneVersionIsAskedForAlone) {
  const auto snapshot = snapshot_of(kLines, kTags);
  EXPECT_EQ(judge_of(snapshot, "").picks_to_inspect(kNobody, Asked("1.1.0")), Names{"1.1.0"});
  EXPECT_EQ(judge_of(snapshot, "").picks_to_inspect(kNobody, Asked("1.0.0")), Names{});  // old
  EXPECT_EQ(judge_of(snapshot, "").picks_to_inspect(kNobody, Asked("9.9.9")), Names{});
}

class Parts : public ::testing::Test {
 protected:
  std::shared_ptr<PackageSnapshot> part(const std::string& more) {
    return snapshot_of({{"1.0.0", 90, more}, {"1.1.0", 2, more}}, R"("latest":"1.1.0")");
  }
  Names picks(const std::shared_ptr<PackageSnapshot>& snapshot, bool pinned) {
    JudgeOptions options;
    options.pinned = [pinned](const Release&) { return pinned; };
    Judge judge(snapshot, policy_text("rules: []"), {}, options, kNow);
    const Names before = judge.picks_to_inspect(kNobody);
    EXPECT_EQ(judge.background_work(), before);  // neither is it fetched behind the answer
    return before;
  }
  static constexpr const char* kLinux = R"(,"os":["linux"],"cpu":["x64"])";
};

TEST_F(Parts, WaitUntilTheirTarballIsWanted) {
  EXPECT_EQ(picks(part(kLinux), true), Names{});
  EXPECT_EQ(picks(part(R"(,"libc":["musl"])"), true), Names{});
}

TEST_F(Parts, OfNobodyAreInspectedLikeAnyOther) {
  EXPECT_EQ(picks(part(kLinux), false), Names{"1.1.0"});
  EXPECT_EQ(picks(part(""), true), Names{"1.1.0"});
}

TEST_F(Parts, OfAPackageThatSomebodyUsesAreInspectedAhead) {
  auto used = part(kLinux);
  inspect(*used, "1.0.0");
  EXPECT_EQ(picks(used, true), Names{"1.1.0"});
}

TEST(Picks, InspectedTopEndsTheWalk) {
  auto snapshot = snapshot_of(kLines, R"("latest":"1.2.0")");
  inspect(*snapshot, "1.2.0");
  EXPECT_EQ(judge_of(snapshot, "").picks_to_inspect(kNobody), Names{});
}

TEST(Picks, NextLowerStandsInForOneLeftOut) {
  const auto snapshot = snapshot_of(kLines, R"("latest":"1.2.0")");
  EXPECT_EQ(judge_of(snapshot, "").picks_to_inspect({"1.2.0"}), (Names{"1.1.0"}));
  EXPECT_EQ(
      judge_of(snapshot, rule("bad", "version: \"1.2.0\"", "block")).picks_to_inspect(kNobody),
      (Names{"1.1.0"}));
}

TEST(Background, RecentUninspectedNewestFirst) {
  auto snapshot = snapshot_of(kLines, kTags);
  inspect(*snapshot, "1.2.0");
  EXPECT_EQ(judge_of(snapshot, "").background_work(), (Names{"3.0.0-rc.1", "1.1.0"}));
}

Names kept_of(const Judge::Listing& listing) {
  Names names;
  for (const Judged* judged : listing.kept) names.push_back(judged->version);
  return names;
}

TEST(Listing, HidesMovesTagsAndSaysUntilWhen) {
  auto snapshot =
      snapshot_of({{"1.0.0", 90, ""}, {"1.1.0", 50, ""}, {"1.2.0", 2, ""}, {"1.3.0", 1, ""}},
                  R"("latest":"1.3.0","old":"1.0.0")");
  inspect(*snapshot, "1.2.0");
  inspect(*snapshot, "1.3.0");
  Judge judge = judge_of(snapshot, rule("cooldown", "younger_than: 3d", "quarantine"));
  const Judge::Listing listing = judge.listing(kNobody);
  EXPECT_EQ(kept_of(listing), (Names{"1.0.0", "1.1.0"}));
  ASSERT_EQ(listing.hidden.size(), 2U);
  EXPECT_EQ(listing.hidden[0].version, "1.3.0");
  EXPECT_EQ(listing.hidden[1].version, "1.2.0");
  EXPECT_NE(listing.hidden[0].sentence.find("pkg@1.3.0 is quarantined until"), std::string::npos)
      << listing.hidden[0].sentence;
  EXPECT_EQ(listing.hidden[1].age_start, kNow - kDay * 2);
  EXPECT_EQ(listing.dist_tags, (StringMap{{"latest", "1.1.0"}, {"old", "1.0.0"}}));
  ASSERT_TRUE(listing.valid_until);
  EXPECT_EQ(format_time(*listing.valid_until), format_time(kNow + kDay));
}

TEST(Listing, UndecidedIsLeftOutUntilItHasEvidence) {
  auto snapshot = snapshot_of({{"1.0.0", 90, ""}, {"1.1.0", 1, ""}}, R"("latest":"1.1.0")");
  {
    Judge judge = judge_of(snapshot, "");
    const Judge::Listing listing = judge.listing({"1.1.0"});
    EXPECT_EQ(kept_of(listing), (Names{"1.0.0"}));
    ASSERT_EQ(listing.hidden.size(), 1U);
    EXPECT_NE(listing.hidden[0].sentence.find("its inspection has not ended"), std::string::npos);
    EXPECT_EQ(listing.dist_tags, (StringMap{{"latest", "1.0.0"}}));
    EXPECT_FALSE(listing.valid_until);
  }
  inspect(*snapshot, "1.1.0");
  Judge judge = judge_of(snapshot, "");
  EXPECT_EQ(kept_of(judge.listing({"1.1.0"})), (Names{"1.0.0", "1.1.0"}));
}

TEST(Judge, WithdrawnPinIsJudgedOnWhatWasKept) {
  auto snapshot = snapshot_of({{"1.0.0", 90, ""}, {"1.1.0", 5, ""}});
  inspect(*snapshot, "1.1.0");
  Pin pin;
  pin.version = "1.1.0";
  pin.content_id = snapshot->evidence[0]->content_id();
  pin.raw_manifest = std::string(snapshot->packument->find("1.1.0")->raw);
  snapshot->pins.emplace("1.1.0", pin);
  snapshot->packument = snapshot_of({{"1.0.0", 90, ""}})->packument;
  Judge judge = judge_of(snapshot, "");
  const Judged* judged = judge.of("1.1.0");
  ASSERT_NE(judged, nullptr);
  EXPECT_TRUE(judged->pinned);
  EXPECT_EQ(judged->raw_manifest, pin.raw_manifest);
  EXPECT_EQ(judge.of("1.2.0"), nullptr);
}

// A pin whose evidence is lost: the same release is judged anew, any other under its version is not
// served, whatever it says of its integrity.
TEST(Judge, APinHoldsWithoutItsEvidence) {
  const auto pinned = snapshot_of({{"1.0.0", 900, ""}, {"1.1.0", 800, ""}});
  Pin pin;
  pin.version = "1.1.0";
  pin.content_id = std::string(128, 'b') + ":" + std::string(64, 'c');
  pin.raw_manifest = std::string(pinned->packument->find("1.1.0")->raw);
  struct {
    const char* name;
    std::string more;  // what the upstream says of 1.1.0 now
    bool inspected, served;
  } const rows[] = {
      {"the same", "", false, true},
      {"the same manifest with other bytes", "", true, false},
      {"a hook", R"(,"scripts":{"postinstall":"x"})", false, false},
      {"a manifest that is refused", R"(,"os":[],"os":["linux"])", false, false},
  };
  for (const auto& row : rows) {
    auto snapshot = snapshot_of({{"1.0.0", 900, ""}, {"1.1.0", 800, row.more}});
    if (row.inspected) inspect(*snapshot, "1.1.0");
    snapshot->pins.emplace("1.1.0", pin);
    Judge judge = judge_of(snapshot, "");
    const Judged* judged = judge.of("1.1.0");
    ASSERT_NE(judged, nullptr) << row.name;
    EXPECT_EQ(judged->verdict.served(), row.served) << row.name;
    EXPECT_EQ(judged->raw_manifest, pin.raw_manifest) << row.name;
    EXPECT_EQ(judge.listing({}).kept.size(), row.served ? 2U : 1U) << row.name;
  }
}

// A feed with a memory of what it names.
class FakeFeed final : public Feed {
 public:
  bool names(std::string_view package) const override { return package == "pkg"; }
  std::vector<PackageHistory::Advisory> find(std::string_view,
                                             std::string_view version) const override {
    if (version != bad) return {};
    return {{"MAL-0000-1", "stand-in"}};
  }
  std::string bad;
};

// Old, never inspected, pinned or not: what the feed names is refused, and no baseline for others.
TEST(JudgeFeed, NamedReleasesAreRefusedHoweverOldAndUnknown) {
  const auto snapshot = snapshot_of({{"1.0.0", 900, ""}, {"1.1.0", 800, ""}, {"1.2.0", 1, ""}});
  inspect(*snapshot, "1.2.0");
  auto feed = std::make_shared<FakeFeed>();
  feed->bad = "1.1.0";
  JudgeOptions options;
  const auto policy = policy_of(rule("known-malware", "finding: known-malware", "block"));
  Judge without(snapshot, policy, {}, options, kNow);
  EXPECT_TRUE(without.of("1.1.0")->verdict.served());
  EXPECT_EQ(without.of("1.2.0")->baseline, "1.1.0");
  options.feed = feed;
  Judge with(snapshot, policy, {}, options, kNow);
  EXPECT_EQ(with.of("1.1.0")->verdict.action, Action::kBlock);
  EXPECT_TRUE(with.of("1.0.0")->verdict.served());
  EXPECT_EQ(with.of("1.2.0")->baseline, "1.0.0");
}

TEST(JudgeFeed, StoredRowsAreToldAnew) {
  ReleaseRow row;
  row.name = "pkg";
  row.version = "1.0.0";
  Finding kept, old;
  kept.id = "size-jump";
  old.id = "known-malware";
  row.findings = {old, kept};
  const auto ids = [&](const Feed* feed) {
    std::vector<std::string> out;
    for (const Finding& finding : findings_now(row, feed)) out.push_back(finding.id);
    return out;
  };
  FakeFeed feed;
  EXPECT_EQ(ids(nullptr), std::vector<std::string>{"size-jump"});
  EXPECT_EQ(ids(&feed), std::vector<std::string>{"size-jump"});
  feed.bad = "1.0.0";
  EXPECT_EQ(ids(&feed), (std::vector<std::string>{"known-malware", "size-jump"}));
}

// As `inspect --as-published` asks: stamps of a mirror say nothing about what came when.
TEST(Judge, AsPublishedIsNewAndEverythingElseOld) {
  auto snapshot = snapshot_of({{"1.0.0", 2, ""}, {"1.1.0", 40, kHook}});
  const std::string rules =
      rule("hooked", "finding: install-script-added, younger_than: 3d", "quarantine");
  JudgeOptions options;
  Judge plain(snapshot, policy_of(rules), {}, options, kNow);
  EXPECT_EQ(plain.baseline_of("1.1.0"), "");
  EXPECT_TRUE(plain.of("1.1.0")->verdict.served());
  snapshot->times_real = false;
  options.as_published = "1.1.0";
  Judge judge(snapshot, policy_of(rules), {}, options, kNow);
  const Judged* judged = judge.of("1.1.0");
  EXPECT_EQ(judged->baseline, "1.0.0");
  EXPECT_EQ(judged->subject.age_start, kNow);
  EXPECT_FALSE(judged->verdict.served());
  EXPECT_FALSE(judge.of("1.0.0")->recent);
}

TEST(Judge, ComparesWithWhatIsNamed) {
  auto snapshot = snapshot_of({{"1.0.0", 90, ""}, {"1.1.0", 60, kHook}, {"1.2.0", 1, kHook}});
  JudgeOptions options;
  options.compare = {"1.2.0", "1.0.0"};
  Judge judge(snapshot, policy_of(""), {}, options, kNow);
  EXPECT_EQ(judge.of("1.2.0")->baseline, "1.0.0");
  const auto& findings = judge.of("1.2.0")->findings;
  EXPECT_TRUE(std::any_of(findings.begin(), findings.end(),
                          [](const Finding& f) { return f.id == "install-script-added"; }));
}

}  // namespace
}  // namespace npmgate::testing
