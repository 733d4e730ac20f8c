#include "proxy/runtime/feed_reloader.h"

#include <algorithm>

#include "base/log.h"

namespace npmgate {
namespace {

using std::chrono::steady_clock;

// Between two looks. A look at a folder of 200,000 files takes time: then looks are this many times
// as far apart as they take.
constexpr std::chrono::milliseconds kLook{500};
constexpr int kRest = 50;

}  // namespace

FeedWatch::FeedWatch(std::vector<std::string> paths, ActivePolicy& active_policy,
                     const Clock& clock, Metrics& metrics, FeedLimits limits)
    : paths_(std::move(paths)),
      active_policy_(active_policy),
      clock_(clock),
      metrics_(metrics),
      limits_(limits) {
  status_.paths = paths_;
}

FeedWatch::~FeedWatch() {
  thread_.request_stop();
  wake_.notify_all();
}

Result<void> FeedWatch::load(std::stop_token stop) {
  if (paths_.empty()) return {};
  const auto started = steady_clock::now();
  const std::uint64_t print = feed_fingerprint(paths_);
  auto loaded = load_feeds(paths_, limits_, stop);
  const std::chrono::duration<double> took = steady_clock::now() - started;
  if (loaded) active_policy_.set_feed(loaded->index);
  const std::lock_guard lock(mutex_);
  loaded_print_ = print;
  if (!loaded) {
    if (stop.stop_requested()) return loaded.error();
    status_.problem = loaded.error().context;
    metrics_.add("npm_gate_feed_loads_total", R"(result="refused")");
    metrics_.set("npm_gate_feed_problem", "", 1);
    log::error("feed-refused",
               status_.loaded ? "the feed before it stays in force" : "no feed is in force",
               {{"problem", status_.problem}});
    return loaded.error();
  }
  status_.counts = std::move(loaded->counts);
  status_.rows = loaded->index->rows();
  status_.loaded = clock_.now();
  status_.problem.clear();
  metrics_.add("npm_gate_feed_loads_total", R"(result="loaded")");
  metrics_.set("npm_gate_feed_problem", "", 0);
  metrics_.set("npm_gate_feed_advisories", "", static_cast<double>(status_.counts.malware));
  metrics_.set("npm_gate_feed_loaded_timestamp_seconds", "",
               static_cast<double>(status_.loaded->time_since_epoch().count()) / 1000);
  log::info("feed-loaded", "advisories are in force",
            {{"malware", status_.counts.malware},
             {"records", status_.counts.records},
             {"withdrawn", status_.counts.withdrawn},
             {"unreadable", status_.counts.unreadable},
             {"bytes", loaded->index->bytes()},
             {"seconds", took.count()}});
  for (const std::string& problem : status_.counts.problems) log::warn("feed-record", problem);
  return {};
}

void FeedWatch::start() {
  if (paths_.empty()) return;
  thread_ = std::jthread([this](const std::stop_token& stop) { watch(stop); });
}

void FeedWatch::watch(std::stop_token stop) {
  std::uint64_t last = loaded_print_;
  auto pause = kLook;
  while (true) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, stop, pause, [] { return false; });
    }
    if (stop.stop_requested()) return;
    const auto started = steady_clock::now();
    const std::uint64_t now = feed_fingerprint(paths_);
    const auto took =
        std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - started);
    pause = std::max(kLook, took * kRest);
    const bool quiet = now == last;
    last = now;
    if (quiet && now != loaded_print_) load(stop);
  }
}

FeedStatus FeedWatch::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

}  // namespace npmgate
