#include "judge/external_evidence.h"

#include <gtest/gtest.h>

namespace npmgate {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

const Time kBorn = parse_time("2026-01-01T00:00:00Z").value();

ExternalEvidence full() {
  ExternalEvidence out;
  out.signature_valid = false;
  out.dependency_ages["payload"] = {kBorn, kBorn + hours(1), "4.2.1", true, ""};
  out.dependency_ages["other"] = {};
  ProvenanceEvidence& read = out.provenance["1.0.1"];
  read.stated = {"https://slsa.example/v1",
                 "https://git.example/o/r",
                 "release.yml",
                 "refs/heads/x",
                 "c0ffee",
                 "https://git.example/runner"};
  read.url = "https://registry.example/-/npm/v1/attestations/x@1.0.1";
  read.asked = kBorn + minutes(1);
  read.verified = ProvenanceEvidence::Verified{"https://issuer.example",
                                               "https://git.example/o/r/release.yml@refs/heads/x",
                                               "https://git.example/o/r/runs/1",
                                               "hosted",
                                               std::string(128, 'a'),
                                               kBorn,
                                               13,
                                               true};
  out.provenance["1.0.0"].foreign = "about something else";
  out.provenance["0.9.0"].invalid = "the signature over the statement does not hold";
  SourceEvidence& source = out.sources["1.0.1"];
  source.state = SourceEvidence::State::kCompared;
  source.commit = "c0ffee";
  source.found.same = 3;
  source.found.absent = {"dist/"};
  out.sources["1.0.0"].reason = "no filter";
  BranchEvidence& branch = out.branch.emplace();
  branch.state = BranchEvidence::State::kOnNone;
  branch.commit = "c0ffee";
  branch.named_by = "tag v1.0.1";
  branch.earlier = {"0.9.0", "1.0.0"};
  branch.earlier_on_branches = true;
  branch.asked = kBorn;
  out.unavailable.push_back({"signature", "no answer"});
  out.asked = kBorn + minutes(1);
  return out;
}

TEST(ExternalEvidence, RoundTrip) {
  for (const ExternalEvidence& each : {full(), ExternalEvidence()}) {
    const auto back = observations_from_text(observations_to_text(each));
    ASSERT_TRUE(back);
    EXPECT_TRUE(same_facts(*back, each));
    EXPECT_EQ(back->asked, each.asked);
  }
}

TEST(ExternalEvidence, WhatNobodyWroteIsCorrupt) {
  const std::string text = observations_to_text(full());
  for (std::size_t cut = 0; cut < text.size(); cut += 3)
    EXPECT_FALSE(observations_from_text(text.substr(0, cut))) << cut;
  for (const char* bad :
       {"", "[]", "{}", "null", R"({"asked":"x","dependency_ages":{},"unavailable":[]})",
        R"({"asked":1,"dependency_ages":[],"unavailable":[]})"})
    EXPECT_FALSE(observations_from_text(bad)) << bad;
}

TEST(ExternalEvidence, WhenTheyWereAskedIsNoFact) {
  ExternalEvidence a = full(), b = full();
  a.tag = b.tag = TagEvidence{};
  b.asked += hours(1);
  b.tag->asked += hours(1);
  b.provenance["1.0.1"].asked += hours(1);
  EXPECT_TRUE(same_facts(a, b));
  b.tag->state = TagEvidence::State::kMissing;
  EXPECT_FALSE(same_facts(a, b));
  b = full();
  EXPECT_FALSE(same_facts(a, b));
  a = full();
  b.provenance["1.0.1"].stated.workflow = "other.yml";
  EXPECT_FALSE(same_facts(a, b));
  b = full();
  b.branch->asked += hours(1);
  EXPECT_TRUE(same_facts(a, b));
  b.branch->state = BranchEvidence::State::kOnBranch;
  EXPECT_FALSE(same_facts(a, b));
  b.branch.reset();
  EXPECT_FALSE(same_facts(a, b));
  b = full();
  b.unavailable.clear();
  EXPECT_FALSE(same_facts(a, b));
}

TEST(ExternalEvidence, AreAskedAgainSoonWhileSomethingIsMissing) {
  ExternalEvidence observed;
  observed.asked = kBorn + hours(1);
  Release release;
  release.manifest.version = "1.0.1";
  const auto again = [&] {
    return ask_again_at(observed, release, kBorn, hours(24 * 30), minutes(10));
  };
  EXPECT_EQ(again(), kBorn + hours(2));
  observed.tag = TagEvidence{};
  for (const auto state : {TagEvidence::State::kMissing, TagEvidence::State::kUnknown}) {
    observed.tag->state = state;
    EXPECT_EQ(again(), kBorn + hours(1) + minutes(10));
  }
  observed.tag->state = TagEvidence::State::kFound;
  EXPECT_EQ(again(), kBorn + hours(2));
  // A branch may still get the commit.
  observed.branch.emplace().state = BranchEvidence::State::kOnNone;
  EXPECT_EQ(again(), kBorn + hours(1) + minutes(10));
  observed.branch->state = BranchEvidence::State::kUnknown;
  EXPECT_EQ(again(), kBorn + hours(1) + minutes(10));
  observed.branch->again = kBorn + hours(24);
  EXPECT_EQ(again(), kBorn + hours(2));
  observed.branch->state = BranchEvidence::State::kOnBranch;
  EXPECT_EQ(again(), kBorn + hours(2));
  // The packument names an attestation since, or the one that it named is about something else.
  release.dist.attestations_url = "https://registry.example/-/npm/v1/attestations/x@1.0.1";
  EXPECT_EQ(again(), kBorn + hours(1) + minutes(10));
  observed.provenance["1.0.1"].foreign = "about something else";
  EXPECT_EQ(again(), kBorn + hours(1) + minutes(10));
  observed.provenance["1.0.1"].foreign.clear();
  EXPECT_EQ(again(), kBorn + hours(2));
  observed.unavailable.push_back({"signature", "no answer"});
  EXPECT_EQ(again(), kBorn + hours(1) + minutes(10));
  observed.asked = kBorn + hours(24 * 30);
  EXPECT_EQ(again(), std::nullopt);
}

}  // namespace
}  // namespace npmgate
