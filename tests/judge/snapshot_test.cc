#include "judge/snapshot.h"

#include "judge/judge.h"
#include "judge_testing.h"

namespace npmgate::testing {
namespace {

constexpr int kNone = -1;

struct BornCase {
  const char* name;
  bool times_real;
  bool stamped;
  int first_seen_days;     // kNone: never looked at
  int looked_before_days;  // kNone: there at the first look
  int expected_days;
};

class Born : public ::testing::TestWithParam<BornCase> {};

// Of 1.1.0, published 10 days ago; the higher 1.2.0 of its line carries a stamp of 20 days ago.
TEST_P(Born, Counts) {
  const BornCase& c = GetParam();
  auto snapshot =
      snapshot_of({{"1.1.0", 10, ""}, {"1.2.0", 20, ""}, {"1.3.0-rc.1", 90, ""}, {"2.0.0", 90, ""}},
                  "", c.stamped);
  snapshot->times_real = c.times_real;
  if (c.first_seen_days != kNone) {
    SeenVersion seen;
    seen.version = "1.1.0";
    seen.first_seen = kNow - kDay * c.first_seen_days;
    if (c.looked_before_days != kNone) seen.looked_before = kNow - kDay * c.looked_before_days;
    snapshot->record.versions.emplace("1.1.0", seen);
  }
  EXPECT_EQ(format_time(Ages(*snapshot).age_start(*snapshot->packument->find("1.1.0"), kNow)),
            format_time(kNow - kDay * c.expected_days));
}

INSTANTIATE_TEST_SUITE_P(
    PolicySnapshot, Born,
    ::testing::Values(BornCase{"PublishStamp", true, true, kNone, kNone, 10},
                      BornCase{"SeenAtFirstLookKeepsStamp", true, true, 2, kNone, 10},
                      BornCase{"LookBeforeStampChangesNothing", true, true, 9, 11, 10},
                      BornCase{"BackdatedStampIsNotBelieved", true, true, 2, 3, 3},
                      BornCase{"NoStampFirstSeen", true, false, 4, kNone, 4},
                      BornCase{"NoStampNeverSeenIsNow", true, false, kNone, kNone, 0},
                      BornCase{"IngestTakesOldestOfLine", false, true, kNone, kNone, 20},
                      BornCase{"IngestBackdated", false, true, 2, 3, 3},
                      BornCase{"IngestNoStamp", false, false, 4, 5, 4}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(CurrentEvidence, MatchesManifestAndPrefersNewestInspector) {
  auto snapshot = snapshot_of({{"1.0.0", 10, ""}});
  const PackumentVersion& version = *snapshot->packument->find("1.0.0");
  EXPECT_EQ(current_evidence(*snapshot, version), nullptr);
  inspect(*snapshot, "1.0.0");
  auto newer = std::make_shared<Evidence>(*snapshot->evidence[0]);
  newer->inspector = kInspectorVersion + 1;
  auto other = std::make_shared<Evidence>(*newer);
  other->inspector = kInspectorVersion + 2;
  other->manifest_sha256 = std::string(64, 'b');
  snapshot->evidence = {newer, snapshot->evidence[0], other};
  EXPECT_EQ(current_evidence(*snapshot, version), newer);
  Pin pin;
  pin.version = "1.0.0";
  pin.content_id = other->content_id();
  EXPECT_EQ(pinned_evidence(*snapshot, pin), other);
  pin.content_id = "lost";
  EXPECT_EQ(pinned_evidence(*snapshot, pin), nullptr);
}

TEST(DueAgain, SecondsAfterAnAccident) {
  const auto after = [](const Evidence& evidence, int seconds) {
    return due_again(evidence, evidence.gathered + std::chrono::seconds(seconds));
  };
  Evidence fine;
  EXPECT_FALSE(after(fine, 1000));
  Evidence mismatch;
  mismatch.integrity = {true, false, "sha512", "sha512-a", "sha512-b"};
  Evidence killed;
  killed.unavailable = {{"tarball", "the inspection worker was killed by signal 9 (Killed)"}};
  for (const Evidence& evidence : {mismatch, killed}) {
    EXPECT_FALSE(after(evidence, 5));
    EXPECT_TRUE(after(evidence, 6));
  }
  Evidence elsewhere;
  elsewhere.unavailable = {{"git-tags", "no answer"}};
  EXPECT_FALSE(after(elsewhere, 1000));
}

TEST(DueAgain, IsTheBackgroundsWork) {
  auto snapshot = snapshot_of({{"1.0.0", 2, ""}});
  inspect(*snapshot, "1.0.0");
  auto failed = std::make_shared<Evidence>(*snapshot->evidence[0]);
  failed->unavailable = {{"tarball", "the inspection worker exited with 1"}};
  failed->gathered = kNow - std::chrono::seconds(5);
  const auto work = [&] {
    snapshot->evidence = {failed};
    Judge judge(snapshot, policy_of(""), {}, {}, kNow);
    return judge.background_work();
  };
  EXPECT_TRUE(work().empty());
  failed->gathered = kNow - std::chrono::minutes(11);
  EXPECT_EQ(work(), std::vector<std::string>{"1.0.0"});
}

}  // namespace
}  // namespace npmgate::testing
