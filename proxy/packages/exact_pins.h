// Which releases are parts of another one that was inspected: pinned exactly by it, and of the same
// owner. Platform packages are judged on what is stated about them until somebody wants them.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "registry/manifest.h"

namespace npmgate {

// Published by the same account, or from the same repository.
bool same_owner(const Release& a, const Release& b);

// In memory only: what was forgotten is no part, and inspected like any other. Thread-safe.
class ExactPins {
 public:
  // Of a release that was inspected: what its dependencies and optional dependencies pin.
  void note(const Release& parent);
  // Whether a release that was noted pins this one.
  bool holds(const Release& release) const;

 private:
  // Some 10,000 releases with platform packages; begun anew beyond.
  static constexpr std::size_t kMost = 65'536;
  using Owner = std::shared_ptr<const Release>;  // nothing but who and where from

  bool is_known(const std::string& key, const Release& owner) const;  // under the lock

  mutable std::mutex mutex_;
  std::unordered_multimap<std::string, Owner> owners_;  // by name@version
};

}  // namespace npmgate
