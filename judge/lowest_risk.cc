#include "judge/lowest_risk.h"

#include "registry/repository.h"

namespace npmgate {
namespace {

// Verified, of the bytes that were inspected; null else.
const ProvenanceEvidence* proven(const PackageHistory& history, const std::string& version,
                                 const Evidence& evidence) {
  const auto it = history.provenance.find(version);
  if (it == history.provenance.end() || !it->second.verified ||
      it->second.verified->sha512 != evidence.tarball_sha512)
    return nullptr;
  return &it->second;
}

const SourceEvidence* compared(const PackageHistory& history, const std::string& version,
                               const Evidence& evidence) {
  const auto it = history.sources.find(version);
  if (it == history.sources.end() || it->second.state != SourceEvidence::State::kCompared ||
      it->second.sha512 != evidence.tarball_sha512)
    return nullptr;
  return &it->second;
}

bool same_repository(const std::string& a, const std::string& b) {
  const auto left = parse_repository(a), right = parse_repository(b);
  return left && right && *left == *right;
}

std::string provenance_left(const ProvenanceEvidence* now, const ProvenanceEvidence* was) {
  if (now == nullptr) return "its provenance is not verified";
  if (was == nullptr) return "the provenance of the release before is not verified";
  if (now->verified->issuer != was->verified->issuer) return "another issuer vouches for its build";
  if (!same_repository(now->stated.repository, was->stated.repository))
    return "it was built from another repository than the release before";
  if (now->stated.workflow.empty() || now->stated.workflow != was->stated.workflow)
    return "it was not built by the workflow of the release before";
  return {};
}

std::string source_left(const ProvenanceEvidence& built, const PackageHistory& history,
                        const SourceEvidence* now, const SourceEvidence* was) {
  if (now == nullptr) return "its files were not compared with its source";
  if (was == nullptr) return "those of the release before were not compared with their source";
  if (!same_repository(now->repository, built.stated.repository))
    return "it was compared with another repository than it was built from";
  if (!history.tag || history.tag->state != TagEvidence::State::kFound)
    return "the repository has no tag for it";
  if (built.stated.commit.empty() || history.tag->commit != built.stated.commit ||
      now->commit != built.stated.commit)
    return "it was not built from the commit of its tag";
  if (!history.branch || history.branch->commit != built.stated.commit ||
      history.branch->state == BranchEvidence::State::kUnknown)
    return "whether its commit is on a branch is unknown";
  if (history.branch->state == BranchEvidence::State::kOnNone)
    return "its commit is on no branch of the repository";
  return {};
}

}  // namespace

std::string risk_left(const Judged& judged, const PackageHistory& history) {
  if (!judged.evidence) return "its tarball was not inspected";
  if (judged.baseline.empty() || !judged.baseline_evidence)
    return "there is no inspected release before it";
  const ProvenanceEvidence* const built = proven(history, judged.version, *judged.evidence);
  std::string left =
      provenance_left(built, proven(history, judged.baseline, *judged.baseline_evidence));
  if (left.empty())
    left = source_left(*built, history, compared(history, judged.version, *judged.evidence),
                       compared(history, judged.baseline, *judged.baseline_evidence));
  if (!left.empty()) return left;
  for (const Finding& finding : judged.findings) {
    if (finding.severity != Severity::kInfo) return finding.id + ": " + finding.message;
  }
  return {};
}

}  // namespace npmgate
