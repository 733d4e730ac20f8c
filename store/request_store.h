// Releases that developers asked for, and what they were told. Thread-safe; every call may block on
// disk. A call that returned success survives kill -9.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace npmgate {

struct AuditEntry;

// Who asks. Token, address and project together are one asker: asking again replaces reason and
// date.
struct Asker {
  std::string token, address, project;
  std::string reason;
  std::optional<Time> needed_until;
  Time asked{};
  // An approval for some alone that covers this asker: the others of the request wait on.
  std::optional<Time> approved;
  std::string approved_by, approved_reason;
  friend bool operator==(const Asker&, const Asker&) = default;
};

// One release that somebody waits for; whoever asks for the same one meanwhile joins.
struct ReleaseRequest {
  std::int64_t id = 0;
  std::string name, version;
  Time opened{};
  std::string answer;  // "" = open; approved, declined, instead
  std::optional<Time> answered;
  std::string answered_by, reason;  // of the answer
  std::string instead;              // the version to take; only with "instead"
  std::vector<Asker> askers;        // in the order in which they asked first
};

struct RequestFilter {
  std::string name, version;  // "": all
  bool open = false;          // only those without an answer
  int limit = 100;
  std::int64_t before = 0;  // ids below this one; 0: all
};

class RequestStore {
 public:
  static constexpr std::size_t kMaxOpen = 10'000;   // requests
  static constexpr std::size_t kMaxAskers = 1'000;  // of one request

  virtual ~RequestStore() = default;

  // Opens a request for the release, or joins the one that is open, and writes the audit entry with
  // it. kRefused if there would be more than kMaxOpen or kMaxAskers.
  struct Asked {
    std::int64_t id = 0;
    bool opened = false;  // false: joined, or asked again
  };
  virtual Result<Asked> ask(const std::string& name, const std::string& version, const Asker& asker,
                            const AuditEntry& audit) = 0;
  struct Answer {
    std::string answer, by, reason, instead;
    Time at{};
  };
  // Answers the open request `id`, with its audit entry. kNotFound if there is no such open one.
  virtual Result<void> answer(std::int64_t id, const Answer& answer, const AuditEntry& audit) = 0;
  // Answers those askers of the open request `id` who ask with this token and for this project
  // (empty: any) by an approval for them alone, with its audit entry; the request is answered with
  // it once no asker waits any more. How many it answered; without any, nothing is written.
  // kNotFound as above.
  virtual Result<std::size_t> approve_for(std::int64_t id, const std::string& token,
                                          const std::string& project, const Answer& answer,
                                          const AuditEntry& audit) = 0;
  // Newest first, with their askers.
  virtual Result<std::vector<ReleaseRequest>> requests(const RequestFilter& filter) = 0;
};

}  // namespace npmgate
