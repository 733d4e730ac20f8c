// An edited policy under a full pool: the load waits for room, and no edit is lost.
#include "proxy/runtime/policy_reloader.h"
#include "store/sqlite/open_state_store.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <future>

namespace npmgate {
namespace {

namespace fs = std::filesystem;

class FullPool : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "ng-watcher-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    write("rules: []\n");
    auto opened = open_memory_state_store();
    ASSERT_TRUE(opened);
    store_ = std::move(*opened);
  }
  void TearDown() override { fs::remove_all(folder_); }

  void write(const std::string& rules) const { std::ofstream(file()) << "version: 1\n" << rules; }
  std::string file() const { return folder_ + "/policy.yaml"; }

  std::string folder_;
  SystemClock clock_;
  Metrics metrics_;
  std::unique_ptr<StateStore> store_;
};

TEST_F(FullPool, DelaysALoadAndLosesNone) {
  ActivePolicy active_policy(file(), clock_, *store_, *store_, metrics_);
  ASSERT_TRUE(active_policy.load());
  AuditWriter audit_writer(*store_, clock_);
  net::io_context loop;
  Pool pool(1, 1);
  std::promise<void> room;
  auto occupy = [&pool, &room]() -> Task<void> {
    std::function<Result<bool>()> wait = [&room]() -> Result<bool> {
      room.get_future().wait();
      return true;
    };
    co_await pool.offload(std::move(wait));
  };
  spawn_detached(loop.get_executor(), "occupy", std::move(occupy));
  loop.poll();
  ASSERT_EQ(pool.queued(), 1U);
  PolicyReloader reloader(loop.get_executor(), active_policy, audit_writer, *store_, pool);
  reloader.start();
  write("rules: [ { id: new, when: { package: a }, then: block } ]\n");
  // Long enough for the edit to be met; that it is not in force shows that the pool is full.
  loop.run_for(std::chrono::milliseconds(300));
  EXPECT_TRUE(active_policy.rules()->policy->rules.empty());
  room.set_value();
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (active_policy.rules()->policy->rules.empty() && std::chrono::steady_clock::now() < limit)
    loop.run_for(std::chrono::milliseconds(20));
  EXPECT_EQ(active_policy.rules()->policy->rules.size(), 1U);
  reloader.stop();
  loop.run_for(std::chrono::milliseconds(600));  // its loops end
}

}  // namespace
}  // namespace npmgate
