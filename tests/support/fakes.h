// The clock and the upstream of tests. Nothing waits: time is what a test sets, and answers come
// after turns of the loop.
#pragma once

#include <algorithm>
#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "proxy/net/upstream.h"

namespace npmgate::testing {

// Thread-safe.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(Time start) : now_(start) {}
  Time now() const override { return now_.load(); }
  void advance(Millis by) { now_.store(now_.load() + by); }

 private:
  std::atomic<Time> now_;
};

// What is answered, in this order: a failure that was asked for, `answer` if it is set, what was
// queued with push(), what the table of URLs has, `otherwise`. Remembers what it was asked.
class FakeUpstream final : public Upstream {
 public:
  struct Page {
    int status = 200;
    std::string body, etag;
  };
  // Status 0: broken off without an answer.
  static FetchReply reply(int status, std::string body = "{}",
                          std::vector<std::pair<std::string, std::string>> headers = {}) {
    FetchReply out;
    out.status = status;
    out.body = std::move(body);
    for (auto& [name, value] : headers) out.headers.add(name, value);
    return out;
  }

  void put(const std::string& url, Page page) { pages_[url] = std::move(page); }
  // The next answer for `url` only.
  void put_once(const std::string& url, Page page) { once_.emplace(url, std::move(page)); }
  // The next answer, whatever is asked; several are given in their order.
  void push(FetchReply reply) { queue_.push_back(std::move(reply)); }
  // The n-th request from now on (0 = the next) gets no answer; -1: none.
  void fail_at(int n) { fail_at_ = n; }
  // Answers for `url` come after that many turns of the loop.
  void delay(std::string url, int turns) {
    delayed_ = std::move(url);
    turns_ = turns;
  }

  // How often a URL that ends like this was asked for.
  std::size_t asked(std::string_view ending) const {
    return static_cast<std::size_t>(
        std::count_if(requests.begin(), requests.end(),
                      [&](const FetchRequest& request) { return request.url.ends_with(ending); }));
  }

  Task<Result<FetchReply>> fetch(FetchRequest request) override {
    requests.push_back(request);
    requests.back().sink = nullptr;  // it holds what the caller has open
    most_at_once = std::max(most_at_once, ++at_once_);
    auto executor = co_await net::this_coro::executor;
    for (int turn = 0; request.url == delayed_ && turn < turns_; ++turn)
      co_await net::post(executor, net::use_awaitable);
    --at_once_;
    if (down || (fail_at_ >= 0 && fail_at_-- == 0)) co_return broken_off();
    FetchReply out = reply_to(request);
    if (out.status == 0) co_return broken_off();
    if (out.status == 200 && request.sink) {
      if (auto taken = request.sink(out.body); !taken) co_return taken.error();
      out.body.clear();
    }
    co_return out;
  }

  std::function<FetchReply(const FetchRequest&)> answer;
  FetchReply otherwise = reply(404, "");
  bool down = false;
  std::vector<FetchRequest> requests;
  int most_at_once = 0;

 private:
  static Error broken_off() {
    return fail(Code::kUnavailable, Origin::kUpstream, "the fake upstream is down", true);
  }
  FetchReply reply_to(const FetchRequest& request) {
    if (answer) return answer(request);
    if (!queue_.empty()) {
      FetchReply next = std::move(queue_.front());
      queue_.pop_front();
      return next;
    }
    const auto found = pages_.find(request.url);
    const auto once = once_.find(request.url);
    if (found == pages_.end() && once == once_.end()) return otherwise;
    const Page page = once != once_.end() ? once->second : found->second;
    if (once != once_.end()) once_.erase(once);
    FetchReply out = reply(page.status, page.body);
    if (page.etag.empty()) return out;
    out.headers.add("etag", page.etag);
    for (const auto& [name, value] : request.headers) {
      if (name != "If-None-Match" || value != page.etag) continue;
      out.status = 304;
      out.body.clear();
    }
    return out;
  }

  std::map<std::string, Page> pages_;
  std::multimap<std::string, Page> once_;
  std::deque<FetchReply> queue_;
  std::string delayed_;
  int turns_ = 0, fail_at_ = -1, at_once_ = 0;
};

}  // namespace npmgate::testing
