#include "store/disk/blob_index.h"

#include <algorithm>

namespace npmgate {

BlobIndex::Entry& BlobIndex::entry(const std::string& hex, std::uint64_t size) {
  Entry& entry = entries_[hex];
  total_ += size - entry.size;
  entry.size = size;
  entry.last_use = ++clock_;
  return entry;
}

void BlobIndex::found(const std::string& hex, std::uint64_t size) {
  const std::lock_guard lock(mutex_);
  entry(hex, size).verified.reset();
}

void BlobIndex::verified(const std::string& hex, const FileStamp& stamp) {
  const std::lock_guard lock(mutex_);
  Entry& known = entry(hex, stamp.size);
  known.verified = is_racy(stamp) ? std::nullopt : std::optional(stamp);
}

bool BlobIndex::is_verified(std::string_view hex, const FileStamp& stamp) const {
  const std::lock_guard lock(mutex_);
  const auto it = entries_.find(hex);
  return it != entries_.end() && it->second.verified == stamp;
}

void BlobIndex::used(std::string_view hex) {
  const std::lock_guard lock(mutex_);
  const auto it = entries_.find(hex);
  if (it != entries_.end()) it->second.last_use = ++clock_;
}

void BlobIndex::gone(std::string_view hex) {
  const std::lock_guard lock(mutex_);
  const auto it = entries_.find(hex);
  if (it == entries_.end()) return;
  total_ -= it->second.size;
  entries_.erase(it);
}

std::uint64_t BlobIndex::total() const {
  const std::lock_guard lock(mutex_);
  return total_;
}

std::vector<BlobIndex::Candidate> BlobIndex::least_recent_first() const {
  std::vector<Candidate> out;
  {
    const std::lock_guard lock(mutex_);
    out.reserve(entries_.size());
    for (const auto& [hex, entry] : entries_) out.push_back({hex, entry.last_use});
  }
  std::sort(out.begin(), out.end(),
            [](const Candidate& a, const Candidate& b) { return a.last_use < b.last_use; });
  return out;
}

bool BlobIndex::unused_since(const Candidate& candidate) const {
  const std::lock_guard lock(mutex_);
  const auto it = entries_.find(candidate.hex);
  return it != entries_.end() && it->second.last_use == candidate.last_use;
}

}  // namespace npmgate
