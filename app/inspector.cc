#include "app/inspector.h"

#include <fcntl.h>

#include <iostream>

#include "app/cli.h"
#include "sandbox/single_worker.h"

namespace npmgate {
namespace {

// Nobody waits for headers here: the largest real tarballs take seconds.
constexpr auto kFileLimit = std::chrono::seconds(120);

// Null if this machine cannot hold workers.
SingleWorker* file_reader(const ArchiveLimits& limits) {
  static const std::unique_ptr<SingleWorker> reader = [&]() -> std::unique_ptr<SingleWorker> {
    WorkerOptions options;
    options.limits = worker_limits(limits, kFileLimit);
    if (const auto held = probe_sandbox(options); !held) {
      std::cerr << "npm-gate: inspecting without a sandbox: " << held.error().context << "\n";
      return nullptr;
    }
    return std::make_unique<SingleWorker>(options);
  }();
  return reader.get();
}

}  // namespace

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

Result<Evidence> inspect_tarball_file(const std::string& path, Time now) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const auto bytes = read_file(path);
  if (file.get() < 0 || !bytes) return fail(Code::kNotFound, Origin::kDisk, "cannot read " + path);
  InspectionInput input;
  input.tarball = std::as_bytes(std::span(bytes->data(), bytes->size()));
  input.now = now;
  SingleWorker* const reader = file_reader(input.limits);
  if (reader == nullptr) return inspect_tarball(input);
  Evidence evidence = identify_release(input);
  if (!wants_contents(evidence)) return evidence;
  auto contents = reader->read(file, input.release.manifest, input.limits, kFileLimit);
  if (contents) return with_contents(std::move(evidence), std::move(*contents));
  evidence.unavailable.push_back({"tarball", contents.error().context});
  return evidence;
}

}  // namespace npmgate
