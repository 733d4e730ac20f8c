// What alerting remembers: the last known standing of each release, events, the durable outbox, and
// issues written. Thread-safe; every call may block on disk. A call that returned success survives
// kill -9. Texts of events are the caller's (alert/event.h); nothing here looks into them.
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

// The verdict that was last told apart, in alert/event.h's words. Not release.verdict again: that
// has four actions, where news tells a hold by age alone from one by findings, and a withdrawn
// release from a refused one; and whoever judges first writes it (an answer, the watch, a new
// policy), where a standing changes only together with the news about it, so that none is lost when
// the process ends in between.
struct KnownStanding {
  std::string name, version, content_id, standing;
  Time at{};
  friend bool operator==(const KnownStanding&, const KnownStanding&) = default;
};

struct OutboxEvent {
  std::int64_t id = 0;
  Time at{};
  std::string kind, name, version, content_id;
  std::string json;
  friend bool operator==(const OutboxEvent&, const OutboxEvent&) = default;
};

struct OutboxAddress {
  std::string sink, target;
  friend bool operator==(const OutboxAddress&, const OutboxAddress&) = default;
};

// An event that waits for company on its way to one address.
struct WaitingEvent {
  std::int64_t id = 0;  // of the outbox row
  OutboxAddress to;
  OutboxEvent event;
};

// One message on its way: its events never change once it is put together.
struct Delivery {
  std::int64_t id = 0;
  OutboxAddress to;
  std::string key;  // idempotency key
  Time created{}, due{};
  int attempts = 0;
  std::string state;   // pending, sent, dead
  std::string detail;  // of the last failure, or what came of it
  std::optional<Time> done;
  std::vector<OutboxEvent> events;
};

struct StoredIssue {
  std::string repository, name, version;
  std::int64_t number = 0;
  std::string state;
  Time at{};
  friend bool operator==(const StoredIssue&, const StoredIssue&) = default;
};

class AlertStore {
 public:
  virtual ~AlertStore() = default;

  virtual Result<std::vector<KnownStanding>> standings() = 0;

  // What happened and who is to hear of it, in one transaction: standing, audit entry, event,
  // outbox rows. Addresses that got the same kind of event of this content within `repeat` before
  // are left out. Returns how many rows were written.
  struct News {
    std::vector<KnownStanding> standings;
    std::vector<const AuditEntry*> audit;
    std::optional<OutboxEvent> event;
    std::vector<OutboxAddress> to;
    Millis repeat{};
    // If not empty, instead of `repeat`: an address is left out if last_told() is one of
    // these.
    std::vector<std::string> skip_after;
  };
  virtual Result<int> record(const News& news) = 0;

  // The kind of the last event about this release that goes or went to the address; for a
  // repository whose outbox rows were trimmed what its issue says: "held" or "cleared". "": none.
  virtual Result<std::string> last_told(const OutboxAddress& to, std::string_view name,
                                        std::string_view version) = 0;
  // Every address that an event about this release goes or went to.
  virtual Result<std::vector<OutboxAddress>> told(std::string_view name,
                                                  std::string_view version) = 0;

  // Events that are in no message yet, oldest first, at most 1,000 for each address: one that may
  // take no more for now does not hide the others.
  virtual Result<std::vector<WaitingEvent>> waiting() = 0;
  // Puts the rows into one message, due at once. kNotFound if one of them is in a message
  // already.
  virtual Result<Delivery> bundle(const std::vector<std::int64_t>& rows, const OutboxAddress& to,
                                  const std::string& key, Time now) = 0;
  // Pending messages that are due, oldest first.
  virtual Result<std::vector<Delivery>> due(Time now, int limit) = 0;
  // Before each attempt: counts it and sets when the next one is due should this process end now.
  virtual Result<void> begin_attempt(std::int64_t id, Time next) = 0;
  virtual Result<void> failed(std::int64_t id, Time next, std::string_view detail) = 0;
  // `state`: sent or dead.
  virtual Result<void> finish(std::int64_t id, std::string_view state, Time now,
                              std::string_view detail) = 0;
  // Messages of a sink that were sent since.
  virtual Result<int> sent_since(std::string_view sink, Time since) = 0;
  // Messages, newest first; waiting events are not among them.
  virtual Result<std::vector<Delivery>> deliveries(int limit) = 0;

  virtual Result<std::vector<StoredIssue>> issues(std::string_view repository) = 0;
  virtual Result<void> put_issue(const StoredIssue& issue) = 0;

  // Removes messages finished before, and events that no message needs. Standings and issues stay.
  virtual Result<void> trim_outbox(Time before) = 0;
};

}  // namespace npmgate
