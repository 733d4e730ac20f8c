#include "proxy/runtime/policy_reloader.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <csignal>
#include <filesystem>

#include "judge/judge.h"

namespace npmgate {
namespace {

constexpr auto kFlush = std::chrono::milliseconds(250);
// Editors write in several steps (truncate, write, rename): the files are read once they have been
// quiet for this long, or after this many times of it where they never are.
constexpr auto kSettle = std::chrono::milliseconds(50);
constexpr int kMaxSettles = 20;
constexpr std::uint32_t kEvents = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE |
                                  IN_CREATE | IN_MOVE_SELF | IN_DELETE_SELF;
// Links that lead to links: more than the kernel follows.
constexpr int kMaxLinks = 40;
constexpr std::size_t kSweepBatch = 1000;

SeenVerdict seen_verdict(const ReleaseRow& row, const Verdict& verdict,
                         const PolicySnapshot& rules) {
  SeenVerdict seen;
  seen.row.name = row.name;
  seen.row.version = row.version;
  seen.row.content_id = row.content_id;
  seen.action = to_string(verdict.action);
  seen.policy_hash = rules.policy->hash;
  for (const Reason& reason : verdict.reasons) {
    if (reason.waived_by.empty()) seen.because += (seen.because.empty() ? "" : " ") + reason.rule;
  }
  if (seen.because.empty() && !verdict.approved_by.empty())
    seen.because = "approved by " + verdict.approved_by;
  return seen;
}

}  // namespace

std::vector<std::string> folders_to_watch(const std::vector<std::string>& files) {
  namespace fs = std::filesystem;
  std::set<std::string> folders;
  for (const std::string& file : files) {
    std::error_code ec;
    fs::path rest = fs::absolute(file, ec).lexically_normal(), walked;
    folders.insert(rest.parent_path().string());
    int links = 0;
    while (!rest.empty() && links < kMaxLinks) {
      const fs::path part = *rest.begin();
      const fs::path here = walked / part;
      fs::path after;
      for (auto it = std::next(rest.begin()); it != rest.end(); ++it) after /= *it;
      if (!fs::is_symlink(here, ec)) {
        walked = here;
        rest = after;
        continue;
      }
      ++links;
      folders.insert(here.parent_path().string());
      const fs::path target = fs::read_symlink(here, ec);
      rest = ((target.is_absolute() ? target : walked / target) / after).lexically_normal();
      walked.clear();
    }
    if (walked.has_parent_path()) folders.insert(walked.parent_path().string());
  }
  return {folders.begin(), folders.end()};
}

Result<std::size_t> record_changed_verdicts(StateStore& store, const PolicySnapshot& rules,
                                            Time now, std::string_view name) {
  std::vector<SeenVerdict> changed;
  const auto look = [&](const ReleaseRow& row) {
    const Verdict verdict = decide(*rules.policy, row.subject, findings_now(row, rules.feed.get()),
                                   rules.of(row.name), now);
    if (to_string(verdict.action) != row.verdict)
      changed.push_back(seen_verdict(row, verdict, rules));
  };
  if (name.empty()) {
    if (auto done = store.for_each_release(look); !done) return done.error();
  } else {
    const auto rows = store.releases_of(name);
    if (!rows) return rows.error();
    for (const ReleaseRow& row : *rows) look(row);
  }
  std::size_t written = 0;
  for (std::size_t at = 0; at < changed.size(); at += kSweepBatch) {
    const auto begin = changed.begin() + static_cast<std::ptrdiff_t>(at);
    const auto end =
        changed.begin() + static_cast<std::ptrdiff_t>(std::min(changed.size(), at + kSweepBatch));
    auto done = store.record_verdicts({begin, end}, now);
    if (!done) return done.error();
    written += *done;
  }
  return written;
}

PolicyReloader::PolicyReloader(net::any_io_executor executor, ActivePolicy& active_policy,
                               AuditWriter& audit_writer, StateStore& store, Pool& pool)
    : executor_(executor),
      active_policy_(active_policy),
      audit_writer_(audit_writer),
      store_(store),
      pool_(pool),
      inotify_(executor),
      hangup_(executor, SIGHUP) {}

void PolicyReloader::start() {
  note_load(ActivePolicy::Loaded::kSwapped);
  spawn_detached(executor_, "flush", [this] { return flush_loop(); });
  spawn_detached(executor_, "hangup", [this] { return hangup_loop(); });
  if (active_policy_.file().empty()) return;
  const int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (fd < 0) {
    log::warn("inotify", "policy changes are only noticed on SIGHUP");
    return;
  }
  inotify_.assign(fd);
  watch_folders();
  spawn_detached(executor_, "policy watch", [this] { return policy_loop(); });
}

void PolicyReloader::stop() {
  stopping_ = true;
  boost::system::error_code ignored;
  inotify_.cancel(ignored);
  hangup_.cancel(ignored);
}

// Folders, not files: a rename over a file (what editors and configuration tools do) would end a
// watch on its inode. Folders that were replaced get a new watch. True where one was added.
bool PolicyReloader::watch_folders() {
  bool added = false;
  if (!inotify_.is_open()) return added;
  for (const std::string& folder : folders_to_watch(active_policy_.watched())) {
    const int watch = inotify_add_watch(inotify_.native_handle(), folder.c_str(), kEvents);
    if (watch >= 0 && watches_.insert(watch).second) added = true;
  }
  return added;
}

void PolicyReloader::note_load(const Result<ActivePolicy::Loaded>& loaded) {
  AuditEntry entry;
  entry.at = SystemClock().now();
  entry.actor = "gate";
  entry.policy_hash = active_policy_.rules()->policy->hash;
  const std::string file =
      active_policy_.file().empty() ? "built-in policy" : active_policy_.file();
  boost::json::object detail{{"file", file}};
  if (loaded) {
    entry.kind = "policy-loaded";
    log::info("policy-loaded", file, {{"hash", entry.policy_hash}});
  } else {
    entry.kind = "policy-refused";
    boost::json::array problems;
    for (const Problem& problem : active_policy_.problems())
      problems.push_back(boost::json::string(problem.str()));
    detail["problems"] = std::move(problems);
    log::error("policy-refused", "the policy before it stays in force",
               {{"problem", loaded.error().context}});
  }
  entry.detail = boost::json::serialize(detail);
  audit_writer_.audit(std::move(entry));
}

// A full pool says nothing about the policy: the load waits for room, or the edit would be lost.
Task<Result<ActivePolicy::Loaded>> PolicyReloader::load() {
  net::steady_timer pause(executor_);
  while (true) {
    std::function<Result<ActivePolicy::Loaded>()> work = [this] { return active_policy_.load(); };
    auto loaded = co_await pool_.offload(std::move(work));
    const bool full = !loaded && loaded.error().origin == Origin::kSelf && loaded.error().retry;
    if (!full || stopping_) co_return loaded;
    pause.expires_after(kSettle);
    co_await pause.async_wait(kTuple);
  }
}

Task<void> PolicyReloader::reload() {
  auto loaded = co_await load();
  // A change between the look and the watch would go unnoticed.
  if (watch_folders()) {
    auto second = co_await load();
    if (!second || *second == ActivePolicy::Loaded::kSwapped) loaded = second;
  }
  if (loaded && *loaded != ActivePolicy::Loaded::kSwapped) co_return;
  note_load(loaded);
  if (!loaded) co_return;
  const std::shared_ptr<const PolicySnapshot> rules = active_policy_.rules();
  std::function<Result<std::size_t>()> sweep = [this, rules] {
    return record_changed_verdicts(store_, *rules, SystemClock().now());
  };
  auto changed = co_await pool_.offload(std::move(sweep));
  if (!changed) log::error("records", to_string(changed.error()));
  if (changed && *changed > 0)
    log::info("verdicts-changed", "by the policy now in force", {{"releases", *changed}});
}

Task<void> PolicyReloader::flush_loop() {
  net::steady_timer tick(executor_);
  while (!stopping_) {
    tick.expires_after(kFlush);
    co_await tick.async_wait(kTuple);
    std::function<Result<bool>()> work = [this]() -> Result<bool> {
      audit_writer_.flush();
      return true;
    };
    co_await pool_.offload(std::move(work));
  }
}

// Waits until nothing has happened for a while. False: the gate stops.
Task<bool> PolicyReloader::settled() {
  std::array<char, 8192> events{};
  net::steady_timer settle(executor_);
  for (int i = 0; i < kMaxSettles && !stopping_; ++i) {
    settle.expires_after(kSettle);
    co_await settle.async_wait(kTuple);
    bool more = false;
    while (::read(inotify_.native_handle(), events.data(), events.size()) > 0) more = true;
    if (!more) break;
  }
  co_return !stopping_;
}

Task<void> PolicyReloader::policy_loop() {
  std::array<char, 8192> events{};
  while (!stopping_) {
    auto [error, count] = co_await inotify_.async_read_some(net::buffer(events), kTuple);
    if (error) co_return;
    const bool go_on = co_await settled();
    if (!go_on) co_return;
    co_await reload();
  }
}

Task<void> PolicyReloader::hangup_loop() {
  while (!stopping_) {
    auto [error, number] = co_await hangup_.async_wait(kTuple);
    if (error) co_return;
    co_await reload();
  }
}

}  // namespace npmgate
