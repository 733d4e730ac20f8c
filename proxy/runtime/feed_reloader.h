// Keeps the advisory feeds that gate.yaml names in force: loads them, looks for changed files,
// loads again, swaps the whole in. One thread of its own: a whole ecosystem takes seconds to read
// and must not stand in a worker's way.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/metrics.h"
#include "feeds/feed_files.h"
#include "judge/active_policy.h"

namespace npmgate {

struct FeedStatus {
  std::vector<std::string> paths;  // empty: no feed is configured
  FeedCounts counts;               // of what is in force
  std::size_t rows = 0;
  std::optional<Time> loaded;  // when that was read
  std::string problem;         // why the files as they are now are not in force; "" = they are
};

class FeedWatch {
 public:
  FeedWatch(std::vector<std::string> paths, ActivePolicy& active_policy, const Clock& clock,
            Metrics& metrics, FeedLimits limits = {});
  // Ends the thread; a load under way stops within one file.
  ~FeedWatch();
  FeedWatch(const FeedWatch&) = delete;
  FeedWatch& operator=(const FeedWatch&) = delete;

  // Reads the feeds now and puts them in force. An error leaves what was in force before, with log
  // line, metric and status().problem. Blocks on disk. Nothing to do without paths.
  Result<void> load(std::stop_token stop = {});
  // Looks for changes from now on. Files are read once they have been quiet for one look.
  void start();
  FeedStatus status() const;

 private:
  void watch(std::stop_token stop);

  const std::vector<std::string> paths_;
  ActivePolicy& active_policy_;
  const Clock& clock_;
  Metrics& metrics_;
  const FeedLimits limits_;
  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  FeedStatus status_;
  std::uint64_t loaded_print_ = 0;  // fingerprint of what was last tried
  std::jthread thread_;             // last: it uses all of the above
};

}  // namespace npmgate
