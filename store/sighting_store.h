// What packuments showed, and when: first sights, withdrawals, dist-tags of before.
// Thread-safe; every call may block on disk: call it off the loops. A call that returned success
// survives kill -9.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "registry/manifest.h"

namespace npmgate {

// A version as first seen in a packument of its upstream.
struct SeenVersion {
  std::string version;
  Time first_seen{};                  // when a look first showed it
  std::optional<Time> looked_before;  // the look before that, which did not show it; nullopt: it
                                      // was there at our first look
  std::string integrity;  // of the manifest at first sight ("" = none): dist.integrity, else the
                          // bare hex of shasum
  std::optional<Time> withdrawn;  // when the upstream stopped listing it
};

struct PackageRecord {
  std::string name;
  std::string upstream;
  std::optional<Time> first_look, last_look;
  std::map<std::string, SeenVersion, std::less<>> versions;
  std::map<std::string, std::vector<std::string>, std::less<>>
      tag_history;  // targets seen, newest first, at most 20
};

class SightingStore {
 public:
  virtual ~SightingStore() = default;

  // First sights. record_sighting adds what is new, marks what vanished, updates tag history;
  // returns the record after it.
  struct PackumentSighting {
    std::string name, upstream;
    Time at{};
    std::vector<std::pair<std::string, std::string>> versions;  // version, integrity
    StringMap dist_tags;
  };
  virtual Result<PackageRecord> record_sighting(const PackumentSighting& look) = 0;
  virtual Result<PackageRecord> package(std::string_view name) = 0;  // empty record if never seen
  virtual Result<std::vector<std::string>> package_names() = 0;
};

}  // namespace npmgate
