// Which sinks hear of an event, and where: pure.
#pragma once

#include <string>
#include <vector>

#include "alert/event.h"
#include "alert/settings.h"

namespace npmgate {

struct Route {
  std::string sink;
  std::string target;  // github: "owner/name"; "" for sinks with one address
  friend bool operator==(const Route&, const Route&) = default;
};

// In the order they are to hear of it: subscribers that lock the release first.
std::vector<Route> routes_of(const AlertSettings& settings, const AlertEvent& event);

// The event and everybody who is to hear of it, as AlertStore::record() takes them.
AlertStore::News news_of(const AlertSettings& settings, const AlertEvent& event);

// "owner/name" of a repository URL below `web`; "" if it lies elsewhere.
std::string repository_below(const std::string& web, const std::string& url);

}  // namespace npmgate
