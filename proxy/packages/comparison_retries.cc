#include "proxy/packages/comparison_retries.h"

#include <algorithm>

namespace npmgate {
namespace {

constexpr Millis kFirst = std::chrono::seconds(5);
constexpr Millis kLongest = std::chrono::minutes(10);
constexpr int kDoublings = 7;  // 5 s doubled so often is over kLongest

}  // namespace

void ComparisonRetries::failed(const std::string& name, const std::string& version,
                               const std::string& upstream, std::string reason, Time now) {
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_[{name, version}];
  entry.upstream = upstream;
  entry.reason = std::move(reason);
  entry.asked = now;
  entry.next = now + std::min(kLongest, kFirst * (1 << std::min(entry.attempts, kDoublings)));
  ++entry.attempts;
  entry.hurried = false;
  count();
}

void ComparisonRetries::ended(const std::string& name, const std::string& version) {
  const std::lock_guard lock(mutex_);
  if (entries_.erase({name, version}) > 0) count();
}

ComparisonRetry ComparisonRetries::look(const std::string& name, std::string_view version,
                                        Time now) const {
  const std::lock_guard lock(mutex_);
  const auto it = entries_.find(Key{name, version});
  if (it == entries_.end()) return {};
  // A clock that went back must not silence it.
  const bool due = now >= it->second.next || now < it->second.asked;
  return {due, it->second.reason};
}

void ComparisonRetries::answered(const std::string& upstream) {
  const std::lock_guard lock(mutex_);
  for (auto& [key, entry] : entries_) {
    if (entry.upstream != upstream || entry.hurried) continue;
    entry.next = std::min(entry.next, entry.asked + kFirst);
    entry.hurried = true;
  }
}

std::vector<ComparisonRetries::Waiting> ComparisonRetries::due(Time now) const {
  const std::lock_guard lock(mutex_);
  std::vector<Waiting> out;
  for (const auto& [key, entry] : entries_) {
    if (now >= entry.next || now < entry.asked) out.push_back({key.first, key.second});
  }
  return out;
}

bool ComparisonRetries::empty() const {
  const std::lock_guard lock(mutex_);
  return entries_.empty();
}

void ComparisonRetries::count() const {
  metrics_.set("npm_gate_comparisons_waiting", "", static_cast<double>(entries_.size()));
}

}  // namespace npmgate
