// What the sandbox costs: the same tarballs inspected in this process and by a worker, in turn.
//
//   sandbox_overhead [--rounds N] FILE.tgz …
//
// Every tarball is read once by both first (nothing is measured then, results are compared); then N
// rounds (default 20), in each of which the order of the two changes. Printed: per way the median
// and 99th percentile over all readings, the ratio of the medians, and the added microseconds of
// each pair (same tarball, same round), as median and 99th percentile, also for tarballs up to
// 64 KB alone.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <boost/asio/use_future.hpp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "proxy/inspection/sandboxed_inspector.h"

namespace npmgate {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr std::size_t kSmall = 64 * 1024;

InspectionJob open_job(const std::string& path) {
  InspectionJob job;
  auto fd = std::make_shared<Fd>(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (fd->get() < 0 || ::fstat(fd->get(), &status) != 0 || status.st_size == 0) return job;
  const auto size = static_cast<std::size_t>(status.st_size);
  void* const map = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd->get(), 0);
  if (map == MAP_FAILED) return job;
  job.owner = std::shared_ptr<const void>(
      map, [size](const void* at) { ::munmap(const_cast<void*>(at), size); });
  job.tarball = {static_cast<const std::byte*>(map), size};
  job.reader = std::move(fd);
  return job;
}

class Ways {
 public:
  Ways() : guard_(net::make_work_guard(context_)), here_(pool_) {
    auto started =
        SandboxedInspector::start(context_.get_executor(), pool_, metrics_, SandboxOptions());
    if (!started) {
      std::fprintf(stderr, "%s\n", started.error().context.c_str());
      std::exit(3);
    }
    there_ = std::move(*started);
    thread_ = std::thread([this] { context_.run(); });
  }
  ~Ways() {
    context_.stop();
    thread_.join();
  }
  // Microseconds; the contents to `out`.
  double time(bool sandboxed, InspectionJob job, Contents& out) {
    Inspector& way = sandboxed ? static_cast<Inspector&>(*there_) : here_;
    const auto start = SteadyClock::now();
    auto work = way.read(std::move(job));
    auto result = net::co_spawn(context_, std::move(work), net::use_future).get();
    const std::chrono::duration<double, std::micro> took = SteadyClock::now() - start;
    if (!result || !result->unavailable.empty()) std::exit(1);
    out = std::move(result->contents);
    return took.count();
  }

 private:
  net::io_context context_{1};
  net::executor_work_guard<net::io_context::executor_type> guard_;
  Pool pool_{2, 64};
  Metrics metrics_;
  InProcessInspector here_;
  std::unique_ptr<SandboxedInspector> there_;
  std::thread thread_;
};

double quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  const auto at = static_cast<std::ptrdiff_t>(q * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<std::size_t>(at)];
}

struct Readings {
  std::vector<double> here, there, added;
  void add(double in_process, double sandboxed) {
    here.push_back(in_process);
    there.push_back(sandboxed);
    added.push_back(sandboxed - in_process);
  }
  void print(const char* what) const {
    if (here.empty()) return;
    std::printf("%s: %zu pairs\n", what, here.size());
    std::printf("  in process  median %8.0f us  p99 %8.0f us\n", quantile(here, 0.5),
                quantile(here, 0.99));
    std::printf("  in a worker median %8.0f us  p99 %8.0f us  (medians %.2fx)\n",
                quantile(there, 0.5), quantile(there, 0.99),
                quantile(there, 0.5) / quantile(here, 0.5));
    std::printf("  added       median %8.0f us  p99 %8.0f us\n", quantile(added, 0.5),
                quantile(added, 0.99));
  }
};

int measure(const std::vector<std::string>& files, int rounds) {
  Ways ways;
  std::vector<InspectionJob> jobs;
  for (const std::string& file : files) {
    InspectionJob job = open_job(file);
    if (job.tarball.empty()) continue;
    Contents here, there;
    ways.time(false, job, here);
    ways.time(true, job, there);
    if (here != there) {
      std::fprintf(stderr, "%s: the two differ\n", file.c_str());
      return 1;
    }
    jobs.push_back(std::move(job));
  }
  Readings all, small;
  Contents ignored;
  for (int round = 0; round < rounds; ++round) {
    for (const InspectionJob& job : jobs) {
      const bool first = round % 2 == 1;
      const double a = ways.time(first, job, ignored);
      const double b = ways.time(!first, job, ignored);
      all.add(first ? b : a, first ? a : b);
      if (job.tarball.size() <= kSmall) small.add(first ? b : a, first ? a : b);
    }
  }
  all.print("all tarballs");
  small.print("tarballs up to 64 KB");
  return 0;
}

}  // namespace
}  // namespace npmgate

int main(int argc, char** argv) {
  if (npmgate::is_worker(argc, argv)) npmgate::run_worker(argc, argv);
  int rounds = 20;
  std::vector<std::string> files;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--rounds") == 0 && i + 1 < argc) {
      rounds = std::atoi(argv[++i]);
    } else {
      files.emplace_back(argv[i]);
    }
  }
  if (files.empty() || rounds < 1) {
    std::fprintf(stderr, "usage: sandbox_overhead [--rounds N] FILE.tgz ...\n");
    return 2;
  }
  return npmgate::measure(files, rounds);
}
