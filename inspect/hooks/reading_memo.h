// What was read of files, kept by their digest: the next release has most files of the one before
// it, and a file that did not change is not parsed twice.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "inspect/code/features.h"
#include "inspect/code/tree.h"
#include "inspect/syntax/capabilities.h"

namespace npmgate::code {

// One for each thread. What it hands out is what read_code() and measure_code() would say: a
// reading is a function of path, bytes and calls, and the digest stands for the bytes. Readings
// that the limit of time cut off are not kept. The least recently used go when it is full.
class ReadingMemo {
 public:
  // Bytes, as estimated: some 40,000 files. A worker has 1 GiB for everything.
  static constexpr std::size_t kMostBytes = 48u << 20;

  static ReadingMemo& of_thread();
  explicit ReadingMemo(std::size_t most_bytes = kMostBytes) : most_bytes_(most_bytes) {}

  // read_code(path, body, limits, called); `sha256` is body's.
  std::shared_ptr<const FileReading> read(std::string_view sha256, std::string_view path,
                                          std::string_view body, const ParseLimits& limits,
                                          const std::set<std::string>& called);
  // measure_code(body, syntax).
  CodeFeatures measure(std::string_view sha256, std::string_view body, Syntax syntax);
  std::size_t bytes() const { return bytes_; }
  std::size_t hits() const { return hits_; }

 private:
  struct Kept {
    std::string key;
    std::size_t bytes = 0;
    std::shared_ptr<const FileReading> reading;
    std::shared_ptr<const CodeFeatures> features;
  };

  Kept* find(const std::string& key);
  void keep(Kept kept);

  const std::size_t most_bytes_;
  std::size_t bytes_ = 0, hits_ = 0;
  std::list<Kept> kept_;  // the last used first
  std::unordered_map<std::string_view, std::list<Kept>::iterator> by_key_;
};

}  // namespace npmgate::code
