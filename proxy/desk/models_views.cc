// Models of the desk's pages across releases: package, requests, search, rules, state.
#include <boost/json/serialize.hpp>

#include "base/json_members.h"
#include "base/text.h"
#include "base/time.h"
#include "proxy/desk/model_parts.h"
#include "proxy/desk/models.h"

namespace npmgate {
namespace {

namespace json = boost::json;

constexpr std::size_t kFindings = 6;  // that a row names

std::string some(const json::array& texts, std::size_t most) {
  json::array first;
  for (const json::value& each : texts) {
    if (first.size() < most) first.push_back(each);
  }
  std::string out = joined(first);
  if (texts.size() > most) out += " and " + std::to_string(texts.size() - most) + " more";
  return out;
}

json::object version_row(const json::object& release, const std::string& name) {
  const std::string version = shown_member(release, "version");
  return {{"version", version},
          {"href", desk_release_path(name, version)},
          {"verdict", shown_member(release, "verdict")},
          {"published", minute(shown_member(release, "published"))},
          {"publisher", shown_member(release, "publisher")},
          {"provenance", shown_member(release, "provenance")},
          {"baseline", shown_member(release, "baseline")},
          {"deprecated", shown_member(release, "deprecated")},
          {"tags_text", some(list_member(release, "tags"), kFindings)},
          {"findings_text", some(list_member(release, "findings"), kFindings)}};
}

// Rows come newest first: each is told apart from the one published before it.
void mark_changes(json::array& rows) {
  for (std::size_t i = 0; i + 1 < rows.size(); ++i) {
    json::object& row = rows[i].as_object();
    const json::object& before = rows[i + 1].as_object();
    const std::string publisher = text_member(row, "publisher"),
                      earlier = text_member(before, "publisher");
    row["new_publisher"] = !publisher.empty() && !earlier.empty() && publisher != earlier;
    row["lost"] =
        text_member(row, "provenance").empty() && !text_member(before, "provenance").empty();
  }
}

json::array timed(const json::array& list, std::initializer_list<const char*> times) {
  json::array out;
  for (const json::value& each : list) {
    json::object one = object_in(each);
    for (const char* const key : times) one[key] = minute(shown_member(one, key));
    one["for_text"] = for_text(one);
    out.push_back(std::move(one));
  }
  return out;
}

json::array linked(json::array rows) {
  for (json::value& each : rows) {
    json::object& row = each.as_object();
    const std::string version = shown_member(row, "version");
    row["href"] = version.empty() ? desk_package_path(shown_member(row, "name"))
                                  : desk_release_path(shown_member(row, "name"), version);
  }
  return rows;
}

json::object fact(std::string what, std::string is) {
  return {{"cells", json::array{cell("What", std::move(what)), cell("State", std::move(is))}}};
}

// "3 this week, 0, 1, 12 before"
std::string weeks_of(const json::object& rule) {
  std::string out;
  for (const json::value& week : list_member(rule, "weeks"))
    out += (out.empty()                 ? ""
            : out.find(' ') == out.npos ? " this week, "
                                        : ", ") +
           json::serialize(week);
  return out.empty() ? out : out + " in the weeks before";
}

std::string bytes_text(const json::object& object, std::string_view key) {
  const json::value& value = member_of(object, key);
  return value.is_number() ? human_bytes(value.to_number<std::uint64_t>()) : "unknown";
}

}  // namespace

json::array requests_of(const json::array& requests, const std::string& suggested) {
  json::array out;
  for (const json::value& each : requests) {
    json::object one = object_in(each);
    const bool open = shown_member(one, "state") == "open";
    one["open"] = open;
    one["opened"] = minute(shown_member(one, "opened"));
    one["answered"] = minute(shown_member(one, "answered"));
    one["askers"] = timed(list_member(one, "askers"), {"asked", "needed_until"});
    one["href"] = desk_release_path(shown_member(one, "name"), shown_member(one, "version"));
    one["suggested"] = open ? suggested : std::string();
    out.push_back(std::move(one));
  }
  return out;
}

json::object requests_model(const json::object& listing, const std::string& state) {
  json::array rows = requests_of(list_member(listing, "requests"), "");
  const bool any = !rows.empty();
  const std::string next = shown_member(listing, "next");
  return {{"only_open", state != "all"},
          {"any", any},
          {"requests", std::move(rows)},
          {"next", next.empty() ? std::string()
                                : "/desk/requests?state=" + percent_encode(state) +
                                      "&cursor=" + percent_encode(next)}};
}

json::object package_model(const json::object& package) {
  const std::string name = shown_member(package, "name");
  json::array rows, tags;
  for (const json::value& each : list_member(package, "releases"))
    rows.push_back(version_row(object_in(each), name));
  mark_changes(rows);
  for (const auto& [tag, targets] : object_member(package, "dist_tags")) {
    const std::string upstream = shown_member(object_in(targets), "upstream");
    tags.push_back(json::object{{"tag", tag},
                                {"upstream", upstream},
                                {"upstream_href", desk_release_path(name, upstream)},
                                {"served", shown_member(object_in(targets), "served")}});
  }
  json::array withdrawn = timed(list_member(package, "withdrawn"), {"first_seen", "since"}),
              decisions = timed(list_member(package, "decisions"), {"time"});
  const std::string shown = std::to_string(rows.size()),
                    versions = shown_member(package, "versions");
  const bool any = !rows.empty(), any_tag = !tags.empty(), any_withdrawn = !withdrawn.empty(),
             any_decision = !decisions.empty();
  return {{"name", name},
          {"versions", versions},
          {"upstream", shown_member(package, "upstream")},
          {"fetched", minute(shown_member(package, "fetched"))},
          {"downloads_href", "/desk/downloads?package=" + percent_encode(name)},
          {"audit_href", "/desk/audit?package=" + percent_encode(name)},
          {"maintainers_text", some(list_member(package, "maintainers"), 20)},
          {"any_tag", any_tag},
          {"tags", std::move(tags)},
          {"any", any},
          {"releases", std::move(rows)},
          {"shown", shown},
          {"cut", shown != versions},
          {"any_withdrawn", any_withdrawn},
          {"withdrawn", std::move(withdrawn)},
          {"any_decision", any_decision},
          {"decisions", std::move(decisions)}};
}

json::object search_model(const json::object& found, const std::string& words) {
  json::array releases = linked(list_member(found, "releases")),
              decisions = linked(timed(list_member(found, "decisions"), {"time"})),
              downloads = linked(timed(list_member(found, "downloads"), {"time"})),
              requests = linked(timed(list_member(found, "requests"), {"opened"}));
  const bool any_release = !releases.empty(), any_decision = !decisions.empty(),
             any_download = !downloads.empty(), any_request = !requests.empty();
  return {{"q", words},
          {"searched", !found.empty()},
          {"any_release", any_release},
          {"releases", std::move(releases)},
          {"any_decision", any_decision},
          {"decisions", std::move(decisions)},
          {"any_download", any_download},
          {"downloads", std::move(downloads)},
          {"any_request", any_request},
          {"requests", std::move(requests)}};
}

json::object policy_model(const json::object& policy, const json::object& holding) {
  json::array rows;
  for (const char* const kind : {"problems", "warnings"}) {
    for (const json::value& each : list_member(policy, kind)) {
      rows.push_back(json::object{
          {"cells", json::array{cell("Rule", kind), cell("Then", ""), cell("Holds now", ""),
                                cell("Began to hold", ""), cell("Among them", ""),
                                cell("Where", each.is_string() ? std::string(each.get_string())
                                                               : std::string())}}});
    }
  }
  for (const json::value& each : list_member(holding, "rules")) {
    const json::object& rule = object_in(each);
    const std::string would = shown_member(rule, "would");
    rows.push_back(json::object{
        {"cells",
         json::array{cell("Rule", shown_member(rule, "id"),
                          "/desk?rule=" + percent_encode(shown_member(rule, "id"))),
                     cell("Then", shown_member(rule, "then") +
                                      (flag_member(rule, "monitor") ? " (monitor)" : "")),
                     cell("Holds now", shown_member(rule, "holds") +
                                           (would == "0" ? "" : ", would hold " + would + " more")),
                     cell("Began to hold", weeks_of(rule)),
                     cell("Among them", some(list_member(rule, "examples"), 3)),
                     cell("Where", shown_member(rule, "at"))}}});
  }
  const std::string file = shown_member(policy, "file");
  return table("Rules of policy " + shown_member(policy, "hash").substr(0, 12) +
                   (file.empty() ? ", built in" : ", " + file) +
                   (flag_member(policy, "monitor") ? ": monitor mode, nothing is refused" : ""),
               {"Rule", "Then", "Holds now", "Began to hold", "Among them", "Where"},
               std::move(rows), "The policy has no rules.");
}

json::object state_model(const std::string& ready, const json::object& state) {
  json::array rows;
  rows.push_back(fact("Ready", ready));
  rows.push_back(fact("Version", shown_member(state, "version")));
  rows.push_back(fact("Sandbox of inspections", shown_member(state, "sandbox")));
  rows.push_back(fact("Policy", shown_member(state, "policy").substr(0, 12) +
                                    (flag_member(state, "monitor") ? ", monitor mode" : "")));
  for (const json::value& problem : list_member(state, "problems"))
    rows.push_back(fact("Policy file refused",
                        problem.is_string() ? std::string(problem.get_string()) : std::string()));
  for (const json::value& each : list_member(state, "upstreams")) {
    const json::object& upstream = object_in(each);
    rows.push_back(fact("Upstream " + shown_member(upstream, "name"),
                        shown_member(upstream, "url") +
                            (flag_member(upstream, "inspect") ? "" : ", not inspected")));
  }
  const std::string loaded = minute(shown_member(state, "feeds_loaded"));
  rows.push_back(fact("Advisory feeds", loaded.empty() ? "none is loaded"
                                                       : shown_member(state, "feed_records") +
                                                             " records, loaded " + loaded + " " +
                                                             shown_member(state, "feed_problem")));
  rows.push_back(fact("Background watch", flag_member(state, "watch") ? "on" : "off"));
  rows.push_back(fact("Disk", bytes_text(state, "disk_free") + " free; tarballs take " +
                                  bytes_text(state, "tarball_bytes") + " of " +
                                  bytes_text(state, "tarball_limit")));
  rows.push_back(fact("Work that waits", shown_member(state, "jobs_waiting")));
  for (const json::value& each : list_member(state, "inspecting")) {
    const json::object& one = object_in(each);
    rows.push_back(fact("Being inspected", shown_member(one, "name") + "@" +
                                               shown_member(one, "version") + ": " +
                                               shown_member(one, "step") + ", for " +
                                               shown_member(one, "seconds") + " s"));
  }
  rows.push_back(fact("Open requests", shown_member(state, "requests_open")));
  return table("State of the gate", {"What", "State"}, std::move(rows), "");
}

}  // namespace npmgate
