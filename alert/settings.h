// The `alerts:` and `watch:` parts of gate.yaml as values, with every default in one place.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "alert/event.h"
#include "policy/name_set.h"
#include "yaml/document.h"

namespace npmgate {

enum class SinkType { kWebhook, kSlack, kTeams, kEmail, kGithub };
std::string_view to_string(SinkType type);

struct SinkSettings {
  SinkType type = SinkType::kWebhook;
  std::string name;
  std::string url;     // webhook, slack, teams; github: base of the REST API with trailing slash;
                       // email: smtp://host:port or smtps://host:port
  std::string secret;  // webhook: HMAC key; github: token; email: password. Never logged
  std::string ca;      // further trust anchors, PEM file
  // email
  std::string user, from;
  std::vector<std::string> to;
  bool starttls = true;  // required if the URL is smtp://
  // github: which repositories get issues
  std::vector<std::string> repositories;    // "owner/name": told of every routed event
  std::shared_ptr<const NameSet> packages;  // packages whose own repository is told; null: none
  bool subscribers = false;                 // repositories of subscribed projects
  std::string web = "https://github.com/";  // where `repository` fields of packages must point
  int rate = 30;                            // messages per hour
};

struct AlertRule {
  std::string id;
  std::set<EventKind> events{EventKind::kHeld,    EventKind::kBlocked, EventKind::kRecall,
                             EventKind::kCleared, EventKind::kFixed,   EventKind::kRequested,
                             EventKind::kGate};
  FindingSet findings;                      // none: any
  std::shared_ptr<const NameSet> packages;  // null: any
  std::vector<std::string> sinks;           // names
};

struct AlertSettings {
  std::vector<SinkSettings> sinks;
  std::vector<AlertRule> rules;
  // Events wait this long for others, which then share one message. Every message that a sink got
  // in the last hour doubles the wait, up to max_wait: a worm in 200 packages is some digests.
  Millis wait{std::chrono::seconds{30}};
  Millis max_wait{std::chrono::minutes{10}};
  Millis repeat{std::chrono::hours{24}};   // the same news of a release to the same sink: not again
  Millis give_up{std::chrono::hours{72}};  // an undeliverable message is dead after this
  const SinkSettings* sink(std::string_view name) const;
};

struct WatchSettings {
  bool enabled = true;
  std::vector<std::string> packages;  // names watched besides those the gate knows
  int budget = 60;                    // upstream requests for packuments per minute
  Millis min_interval{std::chrono::minutes{10}};
  Millis max_interval{std::chrono::hours{6}};
};

// Environment variables and files for secrets, injected so that tests need neither.
struct SecretSource {
  std::function<std::optional<std::string>(const std::string& name)> variable;
  std::function<std::optional<std::string>(const std::string& path)> first_line;
  std::function<std::string(const std::string& path)> resolve;  // relative to gate.yaml's folder
  // False: for commands that send nothing. A secret that is not there is no mistake then, and
  // empty.
  bool needed = true;
};

AlertSettings read_alerts(const YamlNode& node, const SecretSource& secrets,
                          std::vector<Problem>& problems);
WatchSettings read_watch(const YamlNode& node, std::vector<Problem>& problems);
// "60/min", "30/h": a whole number from 1 and a unit. nullopt for anything else.
std::optional<int> parse_rate(std::string_view text, std::string_view unit);

}  // namespace npmgate
