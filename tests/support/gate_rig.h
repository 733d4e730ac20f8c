// A whole gate in memory: fake clock, fake upstream, state without a disk, tarballs in a temporary
// folder; requests go in and answers come out without a socket.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "proxy/registry/gate.h"
#include "store/sqlite/open_state_store.h"
#include "tests/support/answer.h"
#include "tests/support/fakes.h"
#include "tests/support/run_task.h"

namespace npmgate::testing {

// The clock's first reading in tests that have no other.
inline const Time kRigNow = *parse_time("2026-11-24T12:00:00Z");

class GateRig {
 public:
  static constexpr const char* kUpstreamUrl = "https://registry.example/";

  // `policy`: YAML text, "" = the built-in default.
  GateRig(Time start, const std::string& policy)
      : folder_(std::filesystem::path(::testing::TempDir()) / ("gate-rig-" + random_hex(8))),
        clock(start),
        blobs_(prepare(folder_, policy)),
        store_(std::move(*open_memory_state_store())),
        active_policy(policy.empty() ? "" : (folder_ / "policy.yaml").string(), clock, *store_,
                      *store_, metrics),
        deps_{config_of(folder_), clock,   upstream,  *store_, *blobs_, pool_,
              active_policy,      metrics, inspector_},
        packages(deps_, nullptr),
        gate(deps_, GateParts{packages, audit_writer, packuments_, tarballs_, services_,
                              publishing_, requests_, access}) {
    const auto loaded = active_policy.load();
    EXPECT_TRUE(loaded) << (loaded ? "" : to_string(loaded.error()));
  }
  ~GateRig() {
    // What goes on behind answers uses the gate, which goes before the loop does.
    context_.restart();
    context_.run_for(std::chrono::seconds(5));
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  Response ask(const std::string& target, const std::string& accept = "application/json",
               const std::string& method = "GET", const std::string& if_modified_since = "") {
    auto request = request_for(target, accept, method);
    if (!if_modified_since.empty()) request->headers.add("if-modified-since", if_modified_since);
    return run_task(context_, gate.handle(std::move(request)));
  }
  Response send(std::shared_ptr<Request> request) {
    request->peer = "127.0.0.1";
    if (!request->headers.has("host")) request->headers.add("host", "127.0.0.1:4873");
    return run_task(context_, gate.handle(std::move(request)));
  }
  // What a request is refused with before its body is taken.
  std::optional<Response> admit(std::shared_ptr<Request> request) {
    request->peer = "127.0.0.1";
    if (!request->headers.has("host")) request->headers.add("host", "127.0.0.1:4873");
    return run_task(context_, gate.admit(std::move(request)));
  }
  // What a loop answers without waiting: nullopt if the request has to go the long way.
  std::optional<Response> at_once(const std::string& target,
                                  const std::string& accept = "application/json",
                                  const std::string& method = "GET") {
    return gate.at_once(*request_for(target, accept, method));
  }
  // Runs what was left to be done behind answers.
  void settle() {
    context_.restart();
    context_.run();
  }
  StateStore& store() { return *store_; }
  const std::filesystem::path& folder() const { return folder_; }
  void write_policy(const std::string& text) {
    write_file((folder_ / "policy.yaml").string(), text);
  }

 private:
  static std::shared_ptr<Request> request_for(const std::string& target, const std::string& accept,
                                              const std::string& method) {
    auto request = std::make_shared<Request>();
    request->method = method;
    request->target = target;
    request->peer = "127.0.0.1";
    request->headers.add("host", "127.0.0.1:4873");
    request->headers.add("accept", accept);
    return request;
  }
  static std::unique_ptr<BlobStore> prepare(const std::filesystem::path& folder,
                                            const std::string& policy) {
    std::filesystem::create_directories(folder);
    if (!policy.empty()) write_file((folder / "policy.yaml").string(), policy);
    return std::move(*open_blob_store(folder.string()));
  }
  static void write_file(const std::string& path, const std::string& text) {
    std::FILE* file = std::fopen(path.c_str(), "w");
    std::fwrite(text.data(), 1, text.size(), file);
    std::fclose(file);
  }
  const Config& config_of(const std::filesystem::path& folder) {
    config.storage_path = folder.string();
    config.upstreams.emplace_back();
    config.upstreams.front().url = kUpstreamUrl;
    return config;
  }

  std::filesystem::path folder_;

 public:
  Config config;
  FakeClock clock;
  FakeUpstream upstream;
  Metrics metrics;

 private:
  net::io_context context_{1};  // outlives all whose timers lie in it
  std::unique_ptr<BlobStore> blobs_;
  std::unique_ptr<StateStore> store_;
  Pool pool_{1, 64};
  InProcessInspector inspector_{pool_};

 public:
  ActivePolicy active_policy;

 private:
  Dependencies deps_;

 public:
  Packages packages;
  AuditWriter audit_writer{*store_, clock, [this] { return active_policy.revision(); }};
  Access access{*store_, clock, audit_writer};

 private:
  PackumentService packuments_{deps_, packages, audit_writer};
  TarballService tarballs_{deps_, packages, audit_writer};
  RegistryServices services_{deps_, audit_writer};
  Publishing publishing_{deps_, packages.packuments, audit_writer};
  ReleaseRequests requests_{deps_, packages};

 public:
  Gate gate;
};

}  // namespace npmgate::testing
