#include "app/offline/offline_gate.h"

#include <filesystem>

#include "app/cli.h"
#include "app/inspector.h"
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
  auto gate = std::unique_ptr<OfflineGate>(new OfflineGate(std::move(config)));
  auto store = open_state_store(gate->config_.storage_path);
  if (!store) return store.error();
  gate->store_ = std::move(*store);
  auto blobs = open_blob_store(gate->config_.storage_path);
  if (!blobs) return blobs.error();
  gate->blobs_ = std::move(*blobs);
  gate->active_policy_ = std::make_unique<ActivePolicy>(policy, gate->clock_, *gate->store_,
                                                        *gate->store_, gate->metrics_);
  if (auto loaded = gate->active_policy_->load(); !loaded) return loaded.error();
  auto feed = load_feeds(gate->config_.feeds, FeedLimits{});
  if (!feed) return feed.error();
  gate->active_policy_->set_feed(feed->index);
  const auto options = client_options_here();
  if (!options) return options.error();
  gate->client_ = asks == Asks::kNobody ? std::unique_ptr<Upstream>(std::make_unique<NoUpstream>())
                                        : make_http_client(*options);
  auto inspector =
      make_inspector(gate->config_, gate->context_.get_executor(), gate->pool_, gate->metrics_);
  if (!inspector) return inspector.error();
  gate->inspector_ = std::move(*inspector);
  auto trust = TrustStore::open(gate->config_.signatures);
  if (!trust) return trust.error();
  gate->trust_ = std::move(*trust);
  gate->tags_ =
      std::make_unique<GitTagSource>(git_options(gate->config_), *gate->client_, gate->clock_);
  gate->sources_ =
      std::make_unique<SourceComparer>(gate->tags_->client(), *gate->inspector_, *gate->blobs_,
                                       gate->pool_, gate->clock_, gate->config_.limits);
  gate->branches_ = std::make_unique<GitBranches>(gate->tags_->client(), gate->clock_);
  gate->collector_ = std::make_unique<OnlineEvidenceCollector>(
      gate->config_, *gate->tags_, *gate->client_, *gate->store_, gate->pool_, gate->clock_,
      *gate->trust_, gate->config_.git_source ? gate->sources_.get() : nullptr,
      gate->config_.git_source ? gate->branches_.get() : nullptr);
  gate->packages_ = std::make_unique<Packages>(
      Dependencies{gate->config_, gate->clock_, *gate->client_, *gate->store_, *gate->blobs_,
                   gate->pool_, *gate->active_policy_, gate->metrics_, *gate->inspector_},
      asks == Asks::kOutside ? gate->collector_.get() : nullptr);
  gate->collector_->attach(gate->packages_->packuments);
  return gate;
}

Task<Result<SnapshotPtr>> OfflineGate::packument(PackageName name) {
  constexpr int kPatience = 6;
  auto snapshot = co_await packages_->packuments.get(name);
  for (int i = 1; i < kPatience && !snapshot && snapshot.error().code == Code::kTimeout; ++i)
    snapshot = co_await packages_->packuments.get(name);
  co_return snapshot;
}

}  // namespace npmgate
