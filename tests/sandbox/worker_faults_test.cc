// Workers that die, lie or are late: every job is answered, the gate lives, the worker is replaced.
#include <gtest/gtest.h>

#include <csignal>

#include "tests/sandbox/bad_worker.h"
#include "tests/sandbox/harness.h"

namespace npmgate {
namespace {

using testing::bad_worker;
using testing::Harness;
using testing::job_of;
using testing::numbered_package;
using testing::options_with;

struct Fault {
  const char* kind;
  const char* reason;    // the metric's label
  const char* sentence;  // in the evidence
};

class WorkerFaults : public ::testing::TestWithParam<Fault> {};

TEST_P(WorkerFaults, AreEvidenceUnavailable) {
  SandboxOptions options = options_with(bad_worker(GetParam().kind));
  options.workers = 1;
  if (std::string_view(GetParam().reason) == "late") options.deadline = std::chrono::seconds(2);
  const unsigned attempts = options.attempts;
  Harness harness(std::move(options));
  ASSERT_TRUE(harness.started()) << harness.started().error().context;
  const auto inspected = harness.read(job_of(numbered_package(3)));
  ASSERT_TRUE(inspected) << inspected.error().context;
  EXPECT_NE(inspected->unavailable.find(GetParam().sentence), std::string::npos)
      << inspected->unavailable;
  EXPECT_EQ(inspected->contents, Contents{});
  const bool late = std::string_view(GetParam().reason) == "late";
  EXPECT_EQ(harness.failures(GetParam().reason), late ? 1 : attempts);
  // The next job gets a worker of its own.
  const auto next = harness.read(job_of(numbered_package(4)));
  ASSERT_TRUE(next);
  EXPECT_NE(next->unavailable, "");
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, WorkerFaults,
    ::testing::Values(Fault{"garbage", "garbage", "answered what it must not: no frame"},
                      Fault{"no-json", "garbage", "answered what it must not: no JSON"},
                      Fault{"huge", "garbage", "a frame of 2147483648 bytes"},
                      Fault{"other-job", "garbage", "a reply to another request"},
                      Fault{"implausible", "garbage", "a rule that there is not"},
                      Fault{"half", "died", "exited with 0"},
                      Fault{"exit", "died", "exited with 5"},
                      Fault{"crash", "died", "killed by signal 11"},
                      Fault{"stuck", "late", "longer than 2 s"},
                      Fault{"silent", "late", "longer than 2 s"}),
    [](const auto& row) {
      std::string name = row.param.kind;
      std::erase(name, '-');
      return name;
    });

// A second reply that nobody asked for must not be taken for the next job's.
TEST(WorkerFaults2, AReplyToNothingEndsTheWorker) {
  SandboxOptions options = options_with(bad_worker("twice"));
  options.workers = 1;
  Harness harness(std::move(options));
  for (int i = 0; i < 4; ++i) {
    InspectionJob job = job_of(numbered_package(i));
    const Contents here = testing::contents_here(job);
    const auto inspected = harness.read(std::move(job));
    ASSERT_TRUE(inspected);
    ASSERT_EQ(inspected->unavailable, "");
    EXPECT_EQ(inspected->contents, here);
  }
  EXPECT_EQ(harness.failures("garbage"), 3);
}

TEST(WorkerFaults2, AKilledWorkerIsReplacedWhileIdle) {
  SandboxOptions options = options_with(testing::good_worker());
  options.workers = 2;
  Harness harness(std::move(options));
  ASSERT_TRUE(harness.started());
  ASSERT_TRUE(harness.read(job_of(numbered_package(1))));
  ASSERT_TRUE(Harness::eventually(
      [&] { return harness.metrics().value("npm_gate_inspection_workers") == 2; }));
  const auto before = testing::children();
  ASSERT_EQ(before.size(), 2u);
  for (const pid_t pid : before) ::kill(pid, SIGKILL);
  ASSERT_TRUE(Harness::eventually([&] {
    return harness.metrics().value("npm_gate_inspection_workers_started_total") == 4 &&
           harness.metrics().value("npm_gate_inspection_workers") == 2;
  }));
  const auto inspected = harness.read(job_of(numbered_package(2)));
  ASSERT_TRUE(inspected);
  EXPECT_EQ(inspected->unavailable, "");
}

TEST(WorkerFaults2, AWorkerIsReplacedAfterItsJobs) {
  SandboxOptions options = options_with(testing::good_worker());
  options.workers = 1;
  options.max_jobs = 3;
  Harness harness(std::move(options));
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(harness.read(job_of(numbered_package(i))));
  EXPECT_GE(harness.metrics().value("npm_gate_inspection_workers_started_total"), 4);
  EXPECT_EQ(harness.failures("died"), 0);
}

TEST(WorkerFaults2, WhereNoWorkerCanBeHeldStartingFails) {
  Harness harness(options_with(bad_worker("refuses")));
  ASSERT_FALSE(harness.started());
  EXPECT_NE(harness.started().error().context.find("no filter today"), std::string::npos);
}

TEST(WorkerFaults2, AFullQueueRefuses) {
  SandboxOptions options = options_with(bad_worker("silent"));
  options.workers = 1;
  options.max_queue = 2;
  Harness harness(std::move(options));
  std::vector<std::future<Result<Inspected>>> waiting;
  // One may be with the worker, two wait.
  for (int i = 0; i < 6; ++i) waiting.push_back(harness.submit(job_of(numbered_package(i))));
  std::size_t refused = 0;
  ASSERT_TRUE(Harness::eventually([&] {
    refused = 0;
    for (auto& each : waiting)
      refused += each.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
    return refused >= 3;
  }));
  for (auto& each : waiting) {
    if (each.wait_for(std::chrono::seconds(0)) != std::future_status::ready) continue;
    const auto inspected = each.get();
    ASSERT_FALSE(inspected);
    EXPECT_EQ(inspected.error().code, Code::kUnavailable);
    EXPECT_TRUE(inspected.error().retry);
  }
}

}  // namespace
}  // namespace npmgate
