#include "store/entry_json.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <iterator>
#include <utility>

#include "base/log.h"

namespace npmgate {

namespace {

// Every kind that some part of the program writes.
constexpr std::string_view kKinds[] = {
    "cache-purged", "decision", "policy-loaded", "policy-refused", "recall",  "refused",
    "request",      "served",   "sign-in",       "token",          "verdict", "write"};
constexpr std::size_t kText = 2000;  // of a detail that is no JSON object: nothing here writes one

boost::json::object detail_of(const AuditEntry& entry) {
  if (entry.detail.empty()) return {};
  boost::system::error_code error;
  boost::json::value parsed = boost::json::parse(entry.detail, error);
  if (!error && parsed.is_object()) return std::move(parsed.as_object());
  return {{"text", log::printable(entry.detail, kText)}};
}

}  // namespace

std::string audit_kinds() {
  std::string all;
  for (const std::string_view kind : kKinds) all += (all.empty() ? "" : ", ") + std::string(kind);
  return all;
}

bool is_audit_kind(std::string_view kind) {
  return std::find(std::begin(kKinds), std::end(kKinds), kind) != std::end(kKinds);
}

boost::json::object entry_json(const AuditEntry& entry) {
  return {{"id", entry.id},
          {"time", format_time(entry.at)},
          {"kind", entry.kind},
          {"actor", entry.actor},
          {"name", entry.name},
          {"version", entry.version},
          {"content", entry.content_id},
          {"action", entry.action},
          {"policy", entry.policy_hash},
          {"client", entry.client},
          {"detail", detail_of(entry)}};
}

boost::json::object entry_json(const LedgerEntry& entry) {
  return {{"time", format_time(entry.at)},  {"name", entry.name},       {"version", entry.version},
          {"content", entry.content_id},    {"token", entry.token},     {"address", entry.address},
          {"user_agent", entry.user_agent}, {"command", entry.command}, {"project", entry.project},
          {"reported", entry.reported},     {"count", entry.count}};
}

}  // namespace npmgate
