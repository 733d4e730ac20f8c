// The verdict: a pure function of microseconds over (policy, release facts, findings, decisions,
// now). Total and deterministic: one more finding never makes it milder, a waiver never makes it
// stricter, the order of rules does not matter.
#pragma once

#include <boost/json/value.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "policy/policy.h"

namespace npmgate {

// What rules ask about a release besides its findings.
struct Subject {
  std::string name, version;
  std::optional<Version> semver;
  std::string content_id;  // "" while the tarball was not inspected
  std::string upstream;
  bool popular = false;
  bool has_install_script = false;
  std::string publisher;  // "" unknown
  std::string license;
  // Of a verified attestation, as its certificate says it; nullopt = none, or only claimed.
  struct Proven {
    std::string issuer;  // of the builder's identity
    std::string runner;  // "github-hosted"
    std::string repository, workflow, ref;
    friend bool operator==(const Proven&, const Proven&) = default;
  };
  std::optional<Proven> provenance{};
  bool lowest_risk = false;  // judge/lowest_risk.h; of recent releases
  std::string risk_left;     // what keeps it from that, the first of it, in words
  Time age_start{};  // age counts from here (SPEC section 4, "Age, in this order"); the caller
                     // computed it
  std::optional<Time> published;
  bool untimed = false;  // its registry states no publish times at all: ages count from first sight
  bool inspected = false;
  // For waivers by glob or open range: publisher and hook text equal the baseline's.
  bool same_publisher_and_hooks = false;
  // The baseline's version if the release is that one again
  // (inspect/evidence/restored_baseline.h); "" otherwise. A fact of both releases' bytes,
  // independent of every finding.
  std::string again;
};

// An admin's recorded decision.
struct Decision {
  enum class Kind { kApprove, kReject } kind = Kind::kApprove;
  std::int64_t id = 0;
  std::string name;
  std::string versions;               // exact version (approve) or range (reject)
  std::string content_id;             // approve: what was shown
  std::vector<std::string> findings;  // approve: "id:digest" of every finding shown
  std::string actor, reason;
  Time at{};
  std::optional<Time> expires;
  bool reopened = false;  // a later reopen ended it
  // An approval for some alone: for what one token fetches, or what one project does. Both empty:
  // for everybody.
  std::string token, project;
  bool is_for_all() const { return token.empty() && project.empty(); }
  friend bool operator==(const Decision&, const Decision&) = default;
};

struct Reason {
  std::string rule;  // rule id, "floor:<finding>", "rejection", "not-inspected"
  Action action = Action::kAllow;
  std::vector<std::string> findings;  // ids that made it match
  std::string message;                // the rule's message, or the first finding's
  Position at;                        // of the rule; empty file for the floor
  std::optional<Time> ends;           // when this reason stops holding by itself
  std::string waived_by;  // not empty: matched, but waived/approved/monitor; says by what
  bool cooldown = false;
};

struct Verdict {
  Action action = Action::kAllow;   // what happens
  Action would = Action::kAllow;    // what would happen without monitor mode and break-glass
  std::vector<Reason> reasons;      // strictest first; those that count, then the waived ones
  std::optional<Time> ends;         // quarantine that ends by itself: then
  std::optional<Time> valid_until;  // the verdict can change by time alone at this instant (hold
                                    // ends, approval or waiver expires)
  std::string approved_by;          // approval that lifted it
  bool warn_clients = false;        // a warn reason with tell: clients
  bool served() const { return action <= Action::kWarn; }
  // Whether this release can be a baseline: not blocked, rejected or held by a rule other than an
  // age rule (in monitor mode: would be).
  bool baseline_fit = true;
};

Verdict decide(const Policy& policy, const Subject& subject, std::span<const Finding> findings,
               std::span<const Decision> decisions, Time now);

// "NAME@VERSION is quarantined until 2026-11-25 10:00 UTC: FINDING MESSAGE (rule takeover)" : one
// line, ASCII, at most 400 bytes.
std::string refusal_sentence(const Subject& subject, const Verdict& verdict,
                             std::span<const Finding> findings);
// The story from evidence to verdict for people (explain), several lines; and the same as data.
std::string explain_text(const Subject& subject, const Verdict& verdict,
                         std::span<const Finding> findings, Time now);
// What would have to change for the release to be served, one sentence each, the nearest first;
// empty if it is served.
std::vector<std::string> remedies(const Subject& subject, const Verdict& verdict, Time now);
boost::json::value to_json(const Verdict& verdict);
boost::json::value to_json(const Finding& finding);

}  // namespace npmgate
