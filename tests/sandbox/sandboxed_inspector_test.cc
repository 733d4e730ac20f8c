// The pool of workers under load, while its workers are killed at random.
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <random>

#include "tests/sandbox/bad_worker.h"
#include "tests/sandbox/harness.h"

namespace npmgate {
namespace {

using testing::Harness;
using testing::job_of;
using testing::numbered_package;
using testing::options_with;

struct Tally {
  int right = 0, unavailable = 0, wrong = 0, refused = 0;
};

Tally run_jobs(Harness& harness, int count) {
  Tally tally;
  std::vector<std::pair<Contents, std::future<Result<Inspected>>>> waiting;
  for (int i = 0; i < count; ++i) {
    InspectionJob job = job_of(numbered_package(i % 50));
    Contents here = testing::contents_here(job);
    waiting.emplace_back(std::move(here), harness.submit(std::move(job)));
    if (waiting.size() < 50 && i + 1 < count) continue;
    for (auto& [expected, future] : waiting) {
      const auto inspected = future.get();
      if (!inspected) {
        ++tally.refused;
      } else if (!inspected->unavailable.empty()) {
        ++tally.unavailable;
      } else {
        ++(inspected->contents == expected ? tally.right : tally.wrong);
      }
    }
    waiting.clear();
  }
  return tally;
}

TEST(SandboxedInspector, AnswersEveryJobRightly) {
  Harness harness(options_with(testing::good_worker()));
  ASSERT_TRUE(harness.started());
  const Tally tally = run_jobs(harness, 300);
  EXPECT_EQ(tally.right, 300);
  EXPECT_EQ(harness.metrics().value("npm_gate_inspection_jobs_total", R"(outcome="done")"), 300);
}

double answered(Harness& harness) {
  return harness.metrics().value("npm_gate_inspection_jobs_total", R"(outcome="done")") +
         harness.metrics().value("npm_gate_inspection_jobs_total", R"(outcome="unavailable")");
}

// Kills a random worker after every few answers, whatever it is doing.
void kill_workers(Harness& harness, const std::atomic<bool>& over) {
  std::minstd_rand random(1);
  double next = 5;
  while (!over) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (answered(harness) < next) continue;
    next = answered(harness) + static_cast<double>(random() % 30);
    const auto pids = testing::children();
    const int signal = random() % 2 == 0 ? SIGKILL : SIGBUS;
    if (!pids.empty()) ::kill(pids[random() % pids.size()], signal);
  }
}

// "slow" workers take their time, so that kills find them at work.
TEST(SandboxedInspector, AnswersEveryJobWhileWorkersAreKilled) {
  SandboxOptions options = options_with(testing::bad_worker("slow"));
  options.workers = 2;
  Harness harness(std::move(options));
  ASSERT_TRUE(harness.started());
  std::atomic<bool> over{false};
  std::thread killer([&] { kill_workers(harness, over); });
  const Tally tally = run_jobs(harness, 1000);
  over = true;
  killer.join();
  EXPECT_EQ(tally.right + tally.unavailable, 1000);
  EXPECT_EQ(tally.wrong, 0);
  EXPECT_EQ(tally.refused, 0);
  EXPECT_GE(harness.failures("died"), 20);
  EXPECT_GT(tally.right, 500);
  RecordProperty("right", tally.right);
  RecordProperty("unavailable", tally.unavailable);
}

TEST(SandboxedInspector, LeavesNoDescriptorAndNoProcess) {
  const std::size_t before = testing::open_descriptors();
  for (int round = 0; round < 3; ++round) {
    SandboxOptions options = options_with(testing::good_worker());
    options.max_jobs = 5;
    Harness harness(std::move(options));
    ASSERT_TRUE(harness.started());
    EXPECT_EQ(run_jobs(harness, 60).right, 60);
    const std::size_t warm = testing::open_descriptors();
    EXPECT_EQ(run_jobs(harness, 60).right, 60);
    // A worker may be on its way out or in.
    EXPECT_LE(testing::open_descriptors(), warm + 6);
  }
  EXPECT_EQ(testing::open_descriptors(), before);
  EXPECT_TRUE(testing::children().empty());
}

}  // namespace
}  // namespace npmgate
