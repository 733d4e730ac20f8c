// Notices that a release's standing has changed, whatever changed it (a new release, evidence,
// policy, feed, decision, time), and puts the news into the outbox in one transaction with the new
// standing. Tells a project that uploads what it locks of what is refused already.
//
// A release's standing (alert/event.h) follows from its row, the policy, decisions and the time:
// nothing here sets it. look() compares it with the one that was last told:
//
//   load()      once: the standings told before. On the first start of a gate that alerts all that
//   is
//               known is written down without news (`prime_`)
//   changes()   the rows of the packages touched since, or all of them: after a minute, and when
//   the
//               rules changed
//   tell()      what news a change is, for whom; record() writes standing, event, addresses and
//   audit
//               entry in one transaction. Only then known_ moves
//
// What fails stays touched, or unequal to known_, and is found again by the next look.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "alert/event.h"
#include "alert/settings.h"
#include "proxy/packages/packages.h"
#include "store/alert_store.h"

namespace npmgate {

class StandingMonitor {
 public:
  // Repository URLs of the subscribed projects that lock a release. Blocks on disk.
  using Subscribers =
      std::function<Result<std::vector<std::string>>(const std::string&, const std::string&)>;

  StandingMonitor(Dependencies deps, Packages& packages, Subscribers subscribers)
      : deps_(deps), packages_(packages), subscribers_(std::move(subscribers)) {}

  // Something of this package was judged again: it is looked at within a second. Thread-safe.
  void touched(const std::string& name);
  // A project uploaded what it locks: within a second its repository is told of those of `refused`
  // that it has not heard of, and its issues about releases that it no longer locks are closed.
  // Forgotten when the process ends; every upload asks for the whole again. Thread-safe.
  struct Upload {
    Upload() {}
    std::string repository;                                    // https URL
    std::vector<std::pair<std::string, std::string>> refused;  // name, version
  };
  void uploaded(Upload upload);
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
    std::string fixes;  // the bad version below it, if it is the first good one after it
  };
  struct Key {
    std::string name, version, content_id;
    friend auto operator<=>(const Key&, const Key&) = default;
  };

  // One issue tracker of a project (standing_monitor_projects.cc).
  struct Project {
    Project() {}
    std::string url;
    const SinkSettings* sink = nullptr;
    OutboxAddress address;
  };
  Task<void> greet_all();
  Task<Result<int>> greet(Upload upload);
  Task<Result<int>> tell_project(Project project, std::string name, std::string version);
  Task<Result<int>> end_dropped(Project project, std::string name, std::string version);
  std::vector<Project> trackers_of(const std::string& repository) const;
  Result<std::vector<StoredIssue>> dropped(const Project& project);
  Result<std::optional<Change>> refusal_of(const std::string& name, const std::string& version);
  Task<SnapshotPtr> snapshot_of(std::string name);
  Result<std::vector<OutboxAddress>> addresses_of(const AlertEvent& event) const;

  Result<std::vector<Change>> changes(const std::set<std::string>& names, bool all);
  void consider(const ReleaseRow& row, const PolicySnapshot& rules, Time now,
                std::vector<Change>& out);
  bool withdrawn(const ReleaseRow& row);
  static bool bad_while_listed(const ReleaseRow& row, std::vector<Finding> findings,
                               const PolicySnapshot& rules, Time now);
  std::string bad_below(const ReleaseRow& row) const;
  Result<bool> load();
  Task<Result<bool>> tell(Change change);
  static std::string repository_of(const SnapshotPtr& snapshot, const std::string& version,
                                   const std::string& baseline);
  Result<AlertEvent> describe(const Change& change, EventKind kind, const SnapshotPtr& snapshot);
  Result<void> add_holders(AlertEvent& event, bool& somebody) const;
  Result<bool> record(const Change& change, std::optional<AlertEvent> event);
  Result<bool> report_trouble();

  Dependencies deps_;
  Packages& packages_;
  Subscribers subscribers_;
  std::mutex mutex_;
  std::set<std::string> touched_;
  std::vector<Upload> uploads_;
  // Used by look() only, which runs once at a time.
  std::map<Key, Standing> known_;
  bool loaded_ = false, prime_ = false;
  std::uint64_t seen_revision_ = 0;
  std::string trouble_;
};

}  // namespace npmgate
