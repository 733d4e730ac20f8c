#include "alert/event.h"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <utility>

namespace npmgate {
namespace {

constexpr std::array<std::pair<Standing, std::string_view>, 6> kStandings = {
    {{Standing::kClear, "clear"},
     {Standing::kWaiting, "waiting"},
     {Standing::kWarned, "warned"},
     {Standing::kHeld, "held"},
     {Standing::kBlocked, "blocked"},
     {Standing::kWithdrawn, "withdrawn"}}};
constexpr std::array<std::pair<EventKind, std::string_view>, 10> kKinds = {
    {{EventKind::kHeld, "held"},
     {EventKind::kBlocked, "blocked"},
     {EventKind::kRecall, "recall"},
     {EventKind::kWarned, "warned"},
     {EventKind::kCleared, "cleared"},
     {EventKind::kFixed, "fixed"},
     {EventKind::kRequested, "requested"},
     {EventKind::kDropped, "dropped"},
     {EventKind::kGate, "gate"},
     {EventKind::kTest, "test"}}};

template <class Table, class Value>
std::string_view name_in(const Table& table, Value value) {
  for (const auto& [each, name] : table) {
    if (each == value) return name;
  }
  return "";
}

template <class Value, class Table>
std::optional<Value> value_in(const Table& table, std::string_view text) {
  for (const auto& [each, name] : table) {
    if (name == text) return each;
  }
  return std::nullopt;
}

boost::json::array strings(const std::vector<std::string>& texts) {
  return boost::json::array(texts.begin(), texts.end());
}

std::string text_at(const boost::json::object& object, std::string_view key) {
  return std::string(object.at(key).as_string());
}

std::vector<std::string> strings_at(const boost::json::object& object, std::string_view key) {
  std::vector<std::string> texts;
  for (const auto& each : object.at(key).as_array()) texts.emplace_back(each.as_string());
  return texts;
}

Time time_at(const boost::json::object& object, std::string_view key) {
  return parse_time(object.at(key).as_string()).value();
}

AlertEvent read_event(const boost::json::object& object) {
  AlertEvent event;
  event.kind = parse_event_kind(object.at("kind").as_string()).value();
  event.at = time_at(object, "time");
  event.name = text_at(object, "name");
  event.version = text_at(object, "version");
  event.content_id = text_at(object, "content");
  event.action = text_at(object, "action");
  event.sentence = text_at(object, "sentence");
  event.rules = strings_at(object, "rules");
  event.baseline = text_at(object, "baseline");
  event.publisher = text_at(object, "publisher");
  event.repository = text_at(object, "repository");
  event.fixes = text_at(object, "fixes");
  event.projects = strings_at(object, "projects");
  event.holder_count = object.at("holder_count").as_int64();
  for (const auto& each : object.at("findings").as_array()) {
    const auto& finding = each.as_object();
    event.findings.push_back({text_at(finding, "id"), text_at(finding, "severity"),
                              text_at(finding, "message"), text_at(finding, "proof")});
  }
  for (const auto& each : object.at("holders").as_array()) {
    const auto& holder = each.as_object();
    event.holders.push_back({text_at(holder, "token"), text_at(holder, "address"),
                             text_at(holder, "project"), text_at(holder, "command"),
                             time_at(holder, "time"), holder.at("reported").as_bool()});
  }
  return event;
}

}  // namespace

std::string_view to_string(Standing standing) {
  return name_in(kStandings, standing);
}
std::optional<Standing> parse_standing(std::string_view text) {
  return value_in<Standing>(kStandings, text);
}
std::string_view to_string(EventKind kind) {
  return name_in(kKinds, kind);
}
std::optional<EventKind> parse_event_kind(std::string_view text) {
  return value_in<EventKind>(kKinds, text);
}

Standing standing_of(const Verdict& verdict) {
  if (verdict.action == Action::kBlock) return Standing::kBlocked;
  if (verdict.action == Action::kWarn) return Standing::kWarned;
  if (verdict.action == Action::kAllow) return Standing::kClear;
  const bool by_age =
      std::all_of(verdict.reasons.begin(), verdict.reasons.end(), [](const Reason& reason) {
        return reason.cooldown || reason.action < Action::kQuarantine || !reason.waived_by.empty();
      });
  return by_age ? Standing::kWaiting : Standing::kHeld;
}

bool still_refused(const AlertEvent& event) {
  return event.action == to_string(Action::kQuarantine) ||
         event.action == to_string(Action::kBlock);
}

std::optional<EventKind> news(std::optional<Standing> before, Standing now, bool somebody_has_it) {
  if (before == now) return std::nullopt;
  const bool was_bad = before && is_bad(*before);
  if (is_bad(now)) {
    if (somebody_has_it && !was_bad) return EventKind::kRecall;
    return now == Standing::kBlocked ? EventKind::kBlocked : EventKind::kHeld;
  }
  if (was_bad) return EventKind::kCleared;
  return now == Standing::kWarned ? std::optional(EventKind::kWarned) : std::nullopt;
}

boost::json::object to_json(const AlertEvent& event) {
  boost::json::array findings, holders;
  for (const AlertFinding& finding : event.findings) {
    findings.push_back(boost::json::object{{"id", finding.id},
                                           {"severity", finding.severity},
                                           {"message", finding.message},
                                           {"proof", finding.proof}});
  }
  for (const Holder& holder : event.holders) {
    holders.push_back(boost::json::object{{"token", holder.token},
                                          {"address", holder.address},
                                          {"project", holder.project},
                                          {"command", holder.command},
                                          {"time", format_time(holder.at)},
                                          {"reported", holder.reported}});
  }
  return {{"kind", to_string(event.kind)},
          {"time", format_time(event.at)},
          {"name", event.name},
          {"version", event.version},
          {"content", event.content_id},
          {"action", event.action},
          {"sentence", event.sentence},
          {"rules", strings(event.rules)},
          {"findings", findings},
          {"baseline", event.baseline},
          {"publisher", event.publisher},
          {"repository", event.repository},
          {"fixes", event.fixes},
          {"holders", holders},
          {"holder_count", event.holder_count},
          {"projects", strings(event.projects)}};
}

Result<AlertEvent> alert_event_from(std::string_view json) {
  boost::system::error_code ec;
  const boost::json::value parsed = boost::json::parse(json, ec);
  const Error damaged = fail(Code::kCorrupt, Origin::kDisk, "a stored alert cannot be read");
  if (ec || !parsed.is_object()) return damaged;
  try {
    return read_event(parsed.get_object());
  } catch (const std::exception&) {
    // Boost.JSON and std::optional report a missing or mistyped member only this way.
    return damaged;
  }
}

OutboxEvent outbox_event(const AlertEvent& event) {
  return {0,
          event.at,
          std::string(to_string(event.kind)),
          event.name,
          event.version,
          event.content_id,
          boost::json::serialize(to_json(event))};
}

}  // namespace npmgate
