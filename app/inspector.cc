#include "app/inspector.h"

namespace npmgate {

Result<std::unique_ptr<Inspector>> make_inspector(const Config& config,
                                                  net::any_io_executor executor, Pool& pool,
                                                  Metrics& metrics) {
  if (!config.sandbox) return std::unique_ptr<Inspector>(new InProcessInspector(pool));
  SandboxOptions options;
  options.workers = config.workers;
  options.deadline = config.inspection_timeout;
  options.worker.limits = worker_limits(
      config.limits, std::chrono::ceil<std::chrono::seconds>(config.inspection_timeout));
  auto sandboxed =
      SandboxedInspector::start(std::move(executor), pool, metrics, std::move(options));
  if (sandboxed) return std::unique_ptr<Inspector>(std::move(*sandboxed));
  Error error = sandboxed.error();
  error.context +=
      "; allow it to this process (containers: a seccomp profile that permits seccomp and "
      "prctl), or set inspection: { sandbox: false } and inspect in the gate's own process";
  return error;
}

}  // namespace npmgate
