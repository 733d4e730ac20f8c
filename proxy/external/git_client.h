// Talks to git servers over smart HTTP: https only, hosts on the allow-list, public addresses only
// unless the host is the team's own, no credentials, bounded bytes and time, no git binary.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/time.h"
#include "proxy/external/git_protocol.h"
#include "proxy/net/async.h"
#include "proxy/net/upstream.h"

namespace npmgate {

struct GitOptions {
  std::vector<std::string> hosts;
  Millis timeout{5000};
  Millis cache{std::chrono::minutes(10)};
  std::vector<std::string> private_hosts;  // of `hosts`, those that may resolve to private
                                           // addresses: the team's own git servers
  std::string ca_file;                     // further trust anchors
};

// Thread-safe.
class GitClient {
 public:
  GitClient(GitOptions options, Upstream& upstream, const Clock& clock)
      : options_(std::move(options)), upstream_(upstream), clock_(clock) {}
  const GitOptions& options() const { return options_; }

  // Why `host` is not asked now: not among the hosts, or it failed three times in a row (SPEC,
  // section 3: then it is unknown for 10 min, without waiting). "" if it may be asked.
  std::string trouble(const std::string& host);
  // What came of asking it.
  void note(const std::string& host, bool failed);

  struct Opened {
    Opened() {}
    GitAdvertisement advertised;
    std::string host;  // that was asked; whether addresses must be public is its matter
    std::string base;  // URL that further requests go to: where a renamed repository's led
  };
  // `url`: of the repository, of a host without trouble. kNotFound: private or gone.
  Task<Result<Opened>> open(std::string url, std::size_t max_body);
  // One POST to the upload-pack of an opened repository.
  Task<Result<std::string>> ask(Opened repository, std::string body, std::size_t max_body,
                                Millis limit);

 private:
  struct HostState {
    int failures = 0;
    Time until{};  // not asked before
  };
  FetchRequest request(std::string url, const std::string& host, std::size_t max_body,
                       Millis limit) const;

  GitOptions options_;
  Upstream& upstream_;
  const Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, HostState> hosts_;
};

// The host of a repository's URL, without a port.
std::string git_host(const std::string& url);

}  // namespace npmgate
