// Sample events for the tests of alert/.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "alert/render.h"

namespace npmgate::test {

inline AlertEvent bad_release(const std::string& name = "ua-parser-js",
                              const std::string& version = "0.7.29") {
  AlertEvent event;
  event.kind = EventKind::kHeld;
  event.at = parse_time("2021-10-22T12:15:21Z").value();
  event.name = name;
  event.version = version;
  event.content_id = "aa:bb";
  event.action = "quarantine";
  event.sentence = name + "@" + version + " is quarantined: preinstall added (rule takeover)";
  event.rules = {"takeover"};
  event.findings = {{"install-script-added", "high", "preinstall added: node preinstall.js",
                     R"({"hook":"preinstall","after":"node preinstall.js"})"}};
  event.baseline = "0.7.28";
  event.publisher = "owner";
  event.repository = "https://github.com/fixtures/" + name;
  return event;
}

inline AlertEvent of_kind(EventKind kind, const std::string& name, const std::string& version) {
  AlertEvent event = bad_release(name, version);
  event.kind = kind;
  if (kind == EventKind::kCleared || kind == EventKind::kFixed) {
    event.findings.clear();
    event.action = "allow";
    event.sentence.clear();
  }
  return event;
}

inline AlertMessage message_of(std::vector<AlertEvent> events) {
  AlertMessage message;
  message.events = std::move(events);
  message.key = "k1";
  message.at = parse_time("2021-10-22T12:16:00Z").value();
  message.pages_url = "https://npm.corp.example/";
  return message;
}

}  // namespace npmgate::test
