// Messages as issues of the repositories they concern.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "alert/issue.h"
#include "alert/settings.h"
#include "proxy/delivery/sink.h"
#include "proxy/net/upstream.h"
#include "store/alert_store.h"

namespace npmgate {

// Carries out what plan_issues says. Idempotent: looks for its marker first, so a retry after a
// crash creates no duplicate.
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
    SendOutcome problem;  // if the status is not 2xx, or nobody answered
    bool ok() const { return status >= 200 && status < 300; }
  };
  struct Job {
    Job() {}
    const SinkSettings* sink = nullptr;
    std::string repository;
    AlertMessage message;
    IssueAudience audience = IssueAudience::kMaintainer;
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
