#include "proxy/packages/failure_memory.h"

#include <algorithm>

namespace npmgate {

std::optional<Error> FailureMemory::remembered(const std::string& key) {
  const Time now = clock_.now();
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(key);
  // A clock that was set back must not make a failure last.
  if (found == entries_.end() || found->second.until <= now ||
      found->second.until - now > kContent.most)
    return std::nullopt;
  return found->second.error;
}

void FailureMemory::failed(const std::string& key, const Error& error, Backoff backoff) {
  const Time now = clock_.now();
  const double chance = 1.0 - 0.25 * random_();
  const std::lock_guard lock(mutex_);
  if (entries_.size() >= kMaxEntries && !entries_.contains(key)) {
    std::erase_if(entries_, [now](const auto& entry) { return entry.second.until <= now; });
    if (entries_.size() >= kMaxEntries) entries_.clear();
  }
  Entry& entry = entries_[key];
  entry.error = error;
  entry.times = std::min(entry.times + 1, 20);
  const auto grown = std::min(backoff.first.count() << (entry.times - 1), backoff.most.count());
  entry.until = now + Millis(static_cast<std::int64_t>(static_cast<double>(grown) * chance));
}

void FailureMemory::succeeded(const std::string& key) {
  const std::lock_guard lock(mutex_);
  entries_.erase(key);
}

}  // namespace npmgate
