// Developers ask for releases that are refused: who, why, until when; the reviewers are told, and
// the asker reads the answer. Thread-safe.
#pragma once

#include <boost/json/object.hpp>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "base/time.h"
#include "proxy/net/http.h"
#include "proxy/packages/packages.h"
#include "store/request_store.h"

namespace npmgate {

class ReleaseRequests {
 public:
  static constexpr std::size_t kMaxBody = 16 * 1024;
  static constexpr std::size_t kMaxReason = 1'000;  // bytes
  static constexpr std::size_t kMaxProject = 200;
  static constexpr int kPerHour = 30;  // of one token or address

  ReleaseRequests(Dependencies deps, Packages& packages) : deps_(deps), packages_(packages) {}

  // POST: a form or JSON, {"reason", "needed_until"?, "project"?}. 201 for a request that is new,
  // 200 for one that is joined, in JSON, or 303 to the release's page for a form. 400 without a
  // reason, 403 where nobody may ask or the form came from elsewhere, 404 for a release that nobody
  // knows, 409 for one that is served, 429.
  Task<Response> ask(PackageName name, std::string version, const Request& request);

  // For pages and tools, what was asked and answered about the release: at most the last few,
  // newest first, {id, state, opened, askers, yours, only, answered, by, reason, instead}. Askers
  // are counted, not named; `only`: the project of yours that an approval for it alone covers.
  // Blocks on disk.
  Result<boost::json::array> about(const std::string& name, const std::string& version,
                                   const Request& request) const;
  // Whether whoever sends the request may ask for releases.
  bool may_ask(const Request& request) const;

 private:
  struct Question {
    Question() {}
    Asker asker;
    bool form = false;
  };
  Result<Question> read(const Request& request) const;
  bool too_many(const Request& request);
  Result<Response> record(const SnapshotPtr& snapshot, const std::string& version,
                          const Question& question, const Request& request);
  Result<void> tell_reviewers(const Judged& judged, const RequestStore::Asked& asked,
                              const Asker& asker);

  Dependencies deps_;
  Packages& packages_;
  std::mutex mutex_;
  struct Asking {
    Time since{};
    int count = 0;
  };
  std::map<std::string, Asking> asking_;  // by token or address
};

// Who a request comes from, for people: "token ci", or the address.
std::string asker_text(const Asker& asker);
// {id, name, version, opened, state, answered, by, reason, instead, askers: [{who, token, address,
// project, reason, needed_until, asked}]}: for reviewers.
boost::json::object to_json(const ReleaseRequest& request);

}  // namespace npmgate
