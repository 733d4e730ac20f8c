#include "inspect/hooks/reading_memo.h"

#include <utility>

namespace npmgate::code {
namespace {

constexpr std::size_t kOverhead = 200;  // of an entry, beside its texts

std::size_t size_of(const std::vector<std::string>& texts) {
  std::size_t bytes = 0;
  for (const auto& text : texts) bytes += text.size() + sizeof(text);
  return bytes;
}

std::size_t size_of(const FileReading& read) {
  std::size_t bytes = sizeof(read) + size_of(read.hosts);
  for (const auto& one : read.reading.capabilities)
    bytes += sizeof(one) + one.kind.size() + one.name.size() + one.text.size();
  for (const auto& load : read.loads) bytes += sizeof(load) + load.name.size();
  for (const auto& call : read.calls) bytes += sizeof(call) + call.module.size() + call.name.size();
  return bytes;
}

}  // namespace

ReadingMemo& ReadingMemo::of_thread() {
  static thread_local ReadingMemo memo;
  return memo;
}

std::shared_ptr<const FileReading> ReadingMemo::read(std::string_view sha256, std::string_view path,
                                                     std::string_view body,
                                                     const ParseLimits& limits,
                                                     const std::set<std::string>& called) {
  // A NUL is in no path and no name of an export. Of some files the digest alone was kept, and no
  // body: the size tells.
  std::string key =
      "r" + std::string(sha256) + std::to_string(body.size()) + " " + std::string(path);
  (key += '\0') += std::to_string(limits.max_bytes) + " " + std::to_string(limits.max_microseconds);
  for (const auto& name : called) (key += '\0') += name;
  if (const Kept* known = find(key)) return known->reading;
  auto read = std::make_shared<const FileReading>(read_code(path, body, limits, called));
  if (read->reading.unread != "too-long") keep({std::move(key), size_of(*read), read, nullptr});
  return read;
}

CodeFeatures ReadingMemo::measure(std::string_view sha256, std::string_view body, Syntax syntax) {
  std::string key = "m" + std::to_string(static_cast<int>(syntax)) + std::string(sha256) +
                    std::to_string(body.size());
  if (const Kept* known = find(key)) return *known->features;
  auto features = std::make_shared<const CodeFeatures>(measure_code(body, syntax));
  const auto bytes = sizeof(*features) + size_of(features->traits) + size_of(features->endpoints);
  keep({std::move(key), bytes, nullptr, features});
  return *features;
}

ReadingMemo::Kept* ReadingMemo::find(const std::string& key) {
  const auto it = by_key_.find(key);
  if (it == by_key_.end()) return nullptr;
  ++hits_;
  kept_.splice(kept_.begin(), kept_, it->second);
  return &*it->second;
}

void ReadingMemo::keep(Kept kept) {
  kept.bytes += kept.key.size() + kOverhead;
  if (kept.bytes > most_bytes_ / 8) return;
  bytes_ += kept.bytes;
  kept_.push_front(std::move(kept));
  by_key_.emplace(kept_.front().key, kept_.begin());
  while (bytes_ > most_bytes_) {
    bytes_ -= kept_.back().bytes;
    by_key_.erase(kept_.back().key);
    kept_.pop_back();
  }
}

}  // namespace npmgate::code
