// A whole gate in memory: fake clock, fake upstream, state without a disk, tarballs in a temporary
// folder; requests go in and answers come out without a socket.
#pragma once

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "proxy/registry/gate.h"
#include "store/sqlite/open_state_store.h"
#include "tests/support/run_task.h"

namespace npmgate::testing {

class FakeClock final : public Clock {
 public:
  explicit FakeClock(Time start) : now_(start) {}
  Time now() const override { return now_.load(); }
  void advance(Millis by) { now_.store(now_.load() + by); }

 private:
  std::atomic<Time> now_;
};

// Answers from a table of URLs, remembers what it was asked, and fails the n-th request on demand.
class FakeUpstream final : public Upstream {
 public:
  struct Page {
    int status = 200;
    std::string body, etag;
  };
  void put(const std::string& url, Page page) { pages_[url] = std::move(page); }
  // The next answer for `url` only.
  void put_once(const std::string& url, Page page) { once_.emplace(url, std::move(page)); }
  // How often a URL that ends like this was asked for.
  std::size_t asked(std::string_view ending) const {
    return static_cast<std::size_t>(
        std::count_if(requests_.begin(), requests_.end(),
                      [&](const std::string& url) { return url.ends_with(ending); }));
  }
  // The n-th request from now on (0 = the next) gets no answer; -1: none.
  void fail_at(int n) { fail_at_ = n; }
  const std::vector<std::string>& requests() const { return requests_; }
  std::size_t requests_for(const std::string& url) const {
    return static_cast<std::size_t>(std::count(requests_.begin(), requests_.end(), url));
  }
  // Answers for `url` come after that many turns of the loop.
  void delay(std::string url, int turns) {
    delayed_ = std::move(url);
    turns_ = turns;
  }

  Task<Result<FetchReply>> fetch(FetchRequest request) override {
    requests_.push_back(request.url);
    auto executor = co_await net::this_coro::executor;
    for (int turn = 0; request.url == delayed_ && turn < turns_; ++turn)
      co_await net::post(executor, net::use_awaitable);
    if (fail_at_ >= 0 && fail_at_-- == 0)
      co_return fail(Code::kUnavailable, Origin::kUpstream, "the fake upstream is down", true);
    FetchReply reply;
    const auto found = pages_.find(request.url);
    Page page = found == pages_.end() ? Page{404, "", ""} : found->second;
    if (const auto once = once_.find(request.url); once != once_.end()) {
      page = once->second;
      once_.erase(once);
    }
    reply.status = page.status;
    const std::string& etag = page.etag;
    if (!etag.empty()) reply.headers.add("etag", etag);
    for (const auto& [name, value] : request.headers) {
      if (name == "If-None-Match" && !etag.empty() && value == etag) reply.status = 304;
    }
    if (reply.status == 200 && request.sink) {
      if (auto taken = request.sink(page.body); !taken) co_return taken.error();
    } else if (reply.status != 304) {
      reply.body = page.body;
    }
    co_return reply;
  }

 private:
  std::map<std::string, Page> pages_;
  std::multimap<std::string, Page> once_;
  std::vector<std::string> requests_;
  std::string delayed_;
  int turns_ = 0;
  int fail_at_ = -1;
};

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
                              publishing_, access}) {
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
  // What a loop answers without waiting: nullopt where the request has to go the long way.
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
  AuditWriter audit_writer{*store_, clock};
  Access access{*store_, clock, audit_writer};

 private:
  PackumentService packuments_{deps_, packages, audit_writer};
  TarballService tarballs_{deps_, packages, audit_writer};
  RegistryServices services_{deps_, audit_writer};
  Publishing publishing_{deps_, packages.packuments, audit_writer};

 public:
  Gate gate;
};

}  // namespace npmgate::testing
