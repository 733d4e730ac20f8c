// What a command needs to judge releases without a running gate: the stores, the rules, an upstream
// client and the services about packages over them.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "app/offline/release_analysis.h"
#include "proxy/external/git_tags.h"
#include "proxy/external/online_evidence_collector.h"
#include "proxy/packages/packages.h"

namespace npmgate {

// A folder of its own for one command, gone at its end.
class Scratch {
 public:
  Scratch();
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Runs one coroutine to its end on a loop that nothing else runs, and returns its value.
template <class T>
T value_at_end(net::io_context& context, std::function<Task<T>()> body) {
  std::optional<T> result;
  run_to_end(context, [&]() -> Task<void> { result.emplace(co_await body()); });
  return std::move(*result);
}

// Everything a command needs to judge releases without a listener. `storage` decides whether it
// sees the gate's state or none. Used by one thread.
class OfflineGate {
 public:
  // Who is asked about releases. kNobody: every fetch is kUnavailable. kOutside: with each
  // inspection of a recent release git hosts, signing keys and the ages of new dependencies too, as
  // the gate does. analyze() asks them unless it is kNobody.
  enum class Asks { kNobody, kUpstream, kOutside };
  // `policy`: file, or "" for the built-in one. Fails like the stores and the policy loader do.
  static Result<std::unique_ptr<OfflineGate>> open(Config config, const std::string& policy,
                                                   Asks asks = Asks::kUpstream);

  // Runs one coroutine to its end.
  template <class T>
  T run(std::function<Task<T>()> body) {
    return value_at_end<T>(context_, std::move(body));
  }

  // PackumentFetcher::get() that waits several times its limit: no client stands behind a command.
  Task<Result<SnapshotPtr>> packument(PackageName name);

  // Fetches what the store does not have yet, asks outside sources and judges. kNotFound: no such
  // package, version or tag; else whatever the upstream's failure was.
  Task<Result<std::shared_ptr<ReleaseAnalysis>>> analyze(ReleaseSpec spec, AnalysisOptions options);

  Packages& packages() { return *packages_; }
  StateStore& store() { return *store_; }
  Upstream& client() { return *client_; }
  Pool& pool() { return pool_; }
  BlobStore& blobs() { return *blobs_; }
  Inspector& inspector() { return *inspector_; }
  const Config& config() const { return config_; }
  std::shared_ptr<const PolicySnapshot> rules() const { return active_policy_->rules(); }
  Judge judge(const SnapshotPtr& snapshot) {
    return packages_->judging.judge(snapshot, *active_policy_->rules());
  }
  const Clock& clock() const { return clock_; }
  const Policy& policy() const { return *active_policy_->rules()->policy; }
  bool asks_feed() const { return !config_.feeds.empty(); }

 private:
  explicit OfflineGate(Config config) : config_(std::move(config)) {}
  // Inspects what the release is compared with, as the gate chooses it.
  Task<Result<SnapshotPtr>> with_baseline(SnapshotPtr snapshot, std::string version,
                                          AnalysisOptions options);
  // The same, with the release before the baseline if the verdict may hang on it.
  Task<SnapshotPtr> without_incomplete_baseline(SnapshotPtr snapshot, std::string version,
                                                AnalysisOptions options);
  std::unique_ptr<Judge> judge_as(const SnapshotPtr& snapshot, const std::string& version,
                                  const AnalysisOptions& options) const;

  Config config_;
  SystemClock clock_;
  Metrics metrics_;
  Pool pool_{2, 1024};
  net::io_context context_{1};
  std::unique_ptr<StateStore> store_;
  std::unique_ptr<BlobStore> blobs_;
  std::unique_ptr<Upstream> client_;
  std::unique_ptr<ActivePolicy> active_policy_;
  std::unique_ptr<Inspector> inspector_;
  std::unique_ptr<TrustStore> trust_;
  std::unique_ptr<GitTagSource> tags_;
  std::unique_ptr<SourceComparer> sources_;
  std::unique_ptr<GitBranches> branches_;
  std::unique_ptr<OnlineEvidenceCollector> collector_;
  std::unique_ptr<Packages> packages_;
};

}  // namespace npmgate
