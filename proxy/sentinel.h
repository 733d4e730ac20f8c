// Notices that a release's standing has changed, whatever changed it (a new release, evidence,
// policy, feed, decision, time), and puts the news into the outbox in one transaction with the new
// standing.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "alert/event.h"
#include "proxy/packages.h"

namespace npmgate {

class Sentinel {
 public:
  // Repository URLs of the subscribed projects that lock a release. Blocks on disk.
  using Subscribers =
      std::function<Result<std::vector<std::string>>(const std::string&, const std::string&)>;

  Sentinel(Gear gear, Packages& packages, Subscribers subscribers)
      : gear_(gear), packages_(packages), subscribers_(std::move(subscribers)) {}

  // Something of this package was judged anew: it is looked at within a second. Thread-safe.
  void touched(const std::string& name);
  // Looks until the loop ends: at once at what was touched, at everything when the rules have
  // changed and once a minute (holds end by time).
  Task<void> run();
  // One look; `all`: at every release, not only at those touched. Returns how many standings
  // changed.
  Task<Result<int>> look(bool all);

 private:
  struct Change {
    Change() {}
    ReleaseRow row;
    std::vector<Finding> findings;
    Verdict verdict;
    std::optional<Standing> before;
    Standing now = Standing::kClear;
    std::string fixes;  // the bad version below it, where it is the first good one after it
  };
  struct Key {
    std::string name, version, content_id;
    friend auto operator<=>(const Key&, const Key&) = default;
  };

  Result<std::vector<Change>> changes(const std::set<std::string>& names, bool all);
  void consider(const ReleaseRow& row, const Rules& rules, Time now, std::vector<Change>& out);
  bool withdrawn(const ReleaseRow& row);
  std::string bad_below(const ReleaseRow& row) const;
  Result<bool> load();
  Task<Result<bool>> tell(Change change);
  Result<AlertEvent> describe(const Change& change, EventKind kind, const SnapshotPtr& snapshot);
  Result<void> add_holders(AlertEvent& event, bool& somebody) const;
  Result<bool> record(const Change& change, std::optional<AlertEvent> event);
  Result<bool> report_trouble();

  Gear gear_;
  Packages& packages_;
  Subscribers subscribers_;
  std::mutex mutex_;
  std::set<std::string> touched_;
  // Used by look() only, which runs once at a time.
  std::map<Key, Standing> known_;
  bool loaded_ = false, prime_ = false;
  std::uint64_t seen_revision_ = 0;
  std::string trouble_;
};

}  // namespace npmgate
