// What the blob store knows of its files without touching the disk: sizes, the state last verified,
// and the order of use.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "store/disk/disk.h"

namespace npmgate {

// Thread-safe. Names are hex SHA-512.
class BlobIndex {
 public:
  // Found by a scan: there, but not verified in this process.
  void found(const std::string& hex, std::uint64_t size);
  // Known to hash to its name in this state of the file. A stamp too fresh to tell a later edit is
  // not remembered as verified.
  void verified(const std::string& hex, const FileStamp& stamp);
  bool is_verified(std::string_view hex, const FileStamp& stamp) const;
  void used(std::string_view hex);
  void gone(std::string_view hex);
  std::uint64_t total() const;

  struct Candidate {
    std::string hex;
    std::uint64_t last_use = 0;
  };
  std::vector<Candidate> least_recent_first() const;
  // Whether nothing used it since `candidate` was listed.
  bool unused_since(const Candidate& candidate) const;

 private:
  struct Entry {
    std::uint64_t size = 0;
    std::uint64_t last_use = 0;
    std::optional<FileStamp> verified;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  Entry& entry(const std::string& hex, std::uint64_t size);

  mutable std::mutex mutex_;
  std::unordered_map<std::string, Entry, Hash, std::equal_to<>> entries_;
  std::uint64_t total_ = 0;
  std::uint64_t clock_ = 0;  // counts uses
};

}  // namespace npmgate
