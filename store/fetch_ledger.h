// Who got what.
// Thread-safe; every call may block on disk: call it off the loops. A call that returned success
// survives kill -9.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace npmgate {

// Who got what: one row per tarball sent or reported.
struct LedgerEntry {
  Time at{};
  std::string name, version, content_id;
  std::string token, address, user_agent, command, project;
  bool reported = false;   // only named in an audit request, not fetched here
  std::int64_t count = 1;  // entries alike but for the time are added up, per hour (fetched) or day
                           // (reported); `at` is then the last
  std::string position{};  // set by downloads(): where the next page goes on
};

// Which entries of the ledger; empty fields match everything.
struct LedgerFilter {
  std::string name, token, project, address;
  std::string text;  // a part of name, token, project or address
};

class FetchLedger {
 public:
  virtual ~FetchLedger() = default;

  virtual Result<void> ledger(const std::vector<LedgerEntry>& entries) = 0;
  // Entries that match, newest first; the caller filters versions. `after`: the position of the
  // last entry of the page before; kMalformed if it is none. An entry that counts on meanwhile
  // moves to the front.
  virtual Result<std::vector<LedgerEntry>> downloads(const LedgerFilter& filter, int limit,
                                                     std::string_view after = {}) = 0;
  Result<std::vector<LedgerEntry>> downloads(std::string_view name, int limit,
                                             std::string_view after = {}) {
    LedgerFilter filter;
    filter.name = name;
    return downloads(filter, limit, after);
  }
  virtual Result<void> trim_ledger(Time before) = 0;
};

}  // namespace npmgate
