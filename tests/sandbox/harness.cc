#include "tests/sandbox/harness.h"

#include <sys/mman.h>
#include <unistd.h>
#include <boost/asio/co_spawn.hpp>

#include <boost/asio/use_future.hpp>
#include <filesystem>
#include <fstream>

#include "tests/inspect/archive/tar_builder.h"

namespace npmgate::testing {

InspectionJob job_of(std::string bytes) {
  const Fd writable(::memfd_create("tarball", MFD_CLOEXEC));
  std::string_view rest = bytes;
  while (!rest.empty()) {
    const ssize_t n = ::write(writable.get(), rest.data(), rest.size());
    if (n <= 0) throw std::runtime_error("memfd");
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
  const std::string path = "/proc/self/fd/" + std::to_string(writable.get());
  InspectionJob job;
  job.reader = std::make_shared<const Fd>(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const auto kept = std::make_shared<const std::string>(std::move(bytes));
  job.tarball = std::as_bytes(std::span(*kept));
  job.owner = kept;
  return job;
}

std::string numbered_package(int number) {
  const std::string name = "package-" + std::to_string(number);
  std::string entries =
      tar_entry("package/package.json", R"({"name":")" + name + R"(","version":"1.0.)" +
                                            std::to_string(number) +
                                            R"(","scripts":{"postinstall":"node setup.js"}})");
  entries += tar_entry("package/setup.js", "require('https').get('https://" + name + ".example/')");
  for (int i = 0; i < number % 7; ++i)
    entries += tar_entry("package/lib/" + std::to_string(i) + ".js", std::string(500, 'a'));
  return tgz(entries);
}

Contents contents_here(const InspectionJob& job) {
  return read_contents(job.tarball, job.stated, job.limits);
}

std::size_t open_descriptors() {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    static_cast<void>(entry);
    ++count;
  }
  return count;
}

std::vector<pid_t> children() {
  std::vector<pid_t> all;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream in(task.path() / "children");
    for (pid_t pid = 0; in >> pid;) all.push_back(pid);
  }
  return all;
}

SandboxOptions options_with(WorkerOptions worker) {
  SandboxOptions options;
  options.worker = std::move(worker);
  options.deadline = std::chrono::seconds(60);
  return options;
}

Harness::Harness(SandboxOptions options)
    : guard_(net::make_work_guard(context_)),
      inspector_(
          SandboxedInspector::start(context_.get_executor(), pool_, metrics_, std::move(options))),
      thread_([this] { context_.run(); }) {}

Harness::~Harness() {
  context_.stop();
  thread_.join();
  if (inspector_) inspector_->reset();
}

std::future<Result<Inspected>> Harness::submit(InspectionJob job) {
  auto work = inspector().read(std::move(job));
  return net::co_spawn(context_, std::move(work), net::use_future);
}

Result<SandboxedInspector::Tried> Harness::attempt(std::string name) {
  auto work = inspector().try_attempt(std::move(name));
  return net::co_spawn(context_, std::move(work), net::use_future).get();
}

bool Harness::eventually(const std::function<bool()>& is) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!is()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

}  // namespace npmgate::testing
