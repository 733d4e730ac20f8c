// A bounded map of finished, immutable things that every loop reads: a look-up takes the lock
// shared and writes nothing that another one reads, unless the entry was not used since the last
// eviction. Thread-safe.
#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace npmgate {

template <class Value>
class FinishedCache {
 public:
  using Ptr = std::shared_ptr<const Value>;

  // Null if there is none.
  Ptr find(std::string_view key) const {
    const std::shared_lock lock(mutex_);
    const auto it = slots_.find(key);
    if (it == slots_.end()) return nullptr;
    if (!it->second.used.load(std::memory_order_relaxed))
      it->second.used.store(true, std::memory_order_relaxed);
    return it->second.value;
  }

  // `make` gets what is there under `key` (or null) and returns what takes its place. `weigh` says
  // what that counts against `room`; others go until all fit, those first that were not used for
  // longest (second chance), but never the new one. Returns it.
  Ptr put(std::string_view key, std::size_t room, const std::function<Ptr(const Ptr&)>& make,
          const std::function<std::size_t(const Value&)>& weigh) {
    const std::lock_guard lock(mutex_);
    auto it = slots_.find(key);
    if (it == slots_.end()) {
      it = slots_.try_emplace(std::string(key)).first;
      it->second.turn = turns_.insert(turns_.end(), &it->first);
    }
    Slot& slot = it->second;
    slot.value = make(slot.value);
    const std::size_t weight = weigh(*slot.value);
    weight_ += weight - slot.weight;
    slot.weight = weight;
    slot.used = true;
    turns_.splice(turns_.end(), turns_, slot.turn);
    make_room(room);
    return slot.value;
  }

  void erase(std::string_view key) {
    const std::lock_guard lock(mutex_);
    if (const auto it = slots_.find(key); it != slots_.end()) drop(it);
  }
  std::size_t weight() const {
    const std::shared_lock lock(mutex_);
    return weight_;
  }
  std::size_t size() const {
    const std::shared_lock lock(mutex_);
    return slots_.size();
  }

 private:
  struct Slot {
    Ptr value;
    std::size_t weight = 0;
    std::list<const std::string*>::iterator turn;
    mutable std::atomic<bool> used{true};
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  using Slots = std::unordered_map<std::string, Slot, Hash, std::equal_to<>>;

  // The last in turn is the one just put.
  void make_room(std::size_t room) {
    while (weight_ > room && turns_.size() > 1) {
      const auto oldest = slots_.find(*turns_.front());
      if (oldest->second.used.exchange(false)) {
        turns_.splice(std::prev(turns_.end()), turns_, oldest->second.turn);
        continue;
      }
      drop(oldest);
    }
  }
  void drop(typename Slots::iterator it) {
    weight_ -= it->second.weight;
    turns_.erase(it->second.turn);
    slots_.erase(it);
  }

  mutable std::shared_mutex mutex_;
  Slots slots_;
  std::list<const std::string*> turns_;
  std::size_t weight_ = 0;
};

}  // namespace npmgate
