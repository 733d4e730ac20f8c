// What judging asks of advisory feeds.
#pragma once

#include <string_view>
#include <vector>

#include "inspect/findings/findings.h"

namespace npmgate {

class Feed {
 public:
  virtual ~Feed() = default;
  // Whether any version of the package may be named. Thread-safe; a binary search.
  virtual bool names(std::string_view package) const = 0;
  // The advisories that name this very version, ordered by id. Thread-safe; microseconds.
  virtual std::vector<PackageHistory::Advisory> find(std::string_view package,
                                                     std::string_view version) const = 0;
};

}  // namespace npmgate
