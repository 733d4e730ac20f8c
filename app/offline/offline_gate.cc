#include "app/offline/offline_gate.h"

#include <filesystem>

#include "app/cli.h"
#include "app/inspector.h"
#include "app/offline/release_analysis.h"
#include "base/digest.h"
#include "feeds/feed_files.h"
#include "store/sqlite/open_state_store.h"

namespace npmgate {
namespace {

class NoUpstream final : public Upstream {
 public:
  Task<Result<FetchReply>> fetch(FetchRequest) override {
    co_return fail(Code::kUnavailable, Origin::kUpstream, "offline: nobody is asked");
  }
};

}  // namespace

Scratch::Scratch()
    : path_((std::filesystem::temp_directory_path() / ("npm-gate-" + random_hex(8))).string()) {
  std::filesystem::create_directories(path_);
}

Scratch::~Scratch() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Result<std::unique_ptr<OfflineGate>> OfflineGate::open(Config config, const std::string& policy,
                                                       Asks asks) {
  auto bench = std::unique_ptr<OfflineGate>(new OfflineGate(std::move(config)));
  auto store = open_state_store(bench->config_.storage_path);
  if (!store) return store.error();
  bench->store_ = std::move(*store);
  auto blobs = open_blob_store(bench->config_.storage_path);
  if (!blobs) return blobs.error();
  bench->blobs_ = std::move(*blobs);
  bench->active_policy_ = std::make_unique<ActivePolicy>(policy, bench->clock_, *bench->store_,
                                                         *bench->store_, bench->metrics_);
  if (auto loaded = bench->active_policy_->load(); !loaded) return loaded.error();
  auto feed = load_feeds(bench->config_.feeds, FeedLimits{});
  if (!feed) return feed.error();
  bench->active_policy_->set_feed(feed->index);
  const auto options = client_options_here();
  if (!options) return options.error();
  bench->client_ = asks == Asks::kNobody ? std::unique_ptr<Upstream>(std::make_unique<NoUpstream>())
                                         : make_http_client(*options);
  auto inspector =
      make_inspector(bench->config_, bench->context_.get_executor(), bench->pool_, bench->metrics_);
  if (!inspector) return inspector.error();
  bench->inspector_ = std::move(*inspector);
  auto trust = TrustStore::open(bench->config_.signatures);
  if (!trust) return trust.error();
  bench->trust_ = std::move(*trust);
  if (asks == Asks::kOutside) {
    bench->tags_ =
        std::make_unique<GitTagSource>(git_options(bench->config_), *bench->client_, bench->clock_);
    bench->collector_ = std::make_unique<OnlineEvidenceCollector>(
        bench->config_, *bench->tags_, *bench->client_, *bench->store_, bench->pool_, bench->clock_,
        *bench->trust_);
  }
  bench->packages_ = std::make_unique<Packages>(
      Dependencies{bench->config_, bench->clock_, *bench->client_, *bench->store_, *bench->blobs_,
                   bench->pool_, *bench->active_policy_, bench->metrics_, *bench->inspector_},
      bench->collector_.get());
  if (bench->collector_) bench->collector_->attach(bench->packages_->packuments);
  return bench;
}

Task<Result<SnapshotPtr>> OfflineGate::packument(PackageName name) {
  constexpr int kPatience = 6;
  auto snapshot = co_await packages_->packuments.get(name);
  for (int i = 1; i < kPatience && !snapshot && snapshot.error().code == Code::kTimeout; ++i)
    snapshot = co_await packages_->packuments.get(name);
  co_return snapshot;
}

}  // namespace npmgate
