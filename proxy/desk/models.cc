#include "proxy/desk/models.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <map>
#include <set>

#include "base/json_members.h"
#include "base/text.h"
#include "proxy/desk/model_parts.h"
#include "proxy/net/query.h"

namespace npmgate {
namespace {

namespace json = boost::json;

// Files that are open when the page comes, and the lines of one table before the rest is left out.
constexpr std::size_t kOpenFiles = 12;
constexpr std::size_t kMostLines = 1'500;

int severity_rank(std::string_view severity) {
  constexpr std::string_view kOrder[] = {"critical", "high", "medium", "low", "info"};
  return static_cast<int>(std::find(std::begin(kOrder), std::end(kOrder), severity) -
                          std::begin(kOrder));
}

// The gravest finding's sentence, and the rules that hold.
std::string why_of(const json::object& row) {
  std::string best;
  int rank = 100;
  for (const json::value& each : list_member(row, "findings")) {
    const json::object& finding = object_in(each);
    const int its = severity_rank(shown_member(finding, "severity"));
    if (its >= rank) continue;
    rank = its;
    best = shown_member(finding, "message");
  }
  const std::string rules = joined(list_member(row, "rules"));
  if (!rules.empty()) best += (best.empty() ? "rule " : " (rule ") + rules;
  if (!rules.empty() && best.front() != 'r') best += ")";
  return best;
}

std::string until_of(const json::object& row) {
  const std::string verdict = shown_member(row, "verdict"), would = shown_member(row, "would"),
                    ends = shown_member(row, "ends");
  if (!would.empty() && would != verdict) return "served: monitor mode (would be " + would + ")";
  if (verdict != "quarantine") return "";
  return ends.empty() ? "somebody decides" : minute(ends);
}

json::object row_model(const json::object& row) {
  const std::string name = shown_member(row, "name"), version = shown_member(row, "version");
  const std::string waiting = shown_member(row, "waiting");
  return {{"name", name},
          {"version", version},
          {"href", desk_release_path(name, version)},
          {"verdict", shown_member(row, "verdict")},
          {"why", why_of(row)},
          {"waiting", waiting},
          {"asked", shown_member(row, "asked")},
          {"lowest_risk", flag_member(row, "lowest_risk")},
          {"projects", joined(list_member(row, "projects"))},
          {"since", minute(shown_member(row, "seen"))},
          {"content", shown_member(row, "content")},
          {"seen", shown_member(row, "shown")},
          {"until", until_of(row)},
          {"replaces_text", joined(list_member(row, "replaces"))}};
}

json::array changes_of(const json::object& diff) {
  constexpr std::pair<const char*, const char*> kLists[] = {{"install_scripts", "install script"},
                                                            {"bin", "command"},
                                                            {"people", ""},
                                                            {"dependencies", "dependency"}};
  json::array out;
  for (const auto& [key, what] : kLists) {
    for (const json::value& each : list_member(diff, key)) {
      const json::object& change = object_in(each);
      out.push_back(json::object{{"what", what},
                                 {"change", shown_member(change, "change")},
                                 {"key", shown_member(change, "key")},
                                 {"before", shown_member(change, "before")},
                                 {"after", shown_member(change, "after")}});
    }
  }
  return out;
}

// Findings by the line of the new file that they name.
std::map<std::string, std::string> marked_lines(const json::object& file) {
  std::map<std::string, std::string> marked;
  if (shown_member(file, "shown") != "lines") return marked;  // other lines than the file's
  for (const json::value& each : list_member(file, "marks")) {
    const std::string line = shown_member(object_in(each), "line");
    if (line == "0" || line.empty()) continue;
    std::string& ids = marked[line];
    ids += (ids.empty() ? "" : ", ") + shown_member(object_in(each), "finding");
  }
  return marked;
}

json::array lines_of(const json::object& file, bool& cut) {
  const std::map<std::string, std::string> marked = marked_lines(file);
  json::array out;
  bool first = true;
  for (const json::value& hunk : list_member(file, "hunks")) {
    if (!hunk.is_array()) continue;
    if (!first) out.push_back(json::object{{"class", "gap"}, {"text", "…"}});
    first = false;
    for (const json::value& line : hunk.get_array()) {
      if (!line.is_array() || line.get_array().size() != 4 || !line.get_array()[0].is_string())
        continue;
      if (out.size() >= kMostLines) {
        cut = true;
        return out;
      }
      const json::array& parts = line.get_array();
      const std::string sign(parts[0].get_string());
      const auto number = [](const json::value& value) {
        const std::string shown = json::serialize(value);
        return shown == "0" ? std::string() : shown;
      };
      const std::string after = number(parts[2]);
      const auto mark = sign == "-" ? marked.end() : marked.find(after);
      out.push_back(json::object{{"class", sign == "+"   ? "added"
                                           : sign == "-" ? "removed"
                                                         : "context"},
                                 {"b", number(parts[1])},
                                 {"a", after},
                                 {"sign", sign},
                                 {"why", mark == marked.end() ? std::string() : mark->second},
                                 {"text", parts[3]}});
    }
  }
  return out;
}

json::array marks_of(const json::object& file) {
  json::array out;
  for (const json::value& each : list_member(file, "marks")) {
    json::object mark = object_in(each);
    if (shown_member(mark, "line") == "0") mark["line"] = "";
    out.push_back(std::move(mark));
  }
  return out;
}

std::string counts_of(const json::object& file) {
  const std::string shown = shown_member(file, "shown");
  if (shown == "lines" || shown == "readable")
    return "+" + shown_member(file, "added") + " -" + shown_member(file, "removed");
  return shown_member(file, "before_size") + " to " + shown_member(file, "after_size") + " bytes";
}

json::object file_model(const json::object& file, bool open) {
  const std::string shown = shown_member(file, "shown");
  bool cut = flag_member(file, "cut");
  json::array lines = lines_of(file, cut), marks = marks_of(file);
  const json::array& strings = list_member(file, "strings");
  std::string kind = shown_member(file, "kind"), before = shown_member(file, "before_kind");
  if (kind.empty()) kind = "a binary file of unknown kind";
  const bool any_line = !lines.empty(), any_mark = !marks.empty();
  return {{"path", shown_member(file, "path")},
          {"change", shown_member(file, "change")},
          {"counts", counts_of(file)},
          {"on_install", flag_member(file, "on_install")},
          {"traits", list_member(file, "new_traits")},
          {"noise", shown_member(file, "noise")},
          {"open", open},
          {"any_mark", any_mark},
          {"marks", std::move(marks)},
          {"readable", shown == "readable"},
          {"binary", shown == "binary"},
          {"kind_text", before.empty() || before == kind ? kind : before + ", now " + kind},
          {"any_string", !strings.empty()},
          {"strings", strings},
          {"unshown", shown == "nothing"},
          {"any_line", any_line},
          {"lines", std::move(lines)},
          {"cut", cut}};
}

json::array files_of(const json::object& diff) {
  json::array out, folded;
  for (const json::value& each : list_member(diff, "files")) {
    const json::object& file = object_in(each);
    const bool noise = !shown_member(file, "noise").empty();
    json::object model = file_model(file, !noise && out.size() < kOpenFiles);
    (noise ? folded : out).push_back(std::move(model));
  }
  for (json::value& each : folded) out.push_back(std::move(each));
  return out;
}

json::array waiting_of(const json::object& release) {
  json::array out;
  for (const json::value& each : list_member(release, "waiting")) {
    json::object one = object_in(each);
    one["who"] = shown_member(one, "client");
    one["last"] = minute(shown_member(one, "last"));
    out.push_back(std::move(one));
  }
  return out;
}

// What the finding about it says, up to what follows from it.
std::string uncompared_of(const json::object& release) {
  for (const json::value& each : list_member(release, "findings")) {
    const json::object& finding = object_in(each);
    const std::string message = shown_member(finding, "message");
    if (shown_member(finding, "id") == "first-release") return message.substr(0, message.find(':'));
  }
  return "no earlier release to compare with";
}

// Projects and tokens that an approval can be for: those that asked or were refused.
json::array audiences_of(const json::object& release) {
  std::set<std::string> all;
  const auto add = [&all](const json::object& one, const char* member) {
    const std::string text = shown_member(one, member);
    if (!text.empty()) all.insert(std::string(member) + ":" + text);
  };
  for (const json::value& request : list_member(release, "requests")) {
    for (const json::value& asker : list_member(object_in(request), "askers")) {
      add(object_in(asker), "project");
      add(object_in(asker), "token");
    }
  }
  for (const json::value& waiter : list_member(release, "waiting"))
    add(object_in(waiter), "project");
  json::array out;
  for (const std::string& each : all) out.emplace_back(each);
  return out;
}

bool decided(const json::object& release) {
  const json::array& decisions = list_member(release, "decisions");
  return std::any_of(decisions.begin(), decisions.end(), [&](const json::value& each) {
    const json::object& one = object_in(each);
    return shown_member(one, "versions") == shown_member(release, "version") &&
           !flag_member(one, "reopened");
  });
}

}  // namespace

std::string joined(const json::array& texts) {
  std::string out;
  for (const json::value& each : texts) {
    if (!each.is_string()) continue;
    out += (out.empty() ? "" : ", ") + std::string(each.get_string());
  }
  return out;
}

// "2026-11-28T05:50:44.000Z" as people read it.
std::string minute(const std::string& time) {
  return time.size() < 16 ? time : time.substr(0, 10) + " " + time.substr(11, 5) + " UTC";
}

json::object cell(std::string label, std::string shown, std::string href) {
  return {{"label", std::move(label)}, {"text", std::move(shown)}, {"href", std::move(href)}};
}

json::object table(std::string heading, std::vector<std::string> columns, json::array rows,
                   std::string empty) {
  json::array heads;
  for (std::string& column : columns) heads.emplace_back(std::move(column));
  const bool any = !rows.empty();
  return {{"heading", std::move(heading)},
          {"columns", std::move(heads)},
          {"any", any},
          {"rows", std::move(rows)},
          {"empty", std::move(empty)}};
}

json::object field(const char* name, const char* label, std::string value, const char* hint) {
  return {{"field", name}, {"label", label}, {"value", std::move(value)}, {"placeholder", hint}};
}

std::string desk_release_path(std::string_view name, std::string_view version) {
  return "/desk/releases/" + percent_encode(name, "@") + "/" + percent_encode(version, "");
}

std::string api_release_path(std::string_view name, std::string_view version) {
  return "/api/v1/releases/" + percent_encode(name, "@") + "/" + percent_encode(version);
}

std::string desk_package_path(std::string_view name) {
  return "/desk/packages/" + percent_encode(name, "@");
}

std::string QueueQuery::text(bool of_page) const {
  std::string out;
  const auto add = [&out](const char* name, const std::string& value) {
    if (!value.empty())
      out += (out.empty() ? "" : "&") + std::string(name) + "=" + percent_encode(value);
  };
  if (of_page || verdict != "all") add("verdict", verdict);
  add("package", package);
  add("only", only);
  add("severity", severity);
  add("rule", rule);
  add("sort", sort);
  return out;
}

json::object queue_model(const json::object& listing, const QueueQuery& query,
                         const std::string& csrf) {
  using Choices = std::vector<std::pair<const char*, const char*>>;
  const auto choices = [](const Choices& all, const std::string& chosen) {
    json::array out;
    for (const auto& [value, shown] : all)
      out.push_back(json::object{{"value", value}, {"text", shown}, {"chosen", chosen == value}});
    return out;
  };
  json::array rows;
  for (const json::value& each : list_member(listing, "releases"))
    rows.push_back(row_model(object_in(each)));
  const bool any = !rows.empty();
  const std::string next = shown_member(listing, "next");
  const bool all_held = query.verdict == "quarantine" && query.package.empty() &&
                        query.only.empty() && query.severity.empty() && query.rule.empty();
  json::object out{{"heading", query.verdict == "quarantine" ? "Held releases" : "Releases"},
                   {"package", query.package},
                   {"rule", query.rule},
                   {"holding", all_held},
                   {"csrf", csrf},
                   {"any", any}};
  out["verdicts"] = choices({{"quarantine", "quarantine"},
                             {"block", "block"},
                             {"warn", "warn"},
                             {"allow", "allow"},
                             {"all", "all"}},
                            query.verdict);
  out["filters"] = choices({{"", "all of these"},
                            {"asked", "what is asked for"},
                            {"refused", "what was refused to somebody"},
                            {"fixes", "what replaces a bad one"},
                            {"install", "what runs on install"}},
                           query.only);
  out["severities"] = choices({{"", "any"},
                               {"medium", "medium or graver"},
                               {"high", "high or graver"},
                               {"critical", "critical"}},
                              query.severity);
  out["sorts"] = choices({{"", "urgency"},
                          {"projects", "projects that need it"},
                          {"risk", "lowest risk first"},
                          {"age", "longest here first"},
                          {"name", "name"}},
                         query.sort);
  out["releases"] = std::move(rows);
  out["next"] = next.empty() ? std::string()
                             : "/desk?" + query.text(true) + "&cursor=" + percent_encode(next);
  return out;
}

json::object release_model(const json::object& release, const json::object& diff,
                           const std::string& csrf) {
  const std::string name = shown_member(release, "name"),
                    version = shown_member(release, "version");
  const std::string action = shown_member(object_member(release, "verdict"), "action");
  json::array findings;
  for (const json::value& each : list_member(release, "findings")) {
    json::object finding = object_in(each);
    finding["proof_text"] = json::serialize(member_of(finding, "proof"));
    findings.push_back(std::move(finding));
  }
  json::array changes = changes_of(object_member(release, "diff")), waiting = waiting_of(release);
  json::array decisions;
  for (const json::value& each : list_member(release, "decisions")) {
    json::object one = object_in(each);
    one["time"] = minute(shown_member(one, "time"));
    one["expires"] = minute(shown_member(one, "expires"));
    one["for_text"] = for_text(one);
    decisions.push_back(std::move(one));
  }
  json::array asked =
      requests_of(list_member(release, "requests"), shown_member(release, "served_instead"));
  const bool any_request = !asked.empty();
  const bool any_finding = !findings.empty(), any_change = !changes.empty(),
             any_waiting = !waiting.empty(), any_decision = !decisions.empty();
  return {{"name", name},
          {"version", version},
          {"action", action},
          {"baseline", shown_member(release, "baseline")},
          {"package_href", desk_package_path(name)},
          {"downloads_href", "/desk/downloads?package=" + percent_encode(name) +
                                 "&version=" + percent_encode(version)},
          {"audit_href",
           "/desk/audit?package=" + percent_encode(name) + "&version=" + percent_encode(version)},
          {"story", shown_member(release, "explain")},
          {"any_finding", any_finding},
          {"findings", std::move(findings)},
          {"any_change", any_change},
          {"changes", std::move(changes)},
          {"no_diff", shown_member(diff, "error")},
          {"files", files_of(diff)},
          {"uncompared", uncompared_of(release)},
          {"any_request", any_request},
          {"requests", std::move(asked)},
          {"any_waiting", any_waiting},
          {"waiting", std::move(waiting)},
          {"any_decision", any_decision},
          {"decisions", std::move(decisions)},
          {"audiences", audiences_of(release)},
          {"if_approved", what_changes(release, "approve", "")},
          {"if_rejected", what_changes(release, "reject", "")},
          {"if_reopened", what_changes(release, "reopen", "")},
          {"remedies", list_member(release, "ways_out")},
          {"csrf", csrf},
          {"content", shown_member(release, "content")},
          {"seen", shown_member(release, "seen")},
          {"can_approve", action == "quarantine" && flag_member(release, "inspected")},
          {"can_reopen", decided(release)}};
}

json::object audit_model(const json::object& listing, const std::string& query) {
  json::array rows;
  for (const json::value& each : list_member(listing, "entries")) {
    const json::object& entry = object_in(each);
    const std::string name = shown_member(entry, "name"), version = shown_member(entry, "version");
    const std::string what = name.empty() ? "" : name + (version.empty() ? "" : "@" + version);
    const std::string reason = shown_member(object_member(entry, "detail"), "reason");
    rows.push_back(json::object{
        {"cells", json::array{cell("When", minute(shown_member(entry, "time"))),
                              cell("Kind", shown_member(entry, "kind")),
                              cell("What", shown_member(entry, "action")),
                              cell("Release", what, name.empty() ? "" : desk_package_path(name)),
                              cell("Who", shown_member(entry, "actor")), cell("Why", reason)}}});
  }
  json::object out = table("Audit trail", {"When", "Kind", "What", "Release", "Who", "Why"},
                           std::move(rows), "No entry matches.");
  out["form"] = json::object{
      {"action", "/desk/audit"},
      {"fields", json::array{field("package", "Package", query_value(query, "package"), "name"),
                             field("kind", "Kind", query_value(query, "kind"),
                                   "decision, refused, verdict …"),
                             field("actor", "Who", query_value(query, "actor"), "admin:NAME"),
                             field("since", "Since", query_value(query, "since"), "2026-11-01")}}};
  if (const std::string next = shown_member(listing, "next"); !next.empty()) {
    out["next"] = "/desk/audit?package=" + percent_encode(query_value(query, "package")) +
                  "&kind=" + percent_encode(query_value(query, "kind")) +
                  "&actor=" + percent_encode(query_value(query, "actor")) +
                  "&since=" + percent_encode(query_value(query, "since")) +
                  "&cursor=" + percent_encode(next);
  }
  return out;
}

json::object downloads_model(const json::object& listing, const std::string& query) {
  const std::string package = query_value(query, "package"),
                    version = query_value(query, "version"), token = query_value(query, "token"),
                    project = query_value(query, "project");
  const bool asked = !(package + token + project).empty();
  json::array rows;
  for (const json::value& each : list_member(listing, "downloads")) {
    const json::object& entry = object_in(each);
    rows.push_back(json::object{
        {"cells",
         json::array{
             cell("Release", shown_member(entry, "name") + "@" + shown_member(entry, "version"),
                  desk_release_path(shown_member(entry, "name"), shown_member(entry, "version"))),
             cell("When", minute(shown_member(entry, "time"))),
             cell("Token", shown_member(entry, "token")),
             cell("Project", shown_member(entry, "project")),
             cell("Command", shown_member(entry, "command")),
             cell("Address", shown_member(entry, "address")),
             cell("How", flag_member(entry, "reported") ? "in a lockfile (reported)" : "fetched"),
             cell("Times", shown_member(entry, "count"))}}});
  }
  json::object out = table(
      "Who has it", {"Release", "When", "Token", "Project", "Command", "Address", "How", "Times"},
      std::move(rows),
      asked ? "Nobody fetched that through this gate."
            : "Name a package to see who fetched it, or a token or project to see what it "
              "installed.");
  out["form"] = json::object{
      {"action", "/desk/downloads"},
      {"fields", json::array{field("package", "Package", package, "name"),
                             field("version", "Version or range", version, "1.2.3 or ^1.0.0"),
                             field("token", "Token", token, "name"),
                             field("project", "Project", project, "name")}}};
  if (const std::string next = shown_member(listing, "next"); !next.empty())
    out["next"] = "/desk/downloads?package=" + percent_encode(package) +
                  "&version=" + percent_encode(version) + "&token=" + percent_encode(token) +
                  "&project=" + percent_encode(project) + "&cursor=" + percent_encode(next);
  return out;
}

}  // namespace npmgate
