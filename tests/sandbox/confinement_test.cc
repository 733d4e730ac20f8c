// What a worker has, seen from outside, and what it cannot do, tried from inside.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "sandbox/self_test.h"
#include "tests/sandbox/bad_worker.h"
#include "tests/sandbox/harness.h"

namespace npmgate {
namespace {

using testing::good_worker;
using testing::Harness;
using testing::options_with;

Deadline soon() {
  return std::chrono::steady_clock::now() + std::chrono::minutes(1);
}

std::string proc(pid_t pid, const std::string& name) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/" + name);
  return {std::istreambuf_iterator<char>(in), {}};
}

// The value of "Name:\tvalue" in /proc/PID/status.
std::string status_of(pid_t pid, const std::string& name) {
  const std::string all = proc(pid, "status");
  const auto at = all.find("\n" + name + ":\t");
  if (at == all.npos) return "?";
  const auto start = at + name.size() + 3;
  return all.substr(start, all.find('\n', start) - start);
}

std::unique_ptr<WorkerProcess> greeted(const WorkerOptions& options) {
  auto process = WorkerProcess::start(options);
  EXPECT_TRUE(process) << process.error().context;
  const auto hello = receive_hello((*process)->socket().get(), soon());
  EXPECT_TRUE(hello) << hello.error().context;
  return std::move(*process);
}

TEST(Confinement, IsAsTheKernelShowsIt) {
  const auto worker = greeted(good_worker());
  EXPECT_EQ(status_of(worker->pid(), "NoNewPrivs"), "1");
  EXPECT_EQ(status_of(worker->pid(), "Seccomp"), "2");  // filtered
  EXPECT_EQ(status_of(worker->pid(), "CapEff"), "0000000000000000");
  EXPECT_EQ(status_of(worker->pid(), "CapPrm"), "0000000000000000");
  if (::geteuid() != 0) return;  // nobody else may look further: it is not dumpable
  EXPECT_EQ(proc(worker->pid(), "environ").find("PATH="), std::string::npos);
  EXPECT_EQ(std::filesystem::read_symlink("/proc/" + std::to_string(worker->pid()) + "/cwd"), "/");
}

TEST(Confinement, LeavesFourDescriptors) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may look: a worker is not dumpable";
  const Fd ours(::open("/etc/passwd", O_RDONLY));  // not close-on-exec: it must not arrive
  const auto worker = greeted(good_worker());
  std::set<std::string> names;
  for (const auto& entry :
       std::filesystem::directory_iterator("/proc/" + std::to_string(worker->pid()) + "/fd"))
    names.insert(entry.path().filename());
  EXPECT_EQ(names, (std::set<std::string>{"0", "1", "2", "3"}));
}

TEST(Confinement, HasLimits) {
  const auto worker = greeted(good_worker());
  const std::string limits = proc(worker->pid(), "limits");
  const auto line = [&](const std::string& name) {
    const auto at = limits.find(name);
    return limits.substr(at, limits.find('\n', at) - at);
  };
  EXPECT_NE(line("Max core file size").find(" 0 "), std::string::npos);
  EXPECT_NE(line("Max processes").find(" 0 "), std::string::npos);
  EXPECT_NE(line("Max open files").find(" 8 "), std::string::npos);
  EXPECT_NE(line("Max cpu time").find(" 80 "), std::string::npos);
  if (!kSanitized) {
    EXPECT_NE(line("Max file size").find(" 0 "), std::string::npos) << line("Max file size");
    EXPECT_NE(line("Max address space").find(" 1073741824 "), std::string::npos)
        << line("Max address space");
  }
}

TEST(Confinement, EndsWhenTheSocketIsClosed) {
  const auto worker = greeted(good_worker());
  worker->socket().reset();
  std::optional<std::string> how;
  ASSERT_TRUE(Harness::eventually([&] { return (how = worker->ended()).has_value(); }));
  EXPECT_EQ(*how, "exited with 0");
}

TEST(Confinement, IsDescribed) {
  const auto confinement = probe_sandbox(good_worker());
  ASSERT_TRUE(confinement) << confinement.error().context;
  EXPECT_TRUE(to_string(*confinement).starts_with("seccomp"));
  EXPECT_EQ(to_string(Confinement{true, 7}), "seccomp, landlock abi 7");
  EXPECT_EQ(to_string(Confinement{true, 0}), "seccomp");
}

TEST(Confinement, ThatIsRefusedIsAnErrorWithTheReason) {
  const auto refused = probe_sandbox(testing::bad_worker("refuses"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnavailable);
  EXPECT_NE(refused.error().context.find("no filter today"), std::string::npos);
  EXPECT_FALSE(probe_sandbox(testing::bad_worker("bad-hello")));
  EXPECT_FALSE(probe_sandbox(testing::bad_worker("dies")));
}

// Each attempt in the worker of a running pool. What is fatal kills that worker; the next attempt
// gets a new one.
TEST(Confinement, RefusesEveryAttempt) {
  const std::string file = "/tmp/npm-gate-worker-was-here";
  std::filesystem::remove(file);
  Harness harness(options_with(good_worker()));
  ASSERT_TRUE(harness.started());
  ASSERT_GE(attempts().size(), 20u);
  for (const Attempt& attempt : attempts()) {
    if (kSanitized && attempt.name == "much-memory") continue;
    const auto tried = harness.attempt(std::string(attempt.name));
    ASSERT_TRUE(tried) << attempt.name;
    if (attempt.fatal) {
      EXPECT_NE(tried->died.find("system call that it may not make"), std::string::npos)
          << attempt.name << ": " << tried->died << " errno " << tried->error;
    } else {
      EXPECT_EQ(tried->died, "") << attempt.name;
      EXPECT_NE(tried->error, 0) << attempt.name << " succeeded";
    }
  }
  EXPECT_FALSE(std::filesystem::exists(file));
  EXPECT_TRUE(harness.read(testing::job_of(testing::numbered_package(1))));
}

// The attempts are worth something: outside the sandbox most of them succeed.
TEST(Confinement, AttemptsSucceedOutside) {
  EXPECT_EQ(try_attempt("open-for-reading"), 0);
  EXPECT_EQ(try_attempt("look-at-file"), 0);
  EXPECT_EQ(try_attempt("create-file"), 0);
  EXPECT_EQ(try_attempt("remove-file"), 0);
  EXPECT_EQ(try_attempt("tcp-socket"), 0);
  EXPECT_EQ(try_attempt("executable-memory"), 0);
  EXPECT_EQ(try_attempt("make-memory-executable"), 0);
  EXPECT_EQ(try_attempt("no-such"), std::nullopt);
}

}  // namespace
}  // namespace npmgate
