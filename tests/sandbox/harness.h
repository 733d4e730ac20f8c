// A loop on a thread of its own, a pool and an inspector over workers of this program; tarballs as
// jobs.
#pragma once

#include <future>
#include <string>
#include <thread>

#include "proxy/inspection/sandboxed_inspector.h"

namespace npmgate::testing {

// `bytes` as a job: in memory, and as a file that can only be read.
InspectionJob job_of(std::string bytes);
// A package of its own for every number, with an install hook and some files.
std::string numbered_package(int number);
// What reading it in this process says.
Contents contents_here(const InspectionJob& job);
std::size_t open_descriptors();
// The processes that this one has started and that still run.
std::vector<pid_t> children();

class Harness {
 public:
  explicit Harness(SandboxOptions options);
  ~Harness();

  // The inspector, or why there is none.
  Result<std::unique_ptr<SandboxedInspector>>& started() { return inspector_; }
  SandboxedInspector& inspector() { return **inspector_; }
  Metrics& metrics() { return metrics_; }
  std::future<Result<Inspected>> submit(InspectionJob job);
  Result<Inspected> read(InspectionJob job) { return submit(std::move(job)).get(); }
  Result<SandboxedInspector::Tried> attempt(std::string name);
  double failures(const std::string& reason) {
    return metrics_.value("npm_gate_inspection_worker_failures_total", "reason=\"" + reason + "\"");
  }
  // False if it does not become true within a minute.
  static bool eventually(const std::function<bool()>& is);

 private:
  net::io_context context_{1};
  net::executor_work_guard<net::io_context::executor_type> guard_;
  Pool pool_{2, 4096};
  Metrics metrics_;
  Result<std::unique_ptr<SandboxedInspector>> inspector_;
  std::thread thread_;
};

SandboxOptions options_with(WorkerOptions worker);

}  // namespace npmgate::testing
