// What came of one attempt to deliver a message.
#pragma once

#include <optional>
#include <string>

#include "alert/issue.h"
#include "alert/settings.h"
#include "proxy/net/upstream.h"
#include "store/alert_store.h"

namespace npmgate {

struct SendOutcome {
  enum class Kind { kSent, kRetry, kDead } kind = Kind::kRetry;
  std::string detail;          // for the list: a status, a reason; never a secret
  std::optional<Millis> wait;  // kRetry: what the other side asked for
  SendOutcome() {}  // a constructor: it travels through coroutines (see proxy/net/async.h)
  SendOutcome(Kind k, std::string d, std::optional<Millis> w = std::nullopt)
      : kind(k), detail(std::move(d)), wait(w) {}
};

// What the status of a webhook, Slack or Teams means: 2xx sent; a client error that the same
// message would meet again (a body or an address that is refused) is dead; what an admin or time
// mends (401, 403, 408, 409, 421, 423, 425, 429, 3xx, 5xx) is tried again.
SendOutcome hook_outcome(SinkType type, const FetchReply& reply, Time now);

// Retry-After of a reply: seconds or an HTTP date. nullopt where absent or nonsense.
std::optional<Millis> retry_after(const FetchReply& reply, Time now);

// POSTs to a webhook, Slack or Teams address.
Task<SendOutcome> send_hook(Upstream& upstream, const SinkSettings& sink, AlertMessage message,
                            Time now);

// Hands a finished mail to the sink's server. Sent where the server took it for at least one
// recipient; dead where it refused it for good (5xx after login). Blocks: `limit` for the whole
// exchange.
SendOutcome send_mail(const SinkSettings& sink, const std::string& text,
                      std::chrono::seconds limit);

// Carries out what plan_issues says. Whatever was done is found again by its marker, so that an
// attempt after a crash repeats nothing.
class GithubIssues {
 public:
  GithubIssues(Upstream& upstream, AlertStore& store, Pool& pool, const Clock& clock)
      : upstream_(upstream), store_(store), pool_(pool), clock_(clock) {}
  // `repository` = "owner/name".
  Task<SendOutcome> deliver(const SinkSettings& sink, std::string repository, AlertMessage message);
  // Whether the token works and every configured repository can be read; writes nothing.
  Task<SendOutcome> check(const SinkSettings& sink);

 private:
  struct Call {
    Call() {}
    std::string method, path, body;
  };
  struct Answer {
    Answer() {}
    int status = 0;
    std::string body;
    SendOutcome problem;  // where the status is not 2xx, or nobody answered
    bool ok() const { return status >= 200 && status < 300; }
  };
  struct Job {
    Job() {}
    const SinkSettings* sink = nullptr;
    std::string repository;
    AlertMessage message;
    Audience audience = Audience::kMaintainer;
  };

  Task<Answer> call(const SinkSettings& sink, Call call);
  // The number (issue) or 1 (comment) of what carries `marker` in the listing at `path`; 0: none.
  Task<Result<std::int64_t>> find(const SinkSettings& sink, std::string path, std::string marker,
                                  SendOutcome& problem, int& status);
  Task<SendOutcome> create(const Job& job, std::vector<AlertEvent> events);
  Task<SendOutcome> comment(const Job& job, IssuePlan::Comment comment);
  Task<SendOutcome> set_state(const Job& job, std::int64_t number, bool closed);
  Task<Result<bool>> remember(const Job& job, std::int64_t number, std::vector<AlertEvent> events);
  Task<SendOutcome> gone(const Job& job, std::int64_t number);

  Upstream& upstream_;
  AlertStore& store_;
  Pool& pool_;
  const Clock& clock_;
};

// What GitHub's status means: 401, 403 and 429 may pass (Retry-After, x-ratelimit-reset), 404, 410
// and 422 do not.
SendOutcome github_outcome(const FetchReply& reply, Time now);

}  // namespace npmgate
