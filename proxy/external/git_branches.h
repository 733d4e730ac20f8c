// Whether commits are on branches of a repository (git_client.h).
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/time.h"
#include "proxy/external/git_client.h"

namespace npmgate {

// Thread-safe. What it is given outlives it.
class GitBranches {
 public:
  // Of a repository's branches that are named in a question, 50 bytes each. One with more is
  // unknown unless a branch among the first of them has the commit.
  static constexpr std::size_t kMaxTips = 20'000;

  GitBranches(GitClient& client, const Clock& clock) : client_(client), clock_(clock) {}

  // GitClient::trouble() of the host of `url`.
  std::string trouble(const std::string& url) { return client_.trouble(git_host(url)); }

  // Whether each of `commits` (hex, at least one) can be reached from a branch that the server
  // lists. Asked as a fetch of what those commits have and the branches do not: two requests and
  // some hundred bytes where the answer is yes, one where the branches are known from before
  // (GitOptions::cache). `url`: of the repository. Errors: as GitClient's; kNotFound also for a
  // commit that the repository does not have; kRefused: the host cannot be asked so; kTimeout:
  // `until` has passed.
  Task<Result<bool>> reach_all(std::string url, std::vector<std::string> commits,
                               std::chrono::steady_clock::time_point until);

 private:
  struct Listed {
    Listed() {}
    GitClient::Opened opened;
    std::vector<std::string> tips;
    bool all = true;  // `tips` are all there are
  };
  using ListedPtr = std::shared_ptr<const Listed>;
  struct Known {
    Result<ListedPtr> listed = fail(Code::kUnavailable, Origin::kUpstream, "not asked");
    Time asked{};
  };
  Task<Result<ListedPtr>> list(std::string url);
  Task<Result<ListedPtr>> list_now(std::string url);

  GitClient& client_;
  const Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, Known> cache_;  // by URL
};

}  // namespace npmgate
