// When to look at a package again without a request for it: pure functions, so that 10,000 packages
// can be tried on a fake clock.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace npmgate {

struct WatchFacts {
  std::vector<Time> releases;  // publish times, any order; may be empty
  bool popular = false;
  bool wanted = false;  // subscribed to or listed in gate.yaml: somebody waits for news
};

// The wait between two looks that fits the package's rhythm: a twentieth of the median gap between
// its last releases, a quarter of that while its newest release is younger than a week (bad
// releases come in bursts, fixes follow), halves for popular and for wanted ones; within [shortest,
// longest]. A package without rhythm (silent for years, or never released) is looked at every
// `longest`.
Millis watch_interval(const WatchFacts& facts, Time now, Millis shortest, Millis longest);

// The order of looks. One thread at a time.
class WatchQueue {
 public:
  // Due at `last_look` + interval * (0.9 … 1.1 by `chance`): restarts must not ask for all at once.
  void put(const std::string& name, Time last_look, Millis interval, double chance);
  void remove(const std::string& name);
  // Due at once, before everything else (a changes feed named it). One that is not here now, since
  // it is being looked at or was not learnt of yet, is due at once when it is put: the change may
  // be newer than that look. A feed names a whole registry, so that only the last 10,000 are kept.
  void hurry(const std::string& name, Time now);
  bool knows(const std::string& name) const { return entries_.contains(name); }
  std::size_t size() const { return entries_.size(); }
  // Up to `most` names that are due at `now`, the one that is late by most intervals first; they
  // leave the queue until put() again.
  std::vector<std::string> take(Time now, std::size_t most);

 private:
  struct Entry {
    Time due{};
    Millis interval{};
  };
  std::map<std::string, Entry, std::less<>> entries_;
  std::set<std::string> hurried_;
  std::set<std::string> absent_;         // hurried while not here
  std::deque<std::string> absent_ages_;  // the same, oldest first
};

// Requests per minute, spread evenly; no minute sees more than the budget.
class WatchBudget {
 public:
  WatchBudget(int per_minute, Time now) : per_minute_(per_minute), last_(now) {}
  // How many requests may be sent now; they are taken from the budget by spend().
  int available(Time now);
  void spend(int requests) { tokens_ -= requests; }

 private:
  int per_minute_;
  Time last_;
  double tokens_ = 1;
};

// One line or object of a CouchDB-style `_changes` answer.
struct Changes {
  std::vector<std::string> names;  // documents that changed; design documents left out
  std::string last_seq;            // JSON text of `last_seq`: CouchDB has numbers and strings
};
// kMalformed for anything that is no answer of `_changes`.
Result<Changes> parse_changes(std::string_view body);

}  // namespace npmgate
