#include "judge/policy_prefilter.h"

#include "judge_testing.h"

namespace npmgate::testing {
namespace {

enum class Known { kNothing, kWithdrawn, kSignature, kRepublished, kSameDigest };

struct ReachCase {
  const char* name;
  std::string rules;
  Known known;
  bool expected;
};

class Reach : public ::testing::TestWithParam<ReachCase> {};

TEST_P(Reach, Is) {
  const ReachCase& c = GetParam();
  auto snapshot = snapshot_of({{"1.0.0", 90, ""}});
  SeenVersion seen;
  seen.version = "1.0.0";
  if (c.known == Known::kWithdrawn) seen.withdrawn = kNow;
  if (c.known == Known::kRepublished) seen.integrity = std::string(40, '9');
  if (c.known == Known::kSameDigest) seen.integrity = std::string(39, '0') + "1";
  snapshot->record.versions.emplace("1.0.0", seen);
  if (c.known == Known::kSignature) snapshot->observations["1.0.0"].signature_valid = false;
  EXPECT_EQ(policy_can_reach(*policy_of(c.rules), *snapshot, *snapshot->packument->find("1.0.0"),
                             kDay * 90),
            c.expected);
}

std::vector<ReachCase> reach_cases() {
  const std::string malware = rule("r", "finding: known-malware", "block");
  const std::string withdrawn = rule("r", "finding: release-withdrawn", "quarantine");
  const std::string signature = rule("r", "finding: signature-invalid", "block");
  return {
      {"NoRules", "", Known::kNothing, false},
      {"YoungerThanCannot", rule("r", "younger_than: 30d", "block"), Known::kNothing, false},
      {"YoungerThanCan", rule("r", "younger_than: 91d", "block"), Known::kNothing, true},
      {"OlderThanCan", rule("r", "older_than: 90d", "block"), Known::kNothing, true},
      {"OlderThanCannot", rule("r", "older_than: 91d", "block"), Known::kNothing, false},
      {"WarnDoesNotMatter", rule("r", "older_than: 1d", "warn"), Known::kNothing, false},
      {"TarballFindingCannot", rule("r", "finding: native-binary-added", "block"), Known::kNothing,
       false},
      {"MetadataFindingCan", rule("r", "finding: install-script-added", "block"), Known::kNothing,
       true},
      {"AllNeedsEveryPart", rule("r", "finding: install-script-added, younger_than: 14d", "block"),
       Known::kNothing, false},
      {"NoAdvisory", malware, Known::kNothing, false},
      {"NotWithdrawn", withdrawn, Known::kNothing, false},
      {"Withdrawn", withdrawn, Known::kWithdrawn, true},
      {"SignatureUnchecked", signature, Known::kNothing, false},
      {"SignatureChecked", signature, Known::kSignature, true},
      {"RepublishedAlways", "", Known::kRepublished, true},
      {"SameDigestNot", "", Known::kSameDigest, false},
  };
}

INSTANTIATE_TEST_SUITE_P(PolicySnapshot, Reach, ::testing::ValuesIn(reach_cases()),
                         [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace npmgate::testing
