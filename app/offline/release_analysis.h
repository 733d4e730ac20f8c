// One release studied as the gate would, or as somebody asks who wants to know what the policy
// makes of it. One thread runs it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "app/offline/offline_gate.h"
#include "app/report/report.h"
#include "proxy/external/git_tags.h"
#include "proxy/external/online_evidence_collector.h"

namespace npmgate {

// How the parts are set up from the configuration; the gate and the workbench use the same.
GitOptions git_options(const Config& config);

// "name", "name@1.2.3", "@scope/name@latest"; nullopt where it is none of these.
struct ReleaseSpec {
  ReleaseSpec() {}  // a constructor: it travels into coroutines (see proxy/net/async.h)
  std::string name;
  std::string wanted = "latest";  // version or dist-tag
};
std::optional<ReleaseSpec> parse_release_spec(const std::string& text);

struct AnalysisOptions {
  AnalysisOptions() {}
  // Judged as if it had appeared this moment and everything before it long ago, rules that hold by
  // age alone set aside.
  bool as_published = false;
  std::string baseline;  // version to compare with; "" = chosen as the gate chooses it
  // false: only a release that was never inspected is, as the gate would do; all else is taken as
  // the store has it.
  bool gather = true;
};

// One release with all that judging it needed. `judged` is null where its version is none
// (`refusal` says why); it points into `judge`.
struct ReleaseAnalysis {
  ReleaseAnalysis() {}
  std::string name, version;
  std::unique_ptr<Judge> judge;
  const Judged* judged = nullptr;
  const Release* baseline = nullptr;
  std::string refusal;
  // For printing; valid while this lives.
  ReportInput report() const;
};

// A bench together with the outside sources that the gate asks.
class Workbench {
 public:
  // State lies in config.storage_path, which must exist. Fails like OfflineGate::open.
  static Result<std::unique_ptr<Workbench>> open(Config config, const std::string& policy);

  // Fetches what the store does not have yet and judges. kNotFound: no such package, version or
  // tag; else whatever the upstream's failure was.
  Task<Result<std::shared_ptr<ReleaseAnalysis>>> study(ReleaseSpec spec, AnalysisOptions options);

  OfflineGate& bench() { return *bench_; }
  std::shared_ptr<const Policy> policy() const { return bench_->rules()->policy; }
  bool asks_feed() const { return !bench_->config().feeds.empty(); }

 private:
  explicit Workbench(std::unique_ptr<OfflineGate> bench);
  Task<Result<SnapshotPtr>> with_baseline(SnapshotPtr snapshot, std::string version,
                                          AnalysisOptions options);
  std::unique_ptr<Judge> judge(const SnapshotPtr& snapshot, const std::string& version,
                               const AnalysisOptions& options) const;

  std::unique_ptr<OfflineGate> bench_;
  GitTagSource tags_;
  OnlineEvidenceCollector collector_;
};

// The policy without the rules that hold by age alone (cooldown, freeze).
std::shared_ptr<const Policy> without_cooldown(const Policy& policy);

}  // namespace npmgate
