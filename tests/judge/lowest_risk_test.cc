// Of the lowest risk is what has all of it, proven of the very bytes; each thing that is missing,
// or one more finding, makes it more.
#include "judge/lowest_risk.h"

#include <gtest/gtest.h>

namespace npmgate {
namespace {

const std::string kCommit(40, 'c');
constexpr char kRepository[] = "https://git.example/o/left";

struct Case {
  Judged judged;
  PackageHistory history;
};

ProvenanceEvidence proven_of(const std::string& sha512, const std::string& commit) {
  ProvenanceEvidence out;
  out.stated.repository = kRepository;
  out.stated.workflow = ".github/workflows/release.yml";
  out.stated.commit = commit;
  out.verified = ProvenanceEvidence::Verified{};
  out.verified->issuer = "https://issuer.example";
  out.verified->sha512 = sha512;
  return out;
}

SourceEvidence compared_of(const std::string& sha512, const std::string& commit) {
  SourceEvidence out;
  out.state = SourceEvidence::State::kCompared;
  out.repository = kRepository;
  out.commit = commit;
  out.sha512 = sha512;
  return out;
}

Case good() {
  Case out;
  Evidence now, was;
  now.tarball_sha512 = "now";
  was.tarball_sha512 = "was";
  out.judged.version = "1.0.1";
  out.judged.baseline = "1.0.0";
  out.judged.evidence = std::make_shared<const Evidence>(now);
  out.judged.baseline_evidence = std::make_shared<const Evidence>(was);
  out.history.provenance["1.0.0"] = proven_of("was", std::string(40, 'b'));
  out.history.provenance["1.0.1"] = proven_of("now", kCommit);
  out.history.sources["1.0.0"] = compared_of("was", std::string(40, 'b'));
  out.history.sources["1.0.1"] = compared_of("now", kCommit);
  out.history.tag.emplace();
  out.history.tag->state = TagEvidence::State::kFound;
  out.history.tag->commit = kCommit;
  out.history.branch.emplace();
  out.history.branch->state = BranchEvidence::State::kOnBranch;
  out.history.branch->commit = kCommit;
  Finding harmless;
  harmless.id = "deprecated";
  out.judged.findings.push_back(harmless);
  return out;
}

TEST(LowestRisk, IsWhatHasAllOfIt) {
  const Case all = good();
  EXPECT_EQ(risk_left(all.judged, all.history), "");
}

struct Row {
  const char* name;
  void (*change)(Case&);
};

class RiskLeft : public ::testing::TestWithParam<Row> {};

TEST_P(RiskLeft, IsSaid) {
  Case changed = good();
  GetParam().change(changed);
  EXPECT_NE(risk_left(changed.judged, changed.history), "");
}

INSTANTIATE_TEST_SUITE_P(
    Rows, RiskLeft,
    ::testing::Values(
        Row{"not_inspected", [](Case& c) { c.judged.evidence.reset(); }},
        Row{"first_release", [](Case& c) { c.judged.baseline.clear(); }},
        Row{"baseline_not_inspected", [](Case& c) { c.judged.baseline_evidence.reset(); }},
        Row{"no_provenance", [](Case& c) { c.history.provenance.erase("1.0.1"); }},
        Row{"stated_only", [](Case& c) { c.history.provenance["1.0.1"].verified.reset(); }},
        Row{"of_other_bytes",
            [](Case& c) { c.history.provenance["1.0.1"].verified->sha512 = "other"; }},
        Row{"baseline_unproven", [](Case& c) { c.history.provenance.erase("1.0.0"); }},
        Row{"another_issuer",
            [](Case& c) { c.history.provenance["1.0.1"].verified->issuer = "https://x.example"; }},
        Row{"another_repository",
            [](Case& c) { c.history.provenance["1.0.1"].stated.repository += "2"; }},
        Row{"another_workflow",
            [](Case& c) { c.history.provenance["1.0.1"].stated.workflow = "x.yml"; }},
        Row{"no_workflow",
            [](Case& c) {
              c.history.provenance["1.0.1"].stated.workflow.clear();
              c.history.provenance["1.0.0"].stated.workflow.clear();
            }},
        Row{"no_commit",
            [](Case& c) {
              c.history.provenance["1.0.1"].stated.commit.clear();
              c.history.tag->commit.clear();
              c.history.sources["1.0.1"].commit.clear();
            }},
        Row{"source_unknown",
            [](Case& c) {
              c.history.sources["1.0.1"].state = SourceEvidence::State::kUnavailable;
            }},
        Row{"branch_unknown", [](Case& c) { c.history.branch.reset(); }},
        Row{"branch_of_another_commit",
            [](Case& c) { c.history.branch->commit = std::string(40, 'd'); }},
        Row{"branch_not_found_out",
            [](Case& c) { c.history.branch->state = BranchEvidence::State::kUnknown; }},
        Row{"on_no_branch",
            [](Case& c) { c.history.branch->state = BranchEvidence::State::kOnNone; }},
        Row{"source_of_other_bytes", [](Case& c) { c.history.sources["1.0.1"].sha512 = "x"; }},
        Row{"baselines_source_unknown", [](Case& c) { c.history.sources.erase("1.0.0"); }},
        Row{"source_of_another_repository",
            [](Case& c) { c.history.sources["1.0.1"].repository += "2"; }},
        Row{"no_tag", [](Case& c) { c.history.tag.reset(); }},
        Row{"tag_missing", [](Case& c) { c.history.tag->state = TagEvidence::State::kMissing; }},
        Row{"tag_elsewhere", [](Case& c) { c.history.tag->commit = std::string(40, 'd'); }},
        Row{"compared_elsewhere",
            [](Case& c) { c.history.sources["1.0.1"].commit = std::string(40, 'd'); }},
        Row{"a_finding",
            [](Case& c) {
              c.judged.findings.emplace_back();
              c.judged.findings.back().severity = Severity::kLow;
              c.judged.findings.back().id = "dependency-added";
            }}),
    [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace npmgate
