// The policy in force and the admins' decisions, swapped as wholes. Thread-safe; readers take a
// shared_ptr and keep it for one answer, so that every answer is explained by exactly one policy
// version.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "feeds/feed.h"
#include "policy/decide.h"
#include "store/decision_store.h"
#include "store/setting_store.h"

namespace npmgate {

// Who a release is judged for: approvals can be for one token or one project alone.
struct Audience {
  std::string token;    // "" = none came; its name, which the token proves
  std::string project;  // as the client states it
};

struct PolicySnapshot {
  std::shared_ptr<const Policy> policy;
  std::vector<Decision> decisions;   // all, those for some alone too
  std::shared_ptr<const Feed> feed;  // advisories in force; null: none are loaded
  std::uint64_t revision = 0;        // grows with every swap; part of every cache key
  // Those about `name` that are for everybody.
  std::vector<Decision> of(std::string_view name) const;
  // Those about `name`, for whomever they are.
  std::vector<Decision> all_of(std::string_view name) const;
  // Approvals in force or to come about `name` for this audience alone; whether time has ended them
  // is for decide() to say.
  std::vector<Decision> approvals_for(std::string_view name, const Audience& audience) const;
  bool any_for_some = false;  // of `decisions`: some approval is for some alone
};

class ActivePolicy {
 public:
  // `policy_file` "" = the built-in default policy.
  ActivePolicy(std::string policy_file, const Clock& clock, DecisionStore& decisions,
               SettingStore& settings, Metrics& metrics)
      : file_(std::move(policy_file)),
        clock_(clock),
        decisions_(decisions),
        settings_(settings),
        metrics_(metrics) {}

  // What a load came to. kUnchanged: the files say what is in force already; nothing was swapped,
  // so that no finished answer is thrown away. kRepeated: refused for the same problems as before.
  // kLastGood: refused at start, the last good one is in force.
  enum class Loaded { kSwapped, kUnchanged, kRepeated, kLastGood };
  // Loads the policy and the decisions. An invalid policy leaves the one before it in force, at
  // start the last good one that this data folder knows (kept with its hash); log, metric and
  // problems() say why. An error at start only if there is none. Blocks on disk.
  Result<Loaded> load();
  // Decisions changed in the store: read them again. On return they are in force: the next answer
  // is made with them. Blocks on disk.
  Result<void> reload_decisions();
  // Advisories changed: from now on everything is judged by these.
  void set_feed(std::shared_ptr<const Feed> feed);

  std::shared_ptr<const PolicySnapshot> rules() const {
    const std::lock_guard lock(mutex_);
    return rules_;
  }
  std::uint64_t revision() const { return revision_.load(std::memory_order_acquire); }
  // Whether some approval in force is for some alone: without one, nobody's name makes a
  // difference.
  bool any_for_some() const { return any_for_some_.load(std::memory_order_acquire); }
  std::vector<Problem> problems() const;  // of the last load; empty = the file on disk is in force
  // Files that the last load read or looked for; empty for the built-in policy.
  std::vector<std::string> watched() const;
  const std::string& file() const { return file_; }

 private:
  void swap(std::shared_ptr<PolicySnapshot> next);
  void keep_last_good(const std::string& hash,
                      const std::vector<std::pair<std::string, std::string>>& texts);
  std::shared_ptr<const Policy> last_good() const;

  std::string file_;
  const Clock& clock_;
  DecisionStore& decisions_;
  SettingStore& settings_;
  Metrics& metrics_;
  // Held over reading and swapping, so that what is read last is also what is swapped in last.
  std::mutex loading_;
  mutable std::mutex mutex_;
  std::shared_ptr<const PolicySnapshot> rules_;
  std::shared_ptr<const Feed> feed_;
  std::vector<Problem> problems_;
  std::vector<std::string> files_;
  std::atomic<std::uint64_t> revision_{0};
  std::atomic<bool> any_for_some_{false};
};

}  // namespace npmgate
