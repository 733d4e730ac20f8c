// Asks a release's repository for its tags over git's smart HTTP: https only, hosts on the
// allow-list, public addresses only, no credentials, bounded bytes and time, no git binary.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/time.h"
#include "inspect/findings/findings.h"
#include "proxy/external/git_protocol.h"
#include "proxy/net/async.h"
#include "proxy/net/upstream.h"
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

struct GitOptions {
  std::vector<std::string> hosts;
  Millis timeout{5000};
  Millis cache{std::chrono::minutes(10)};
  std::vector<std::string> private_hosts;  // of `hosts`, those that may resolve to private
                                           // addresses: the team's own git servers
  std::string ca_file;                     // further trust anchors
};

// As the configuration says.
GitOptions git_options(const Config& config);

class GitTagSource final : public TagSource {
 public:
  GitTagSource(GitOptions options, Upstream& upstream, const Clock& clock)
      : options_(std::move(options)), upstream_(upstream), clock_(clock) {}
  Task<TagEvidence> ask(std::string repository, std::string name, std::string version,
                        std::vector<std::string> earlier) override;

 private:
  struct Known {
    Result<GitTags> tags = fail(Code::kUnavailable, Origin::kUpstream, "not asked");
    Time asked{};
  };
  struct HostState {
    int failures = 0;
    Time until{};  // not asked before
  };
  Task<Result<GitTags>> list(std::string url, std::vector<std::string> wanted);
  Task<Result<GitTags>> list_now(std::string url, std::vector<std::string> wanted);
  FetchRequest request(std::string url, const std::string& host) const;
  std::string host_trouble(const std::string& host);
  void note(const std::string& host, bool failed);

  GitOptions options_;
  Upstream& upstream_;
  const Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, Known> cache_;
  std::map<std::string, HostState> hosts_;
};

}  // namespace npmgate
