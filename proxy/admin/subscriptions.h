// Subscriptions over the admin API: a project uploads its lockfile on every CI run, learns at once
// what of it is refused already, and hears later what becomes so (alerts).
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "judge/active_policy.h"
#include "proxy/net/http.h"
#include "proxy/runtime/config.h"
#include "store/pin_store.h"
#include "store/release_store.h"
#include "store/subscription_store.h"

namespace npmgate {

// What an upload may weigh and hold: some times the largest lockfiles in use (3 MB, 4,000
// releases).
inline constexpr std::size_t kMaxSubscriptionBody = std::size_t{16} << 20;
inline constexpr std::size_t kMaxSubscribedReleases = 20'000;
inline constexpr std::size_t kMaxSubscriptions = 10'000;

// Names and versions that a repository's upload holds and that are refused now.
using UploadTold = std::function<void(const std::string& repository,
                                      std::vector<std::pair<std::string, std::string>> refused)>;

struct SubscriptionDependencies {
  const Config& config;
  const Clock& clock;
  SubscriptionStore& subscriptions;
  ReleaseStore& releases;
  PinStore& pins;
  ActivePolicy& active_policy;
  UploadTold told = {};  // called after every upload; may be null
};

// Thread-safe; every call blocks on disk and CPU: off the loops.
class Subscriptions {
 public:
  explicit Subscriptions(SubscriptionDependencies deps) : deps_(deps) {}

  // POST: {"repository", "file", "text", "project"?}. 200 with the subscription and those of its
  // releases that are held or refused now; 400 and 413 with the reason.
  Result<Response> upload(const std::string& body, const std::string& token);
  Result<Response> list();
  Result<Response> show(const std::string& id);
  Result<Response> remove(const std::string& id);

  // For alerts: repository URLs of the projects that lock NAME@VERSION (or ask for a range it
  // fits), each once; expired subscriptions no longer count.
  Result<std::vector<std::string>> repositories_with(const std::string& name,
                                                     const std::string& version);
  // Names that subscriptions hold.
  Result<std::vector<std::string>> names();

 private:
  Time oldest() const { return deps_.clock.now() - deps_.config.subscriptions_expire; }
  Result<void> drop_expired();

  SubscriptionDependencies deps_;
};

}  // namespace npmgate
