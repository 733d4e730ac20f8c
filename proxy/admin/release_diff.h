// The difference between a release's tarball and its baseline's, made in the sandbox and kept for a
// while. Thread-safe.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "judge/judge.h"
#include "proxy/inspection/inspector.h"
#include "proxy/packages/tarball_inspection.h"

namespace npmgate {

// How a release is told to people and tools. Made in app/ (report.h), which proxy/ cannot include;
// if a function is empty, the verdict and the findings are told without what changed.
struct ReleaseReport {
  struct Told {
    const Judged* judged = nullptr;             // never null
    const Release* baseline = nullptr;          // null: compared with nothing
    const ExternalEvidence* outside = nullptr;  // null: outside sources were not asked
    Time now{};
  };
  std::function<std::string(const Told&, bool colour)> text;
  std::function<boost::json::object(const Told&)> json;
};

class ReleaseDiffs {
 public:
  static constexpr std::size_t kKept = 32;  // comparisons in memory, least recently used go first

  ReleaseDiffs(BlobStore& blobs, TarballInspection& tarballs, Pool& pool, Inspector& inspector,
               ArchiveLimits limits)
      : blobs_(blobs), tarballs_(tarballs), pool_(pool), inspector_(inspector), limits_(limits) {}

  struct Comparison {
    Comparison() {}
    SnapshotPtr snapshot;
    // Versions and SHA-512 (hex) of their tarballs; baseline "" = none, everything is added then.
    std::string version, tarball, baseline, baseline_tarball;
    std::vector<std::string> paths;  // content_diff()
  };
  // A comparison with what is known of the release besides.
  struct Wanted {
    Wanted() {}
    Comparison comparison;
    boost::json::object report;  // ReleaseReport::json()'s
    std::vector<Finding> findings;
  };
  // What reviewers see: {"name", "version", "baseline"} and diff_view()'s members. Errors as of().
  Task<Result<boost::json::object>> view(Wanted wanted);

  // A tarball that is no longer on disk is fetched again. kUnavailable with the reason if one
  // is not available or cannot be compared.
  Task<Result<std::shared_ptr<const ContentDiff>>> of(Comparison sides);

 private:
  using Blob = std::shared_ptr<const BlobStore::Handle>;
  Task<Result<Blob>> open(SnapshotPtr snapshot, std::string version, std::string sha512);
  std::shared_ptr<const ContentDiff> known(const std::string& key);
  void keep(std::string key, std::shared_ptr<const ContentDiff> diff);

  BlobStore& blobs_;
  TarballInspection& tarballs_;
  Pool& pool_;
  Inspector& inspector_;
  const ArchiveLimits limits_;
  std::mutex mutex_;
  // Most recently used first.
  std::list<std::pair<std::string, std::shared_ptr<const ContentDiff>>> kept_;
};

// Which tarballs and paths of a judged release; everything is added in one without a baseline.
// kNotFound if it is unknown, not inspected or its archive refused, kUnavailable if the tarball of
// the release before was never read.
Result<ReleaseDiffs::Wanted> diff_wanted(Judge& judge, const SnapshotPtr& snapshot,
                                         const std::string& version, const ReleaseReport& report);

}  // namespace npmgate
