#include "proxy/runtime/policy_reloader.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <csignal>
#include <filesystem>

#include "judge/verdict_log.h"

namespace npmgate {
namespace {

constexpr auto kFlush = std::chrono::milliseconds(250);
// Editors write in several steps (truncate, write, rename): the files are read once they have been
// quiet for this long, or after this many times of it if they never are.
constexpr auto kSettle = std::chrono::milliseconds(50);
constexpr int kMaxSettles = 20;
// A load that failed is tried again without an event: one bad moment of the disk must not keep an
// edit out of force. Each time after twice the ticks, up to about a minute.
constexpr auto kRetryTick = std::chrono::milliseconds(500);
constexpr int kMostRetryTicks = 120;
constexpr std::uint32_t kEvents = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE |
                                  IN_CREATE | IN_MOVE_SELF | IN_DELETE_SELF;
// Links that lead to links: more than the kernel follows.
constexpr int kMaxLinks = 40;

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
  look_at_last_entry();
  const std::vector<Problem> problems = active_policy_.problems();
  if (problems.empty()) {
    note_load(ActivePolicy::Loaded::kSwapped);
  } else {
    note_load(fail(Code::kMalformed, Origin::kPolicy, problems.front().str()));
  }
  spawn_detached(executor_, "flush", [this] { return flush_loop(); });
  spawn_detached(executor_, "hangup", [this] { return hangup_loop(); });
  owed_ = !problems.empty();
  spawn_detached(executor_, "policy retry", [this] { return retry_loop(); });
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
// watch on its inode. Folders that were replaced get a new watch. True if one was added.
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
    auto work = [this] { return active_policy_.load(); };
    auto loaded = co_await pool_.offload(std::move(work));
    const bool full = !loaded && loaded.error().origin == Origin::kSelf && loaded.error().retry;
    if (!full || stopping_) co_return loaded;
    pause.expires_after(kSettle);
    co_await wait_for(pause);
  }
}

Task<void> PolicyReloader::reload() {
  auto loaded = co_await load();
  owed_ = !loaded || !active_policy_.problems().empty();
  // A change between the look and the watch would go unnoticed.
  if (watch_folders()) {
    auto second = co_await load();
    if (!second || *second == ActivePolicy::Loaded::kSwapped) loaded = second;
  }
  if (loaded && *loaded != ActivePolicy::Loaded::kSwapped) co_return;
  note_load(loaded);
  if (!loaded) co_return;
  auto sweep = [this] {
    return record_changed_verdicts(store_, active_policy_, SystemClock().now());
  };
  auto changed = co_await pool_.offload(std::move(sweep));
  if (!changed) log::error("records", to_string(changed.error()));
  if (changed && *changed > 0)
    log::info("verdicts-changed", "by the policy now in force", {{"releases", *changed}});
}

void PolicyReloader::look_at_clock() {
  const auto by = clock_jumps_.look(SystemClock().now(), std::chrono::steady_clock::now());
  if (by) note_jump(*by);
}

// A clock that was set back while the gate did not run: the trail has entries of the future.
void PolicyReloader::look_at_last_entry() {
  AuditFilter filter;
  filter.latest = true;
  filter.limit = 1;
  const auto last = store_.audit_log(filter);
  if (!last || last->empty()) return;
  const Millis ahead = last->back().at - SystemClock().now();
  if (ahead >= std::chrono::minutes(1)) note_jump(-ahead);
}

void PolicyReloader::note_jump(Millis by) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(by).count();
  log::error("clock-jumped",
             "ages, cooldowns and expiries are counted from the clock: look at what it let through",
             {{"seconds", seconds}});
  auto done = store_.put_setting(kClockJumpSetting, clock_jump_text(SystemClock().now(), by));
  if (!done) log::error("clock-jumped", to_string(done.error()));
}

Task<void> PolicyReloader::flush_loop() {
  net::steady_timer tick(executor_);
  while (!stopping_) {
    tick.expires_after(kFlush);
    co_await wait_for(tick);
    auto work = [this]() -> Result<bool> {
      audit_writer_.flush();
      look_at_clock();
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
    co_await wait_for(settle);
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

Task<void> PolicyReloader::retry_loop() {
  net::steady_timer tick(executor_);
  int pause = 1, waited = 0;
  while (!stopping_) {
    tick.expires_after(kRetryTick);
    co_await wait_for(tick);
    if (!owed_) pause = 1;
    waited = owed_ ? waited + 1 : 0;
    if (!owed_ || stopping_ || waited < pause) continue;
    waited = 0;
    pause = std::min(2 * pause, kMostRetryTicks);
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
