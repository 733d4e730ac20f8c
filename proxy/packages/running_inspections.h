// Which tarballs are being inspected at this moment, and how far that is: for people who wait.
#pragma once

#include <chrono>
#include <list>
#include <mutex>
#include <string>
#include <vector>

namespace npmgate {

// Thread-safe.
class RunningInspections {
 public:
  struct Running {
    std::string name, version;
    const char* step = "";  // in words; a literal
    std::chrono::steady_clock::time_point since{};
  };

  // Listed as long as it lives.
  class Mark {
   public:
    Mark(RunningInspections& all, std::string name, std::string version) : all_(all) {
      const std::lock_guard lock(all_.mutex_);
      all_.running_.push_back(
          {std::move(name), std::move(version), "", std::chrono::steady_clock::now()});
      at_ = std::prev(all_.running_.end());
    }
    ~Mark() {
      const std::lock_guard lock(all_.mutex_);
      all_.running_.erase(at_);
    }
    Mark(const Mark&) = delete;
    Mark& operator=(const Mark&) = delete;
    void step(const char* words) {
      const std::lock_guard lock(all_.mutex_);
      at_->step = words;
    }

   private:
    RunningInspections& all_;
    std::list<Running>::iterator at_;
  };

  // The longest running first.
  std::vector<Running> now() const {
    const std::lock_guard lock(mutex_);
    return {running_.begin(), running_.end()};
  }

 private:
  mutable std::mutex mutex_;
  std::list<Running> running_;
};

}  // namespace npmgate
