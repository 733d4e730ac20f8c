// The watch over a whole gate on a fake clock: 10,000 packages against the budget of upstream
// requests, counted where they are sent.
#include <gtest/gtest.h>

#include <random>

#include "proxy/monitor/package_refresher.h"
#include "store/sqlite/open_state_store.h"
#include "tests/inspect/archive/tar_builder.h"
#include "tests/support/gate_rig.h"

namespace npmgate {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using testing::FakeClock;

const Time kStart = *parse_time("2026-01-01T00:00:00Z");
constexpr const char* kUrl = "https://registry.example/";
constexpr int kPackages = 10'000;

// Every package has one old release; every tenth also one of yesterday, which has to be inspected.
class Registry {
 public:
  explicit Registry(const Clock& clock) : clock_(clock) {}

  FetchReply answer(const FetchRequest& request) {
    sent.push_back(clock_.now());
    const std::string path = request.url.substr(std::string_view(kUrl).size());
    const std::string name = path.substr(0, path.find('/'));
    if (path == name) looks[name].push_back(clock_.now());
    return testing::FakeUpstream::reply(200, path == name ? packument(name) : tarball(name));
  }

  static bool is_fresh(const std::string& name) { return name.ends_with('0'); }

  std::vector<Time> sent;
  std::map<std::string, std::vector<Time>> looks;

 private:
  static std::string manifest(const std::string& name, const std::string& version) {
    return R"({"name":")" + name + R"(","version":")" + version + "\"}";
  }
  static std::string tarball(const std::string& name) {
    return testing::tgz(testing::tar_entry("package/package.json", manifest(name, "1.1.0")));
  }
  static std::string entry(const std::string& name, const std::string& version) {
    const std::string text = manifest(name, version);
    return "\"" + version + "\":" + text.substr(0, text.size() - 1) + R"(,"dist":{"tarball":")" +
           kUrl + name + "/-/" + name + "-" + version + R"(.tgz","integrity":")" +
           digest(Algorithm::kSha512, tarball(name)).sri() + "\"}}";
  }
  static std::string packument(const std::string& name) {
    const bool fresh = is_fresh(name);
    return R"({"name":")" + name + R"(","dist-tags":{"latest":")" + (fresh ? "1.1.0" : "1.0.0") +
           R"("},"versions":{)" + entry(name, "1.0.0") +
           (fresh ? "," + entry(name, "1.1.0") : std::string()) +
           R"(},"time":{"1.0.0":"2020-01-01T00:00:00.000Z","1.1.0":"2025-12-31T00:00:00.000Z"}})";
  }

  const Clock& clock_;
};

class WatchScenario : public ::testing::Test {
 protected:
  WatchScenario() {
    std::filesystem::create_directories(folder_);
    blobs_ = std::move(*open_blob_store(folder_.string()));
    config.storage_path = folder_.string();
    config.upstreams.emplace_back();
    config.upstreams.front().url = kUrl;
    upstream.answer = [this](const FetchRequest& request) { return registry.answer(request); };
    EXPECT_TRUE(active_policy.load());
  }
  ~WatchScenario() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  // Ticks as the running gate does for this long; what a look leaves to do is done before the next
  // tick.
  void watch(Millis length) {
    constexpr Millis kTick{250};
    const Dependencies deps{config, clock,         upstream, *store,    *blobs_,
                            pool_,  active_policy, metrics,  inspector_};
    Packages packages(deps, nullptr);
    std::mt19937 random(7);  // NOLINT: the same every time
    PackageRefresher refresher(
        deps, packages, nullptr, [](const std::string&) {},
        [&] { return std::uniform_real_distribution<double>(0, 1)(random); });
    net::io_context context{1};
    for (Millis passed{0}; passed < length; passed += kTick) {
      ASSERT_TRUE(testing::run_task(context, refresher.step()));
      context.restart();
      context.run();
      clock.advance(kTick);
    }
    EXPECT_EQ(refresher.watched(), static_cast<std::size_t>(kPackages));
  }

  std::filesystem::path folder_ =
      std::filesystem::path(::testing::TempDir()) / ("watch-" + random_hex(8));
  std::unique_ptr<BlobStore> blobs_;
  Pool pool_{1, 64};
  InProcessInspector inspector_{pool_};

 public:
  Config config;
  FakeClock clock{kStart};
  Registry registry{clock};
  testing::FakeUpstream upstream;
  Metrics metrics;
  std::unique_ptr<StateStore> store = std::move(open_memory_state_store().value());
  ActivePolicy active_policy{"", clock, *store, *store, metrics};
};

TEST_F(WatchScenario, TenThousandPackagesStayUnderTheConfiguredRate) {
  constexpr std::size_t kBudget = 120;
  constexpr std::size_t kLooks = 4;  // side by side: each may download one tarball more
  config.watch.budget = static_cast<int>(kBudget);
  for (int i = 0; i < kPackages; ++i) config.watch.packages.push_back("p" + std::to_string(i));
  watch(minutes(10));
  for (std::size_t i = kBudget + kLooks; i < registry.sent.size(); ++i)
    ASSERT_GE(registry.sent[i] - registry.sent[i - kBudget - kLooks], minutes(1)) << i;
  // It is used, not merely kept; tarballs are among the requests; nobody is asked twice while
  // others wait.
  EXPECT_GT(registry.sent.size(), kBudget * 9);
  EXPECT_GT(metrics.value("npm_gate_inspections_total", ""), 50);
  for (const auto& [name, times] : registry.looks) EXPECT_EQ(times.size(), 1U) << name;
}

}  // namespace
}  // namespace npmgate
