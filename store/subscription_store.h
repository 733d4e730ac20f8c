// Projects that want to hear of the releases they lock. Thread-safe; every call may block on disk.
// A call that returned success survives kill -9.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace npmgate {

// A locked release, or (package.json) a range that releases may fit.
struct SubscribedRelease {
  std::string name;
  std::string version;  // "" if only a range is known
  std::string range;    // "" if the version is
  friend auto operator<=>(const SubscribedRelease&, const SubscribedRelease&) = default;
};

struct Subscription {
  std::string id;          // of (repository, project, file): the same upload again renews it
  std::string repository;  // https URL
  std::string project;     // what the uploader calls it; "" = the repository
  std::string file;        // lockfile name
  std::string format;      // to_string(LockFormat)
  std::string token;       // name of the token that uploaded it last
  Time created{}, renewed{};
  std::size_t releases = 0;  // how many it holds
};

class SubscriptionStore {
 public:
  virtual ~SubscriptionStore() = default;

  // Adds it, or replaces the one with its id (whose `created` stays), releases included, in one
  // transaction. kRefused if there would be more than `limit` subscriptions.
  virtual Result<void> put(const Subscription& subscription,
                           const std::vector<SubscribedRelease>& releases, std::size_t limit) = 0;
  virtual Result<std::vector<Subscription>> all() = 0;  // ordered by repository, project, file
  virtual Result<std::vector<SubscribedRelease>> releases_of(std::string_view id) = 0;
  virtual Result<bool> remove(std::string_view id) = 0;      // false: there was none
  virtual Result<int> remove_renewed_before(Time time) = 0;  // how many

  // Names of packages that any subscription holds, sorted.
  virtual Result<std::vector<std::string>> names() = 0;
  // Everything that subscriptions hold of one package.
  virtual Result<std::vector<std::pair<Subscription, SubscribedRelease>>> holders(
      std::string_view name) = 0;
};

// Those of `holders` that lock exactly this version or ask for a range it fits.
std::vector<Subscription> who_has(
    const std::vector<std::pair<Subscription, SubscribedRelease>>& holders,
    std::string_view version);

}  // namespace npmgate
