#include "proxy/watcher.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>

namespace npmgate {
namespace {

constexpr auto kFlush = std::chrono::milliseconds(250);
// Editors write in several steps (truncate, write, rename): the file is read once they have been
// quiet for this long.
constexpr auto kSettle = std::chrono::milliseconds(50);

}  // namespace

Watcher::Watcher(net::any_io_executor executor, Rulebook& rulebook, Recorder& recorder, Pool& pool)
    : executor_(executor),
      rulebook_(rulebook),
      recorder_(recorder),
      pool_(pool),
      inotify_(executor),
      hangup_(executor, SIGHUP) {}

void Watcher::start() {
  spawn_detached(executor_, "flush", [this] { return flush_loop(); });
  spawn_detached(executor_, "hangup", [this] { return hangup_loop(); });
  if (rulebook_.file().empty()) return;
  const int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (fd < 0) {
    log::warn("inotify", "policy changes are only noticed on SIGHUP");
    return;
  }
  inotify_.assign(fd);
  // The folder, not the file: a rename over the file (what editors and configuration tools do)
  // would end a watch on its inode.
  std::filesystem::path folder = std::filesystem::path(rulebook_.file()).parent_path();
  if (folder.empty()) folder = ".";
  inotify_add_watch(fd, folder.c_str(), IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE | IN_CREATE);
  spawn_detached(executor_, "policy watch", [this] { return policy_loop(); });
}

void Watcher::stop() {
  stopping_ = true;
  boost::system::error_code ignored;
  inotify_.cancel(ignored);
  hangup_.cancel(ignored);
}

Task<void> Watcher::reload() {
  std::function<Result<bool>()> work = [this]() -> Result<bool> {
    if (auto done = rulebook_.load(); !done) return done.error();
    return true;
  };
  auto done = co_await pool_.offload(std::move(work));
  AuditEntry entry;
  entry.at = SystemClock().now();
  entry.actor = "gate";
  if (done) {
    entry.kind = "policy-loaded";
    log::info("policy-loaded", rulebook_.file(), {{"hash", rulebook_.rules()->policy->hash}});
  } else {
    entry.kind = "policy-refused";
    entry.detail = done.error().context;
    log::error("policy-refused", "the policy before it stays in force",
               {{"problem", done.error().context}});
  }
  entry.policy_hash = rulebook_.rules()->policy->hash;
  recorder_.audit(std::move(entry));
}

Task<void> Watcher::flush_loop() {
  net::steady_timer tick(executor_);
  while (!stopping_) {
    tick.expires_after(kFlush);
    co_await tick.async_wait(kTuple);
    std::function<Result<bool>()> work = [this]() -> Result<bool> {
      recorder_.flush();
      return true;
    };
    co_await pool_.offload(std::move(work));
  }
}

Task<void> Watcher::policy_loop() {
  std::array<char, 8192> events{};
  net::steady_timer settle(executor_);
  while (!stopping_) {
    auto [error, count] = co_await inotify_.async_read_some(net::buffer(events), kTuple);
    if (error) co_return;
    settle.expires_after(kSettle);
    co_await settle.async_wait(kTuple);
    while (::read(inotify_.native_handle(), events.data(), events.size()) > 0) {
    }
    co_await reload();
  }
}

Task<void> Watcher::hangup_loop() {
  while (!stopping_) {
    auto [error, number] = co_await hangup_.async_wait(kTuple);
    if (error) co_return;
    co_await reload();
  }
}

}  // namespace npmgate
