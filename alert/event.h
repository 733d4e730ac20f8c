// What happened to a release, as a value: made from two standings, stored in the outbox, rendered
// for every sink.
#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "policy/decide.h"
#include "store/alert_store.h"

namespace npmgate {

// What a verdict means to people, coarser than its reasons: a change of it is news. kWaiting: held
// by nothing but its age. kWithdrawn: held or blocked, and the upstream no longer lists it.
enum class Standing { kClear, kWaiting, kWarned, kHeld, kBlocked, kWithdrawn };
std::string_view to_string(Standing standing);
std::optional<Standing> parse_standing(std::string_view text);
Standing standing_of(const Verdict& verdict);
inline bool is_bad(Standing standing) {
  return standing == Standing::kHeld || standing == Standing::kBlocked;
}

// held, blocked: refused from now on. recall: the same, and somebody has it. warned: served with a
// warning. cleared: no longer held or blocked, or withdrawn. fixed: a later release than a bad one
// is served. requested: a developer asks for a release that is refused. dropped: a subscribed
// project no longer locks it; told to that project alone. gate: trouble of the gate itself. test:
// `npm-gate alerts test`.
enum class EventKind {
  kHeld,
  kBlocked,
  kRecall,
  kWarned,
  kCleared,
  kFixed,
  kRequested,
  kDropped,
  kGate,
  kTest
};
std::string_view to_string(EventKind kind);
std::optional<EventKind> parse_event_kind(std::string_view text);

// The news in a standing that was `before` (nullopt: the release was not known) and is `now`;
// `somebody_has_it`: it was served or reported. nullopt: none.
std::optional<EventKind> news(std::optional<Standing> before, Standing now, bool somebody_has_it);

// Who has a release, from the ledger.
struct Holder {
  std::string token, address, project, command;
  Time at{};
  bool reported = false;  // named in an audit request, not fetched through the gate
  friend bool operator==(const Holder&, const Holder&) = default;
};

struct AlertFinding {
  std::string id, severity, message, proof;  // proof: JSON text
  friend bool operator==(const AlertFinding&, const AlertFinding&) = default;
};

struct AlertEvent {
  AlertEvent() {}  // a constructor: it travels into coroutines (see proxy/net/async.h)
  EventKind kind = EventKind::kHeld;
  Time at{};
  std::string name, version, content_id;  // empty for gate and test
  std::string action;                     // of the verdict: allow, warn, quarantine, block
  std::string sentence;                   // why, one line
  std::vector<std::string> rules;         // ids that decided
  std::vector<AlertFinding> findings;
  std::string baseline;               // version it was compared with, "" = none
  std::string publisher;              // "" = unknown
  std::string repository;             // the package's own, an https URL, "" = unknown
  std::string fixes;                  // kFixed: the bad version before it
  std::vector<Holder> holders;        // newest first, at most kMaxHolders
  std::int64_t holder_count = 0;      // all of them
  std::vector<std::string> projects;  // subscribed projects that lock it (repository URLs)
  friend bool operator==(const AlertEvent&, const AlertEvent&) = default;
  std::string release() const { return name + "@" + version; }
};

// Of a cleared event: its release is refused all the same, the upstream took it back.
bool still_refused(const AlertEvent& event);

// An alert names this many holders; `npm-gate downloads` lists the rest.
inline constexpr std::size_t kMaxHolders = 50;

boost::json::object to_json(const AlertEvent& event);
// kCorrupt on anything that to_json did not write.
Result<AlertEvent> alert_event_from(std::string_view json);

// As the outbox keeps it; the id comes with the row.
OutboxEvent outbox_event(const AlertEvent& event);

}  // namespace npmgate
