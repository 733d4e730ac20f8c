// Gathers what lies outside a release's tarball: the repository's tags, the registry's signature
// and attestations, the ages of new dependencies.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "proxy/external/git_branches.h"
#include "proxy/external/git_tags.h"
#include "proxy/external/signatures.h"
#include "proxy/external/source_comparer.h"
#include "proxy/external/trust_store.h"
#include "proxy/packages/packument_fetcher.h"

namespace npmgate {

class OnlineEvidenceCollector final : public ExternalEvidenceCollector {
 public:
  OnlineEvidenceCollector(const Config& config, TagSource& tags, Upstream& upstream,
                          EvidenceStore& store, Pool& pool, const Clock& clock, TrustStore& trust,
                          SourceComparer* sources, GitBranches* branches)
      : config_(config),
        tags_(tags),
        upstream_(upstream),
        store_(store),
        pool_(pool),
        clock_(clock),
        trust_(trust),
        sources_(sources),
        branches_(branches) {}
  // Before the first observe(): the fetcher and the collector know each other.
  void attach(PackumentFetcher& packuments) { packuments_ = &packuments; }

  Task<ExternalEvidence> observe(SnapshotPtr snapshot, std::string version,
                                 std::string baseline) override;

 private:
  Task<void> ask_tag(SnapshotPtr snapshot, const Release& release, ExternalEvidence& out);
  Task<void> check_signature(SnapshotPtr snapshot, const Release& release, ExternalEvidence& out);
  // The release's attestation, and its baseline's to compare with. What was read once stays.
  Task<void> read_attestations(SnapshotPtr snapshot, const PackumentVersion& release,
                               const PackumentVersion* before,
                               std::chrono::steady_clock::time_point until, ExternalEvidence& out);
  Task<std::string> read_attestation(SnapshotPtr snapshot, const PackumentVersion& release,
                                     std::chrono::steady_clock::time_point until,
                                     ExternalEvidence& out);
  // The release's tarball and its baseline's beside their commits. What was compared once stays, as
  // long as the commit is named that it was compared with.
  Task<void> compare_sources(SnapshotPtr snapshot, const PackumentVersion& release,
                             const PackumentVersion* before,
                             std::chrono::steady_clock::time_point until, ExternalEvidence& out);
  Task<void> compare_source(SnapshotPtr snapshot, const PackumentVersion& release,
                            std::optional<TagEvidence> tag,
                            std::chrono::steady_clock::time_point until, ExternalEvidence& out);
  // Whether the commit is on a branch; if not, those of earlier releases as well. A commit that was
  // on one once stays so.
  Task<void> find_branch(const PackumentVersion& release, const PackumentVersion* before,
                         std::chrono::steady_clock::time_point until, ExternalEvidence& out);
  // Fills in what came of asking about `branch.commit`.
  Task<void> ask_branches(std::map<std::string, std::string> earlier,
                          std::chrono::steady_clock::time_point until, BranchEvidence& branch);
  Task<void> age_dependencies(SnapshotPtr snapshot, const Release& release, const Release* before,
                              std::chrono::steady_clock::time_point until, ExternalEvidence& out);
  struct Keys {
    Keys() {}
    std::vector<SigningKey> keys;
    std::string problem;  // why there are none; "" = the upstream publishes none
    Time asked{};
  };
  Task<Keys> keys_of(const UpstreamConfig& upstream);
  void note_missing_fields(const PackageSnapshot& snapshot, const Release& release);

  const Config& config_;
  TagSource& tags_;
  Upstream& upstream_;
  EvidenceStore& store_;
  Pool& pool_;
  const Clock& clock_;
  TrustStore& trust_;
  SourceComparer* const sources_;  // null: nothing is compared
  GitBranches* const branches_;    // null: nobody is asked for branches
  PackumentFetcher* packuments_ = nullptr;
  std::mutex mutex_;
  std::map<std::string, Keys> keys_;                 // by upstream name
  std::set<std::string, std::less<>> told_missing_;  // upstreams whose missing fields were logged
};

}  // namespace npmgate
