// Stands before the upstream client and keeps trouble cheap: a cap on what is asked of one origin
// at a time, a circuit breaker per origin, Retry-After honoured.
//
// An origin is
//
//   up      fewer than `failures` failures in a row; a success forgets them
//   down    that many: requests fail at once (short_cut) but for one probe in a while, the next
//   later
//           the more failures; its success -> up
//   paused  after 429 with Retry-After until then, up or down; after 503 the one URL only
//
// note() moves it after each exchange; refusals and answers that are too large say nothing about
// it.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/metrics.h"
#include "proxy/net/upstream.h"

namespace npmgate {

struct GuardLimits {
  // Exchanges with one origin at a time, of tarballs and of all else each: large tarballs must not
  // keep packuments waiting. More wait.
  std::size_t in_flight = 64;
  // Failures in a row after which an origin is taken for down: then one request in `probe` goes
  // through and the others fail at once. The first success ends it.
  int failures = 5;
  std::chrono::milliseconds probe_first{250}, probe_most{1000};
  // Of a Retry-After: the whole origin after 429, the one URL after 503.
  std::chrono::seconds longest_pause{30};
};

// Thread-safe. Requests with a client's own credentials (FetchRequest::of_client) are never
// answered from what others met.
class UpstreamGuard final : public Upstream {
 public:
  using Now = std::function<std::chrono::steady_clock::time_point()>;
  // `inner` and `metrics` outlive it; `random`: from 0 to 1.
  UpstreamGuard(Upstream& inner, Metrics& metrics, GuardLimits limits, Now now,
                std::function<double()> random)
      : inner_(inner),
        metrics_(metrics),
        limits_(limits),
        now_(std::move(now)),
        random_(std::move(random)) {}

  Task<Result<FetchReply>> fetch(FetchRequest request) override;

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;
  struct Waiter {
    explicit Waiter(const net::any_io_executor& ex, SteadyTime until) : timer(ex, until) {}
    net::steady_timer timer;
    bool granted = false;  // under mutex_
  };
  struct Places {
    std::size_t taken = 0;
    std::deque<std::shared_ptr<Waiter>> waiting;
  };
  struct Origin {
    int failures = 0;   // in a row
    SteadyTime next{};  // while down: when the next one may go through
    std::string why;
    std::map<std::string, SteadyTime> paused;  // URLs after 503 with Retry-After
  };

  std::optional<Error> short_cut(const std::string& origin, const FetchRequest& request);
  Task<bool> enter(std::string places, std::chrono::milliseconds limit);
  void leave(const std::string& places);
  void note(const std::string& origin, const std::string& url, const Result<FetchReply>& reply);
  void fell(const std::string& name, Origin& origin, std::string why);
  std::chrono::milliseconds probe_after(int failures) const;

  Upstream& inner_;
  Metrics& metrics_;
  const GuardLimits limits_;
  Now now_;
  std::function<double()> random_;
  std::mutex mutex_;
  std::map<std::string, Origin> origins_;
  std::map<std::string, Places> places_;
};

}  // namespace npmgate
