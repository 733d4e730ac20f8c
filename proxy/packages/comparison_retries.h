// Tarballs that comparisons need and that were asked for in vain: when each is asked for again.
// Forgotten when the process ends; after a start everything is due. Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "base/time.h"
#include "judge/judge.h"

namespace npmgate {

class ComparisonRetries {
 public:
  struct Waiting {
    std::string name, version;
  };

  explicit ComparisonRetries(Metrics& metrics) : metrics_(metrics) {}

  // The tarball that name@version is to be compared with is not there. Asked again after 5 s, then
  // twice as long each time, at most 10 minutes.
  void failed(const std::string& name, const std::string& version, const std::string& upstream,
              std::string reason, Time now);
  // It is there, or needed no longer.
  void ended(const std::string& name, const std::string& version);
  // Whether it is due, and why it failed last.
  ComparisonRetry look(const std::string& name, std::string_view version, Time now) const;
  // The upstream answers: what it failed to send is due 5 s after it was last asked for.
  void answered(const std::string& upstream);
  // What is due now; nothing is taken out.
  std::vector<Waiting> due(Time now) const;
  bool empty() const;

 private:
  struct Entry {
    std::string upstream, reason;
    int attempts = 0;
    Time asked{}, next{};
    bool hurried = false;
  };
  using Key = std::pair<std::string, std::string>;
  void count() const;

  Metrics& metrics_;
  mutable std::mutex mutex_;
  std::map<Key, Entry, std::less<>> entries_;
};

}  // namespace npmgate
