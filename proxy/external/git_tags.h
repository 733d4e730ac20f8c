// Asks a release's repository for its tags (git_client.h).
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/time.h"
#include "inspect/findings/findings.h"
#include "proxy/external/git_client.h"
#include "proxy/runtime/config.h"

namespace npmgate {

class TagSource {
 public:
  virtual ~TagSource() = default;
  // `earlier`: versions of the package before this one, newest first: its habit is learned from
  // them. Never an error: what was not available is TagEvidence::State::kUnknown with the reason.
  virtual Task<TagEvidence> ask(std::string repository, std::string name, std::string version,
                                std::vector<std::string> earlier) = 0;
};

// As the configuration says.
GitOptions git_options(const Config& config);

class GitTagSource final : public TagSource {
 public:
  GitTagSource(GitOptions options, Upstream& upstream, const Clock& clock)
      : client_(std::move(options), upstream, clock), clock_(clock) {}
  // For what else is asked of the same hosts.
  GitClient& client() { return client_; }
  Task<TagEvidence> ask(std::string repository, std::string name, std::string version,
                        std::vector<std::string> earlier) override;

 private:
  struct Known {
    Result<GitTags> tags = fail(Code::kUnavailable, Origin::kUpstream, "not asked");
    Time asked{};
  };
  Task<Result<GitTags>> list(std::string url, std::vector<std::string> wanted);
  Task<Result<GitTags>> list_now(std::string url, std::vector<std::string> wanted);

  GitClient client_;
  const Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, Known> cache_;
};

}  // namespace npmgate
