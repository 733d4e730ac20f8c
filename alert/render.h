// Messages as sinks take them: pure functions of events. docs/monitoring.md describes each form.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "alert/event.h"

namespace npmgate {

// Events that share one message.
struct AlertMessage {
  AlertMessage() {}  // a constructor: it travels into coroutines (see proxy/net/async.h)
  std::vector<AlertEvent> events;  // never empty
  std::string key;                 // idempotency key: the same for every attempt of this message
  Time at{};                       // when it was put together
  std::string pages_url;           // public URL of the gate with trailing slash; "" = unknown
};

// "3 releases held, 1 recall" for a digest, the event's own sentence for one.
std::string headline(const AlertMessage& message);
// One line about one event, plain text: "ua-parser-js@0.7.29 is held: …".
std::string event_line(const AlertEvent& event);
// Where the gate tells about a release; "" if the gate has no public URL or the event no
// release.
std::string page_url(const AlertMessage& message, const AlertEvent& event);

// Schema npm-gate.alert/1 (docs/monitoring.md).
std::string webhook_body(const AlertMessage& message);
// Content-Type, Idempotency-Key and, with a secret, X-Npm-Gate-Signature:
// "t=<seconds>,v1=<hex HMAC-SHA256 of '<seconds>.<body>'>".
std::vector<std::pair<std::string, std::string>> webhook_headers(const std::string& body,
                                                                 const std::string& key,
                                                                 const std::string& secret,
                                                                 Time now);
// Block Kit with a plain `text` for notifications; at most 20 events are listed.
std::string slack_body(const AlertMessage& message);
// An Adaptive Card 1.4 in the envelope that Teams' workflows take.
std::string teams_body(const AlertMessage& message);
// RFC 5322: headers, blank line, base64 body of UTF-8 plain text; CRLF line ends.
std::string email_text(const AlertMessage& message, const std::string& from,
                       const std::vector<std::string>& to);

}  // namespace npmgate
