// Models around decisions: what one will change, what it came to, why it was not made.
#include "base/json_members.h"
#include "base/number.h"
#include "base/text.h"
#include "proxy/desk/desk_forms.h"
#include "proxy/desk/model_parts.h"
#include "proxy/desk/models.h"
#include "proxy/net/query.h"

namespace npmgate {
namespace {

namespace json = boost::json;

std::string counted(std::size_t count, const char* one, const char* many) {
  return count == 1 ? std::string("1 ") + one : std::to_string(count) + " " + many;
}

std::size_t open_requests(const json::object& release) {
  std::size_t open = 0;
  for (const json::value& each : list_member(release, "requests"))
    open += shown_member(object_in(each), "state") == "open";
  return open;
}

void add_approval(const json::object& release, const std::string& whom, json::array& out) {
  const bool all = whom.empty();
  out.emplace_back("It is served to " + (all ? std::string("everybody") : whom + " alone") +
                   ", as long as its content and findings are these.");
  for (const auto& [tag, now] : object_member(release, "dist_tags")) {
    if (!all) break;
    out.emplace_back(std::string(tag) + " moves from " +
                     (now.is_string() ? std::string(now.get_string()) : "nothing") + " to " +
                     shown_member(release, "version") + ".");
  }
  if (const std::size_t waiting = list_member(release, "waiting").size(); waiting > 0 && all)
    out.emplace_back(
        counted(waiting, "client that was refused gets", "clients that were refused get") +
        " it with the next install.");
  if (const std::size_t open = open_requests(release); open > 0)
    out.emplace_back(all ? "Whoever asked for it reads your reason."
                         : "Those who asked for " + whom + " read your reason; others wait on.");
}

void add_rejection(const json::object& release, json::array& out) {
  out.emplace_back(
      "It is refused to everybody, where a lockfile names it too, until you take that back.");
  if (flag_member(release, "was_served"))
    out.emplace_back("It was served before: Who has it names those who fetched it.");
  if (open_requests(release) > 0) out.emplace_back("Whoever asked for it reads your reason.");
}

void add_reopening(const json::object& release, json::array& out) {
  for (const json::value& each : list_member(release, "decisions")) {
    const json::object& one = object_in(each);
    if (flag_member(one, "reopened") ||
        shown_member(one, "versions") != shown_member(release, "version"))
      continue;
    out.emplace_back("The " + shown_member(one, "kind") + for_text(one) + " by " +
                     shown_member(one, "actor") + " (" + shown_member(one, "reason") +
                     ") counts no longer; the rules decide again.");
  }
}

}  // namespace

std::string for_text(const json::object& decision) {
  const std::string token = shown_member(decision, "token"),
                    project = shown_member(decision, "project");
  std::string out;
  if (!token.empty()) out += " for token " + token;
  if (!project.empty()) out += (out.empty() ? " for project " : " of project ") + project;
  return out;
}

json::array what_changes(const json::object& release, const std::string& verb,
                         const std::string& whom) {
  json::array out;
  if (verb == "approve") add_approval(release, whom, out);
  if (verb == "reject") add_rejection(release, out);
  if (verb == "reopen") add_reopening(release, out);
  return out;
}

json::object confirm_model(const json::array& releases, const std::string& form,
                           const std::string& csrf) {
  const std::string verb = form_value(form, "verb"), whom = form_value(form, "for");
  json::array rows, shown;
  for (const json::value& each : releases) {
    const json::object& release = object_in(each);
    const std::string name = shown_member(release, "name"),
                      version = shown_member(release, "version");
    json::array findings;
    for (const json::value& finding : list_member(release, "findings"))
      findings.push_back(json::object{{"severity", shown_member(object_in(finding), "severity")},
                                      {"message", shown_member(object_in(finding), "message")}});
    json::array changes = what_changes(release, verb, whom);
    // What this page shows is what is decided about: a list may have had a release that was not
    // inspected yet.
    shown.emplace_back(name + "@" + version + " " + shown_member(release, "content") + " " +
                       shown_member(release, "seen"));
    rows.push_back(
        json::object{{"name", name},
                     {"version", version},
                     {"href", desk_release_path(name, version)},
                     {"error", shown_member(release, "error")},
                     {"verdict", shown_member(object_member(release, "verdict"), "action")},
                     {"findings", std::move(findings)},
                     {"changes", std::move(changes)}});
  }
  const char* const words = verb == "approve"  ? "Approve"
                            : verb == "reject" ? "Reject"
                                               : "Take back";
  const std::string what = counted(rows.size(), "release", "releases");
  return {
      {"verb", verb},
      {"button", verb == "reopen" ? "Take the decisions back" : std::string(words) + " " + what},
      {"heading", verb == "reopen" ? "Take decisions about " + what + " back?"
                                   : std::string(words) + " " + what + "?"},
      {"reason", form_value(form, "reason")},
      {"expires", form_value(form, "expires")},
      {"for", whom},
      {"csrf", csrf},
      {"releases", std::move(rows)},
      {"shown", std::move(shown)}};
}

json::object not_done_model(const json::object& answer) {
  json::array changed;
  for (const json::value& each : list_member(answer, "changed")) {
    const json::object& one = object_in(each);
    const std::string name = shown_member(one, "name"), version = shown_member(one, "version");
    changed.push_back(json::object{{"release", name + "@" + version},
                                   {"href", desk_release_path(name, version)},
                                   {"why", shown_member(one, "why")}});
  }
  const bool any = !changed.empty();
  return {{"any_changed", any}, {"changed", std::move(changed)}};
}

// Only words of ours: a link can be made by anybody.
std::string said(const std::string& query) {
  const std::string verb = query_value(query, "done");
  const auto count = whole_number<std::int64_t>(query_value(query, "n"));
  const std::string what =
      count && *count > 1 && *count <= 100 ? std::to_string(*count) + " releases" : "1 release";
  if (verb == "approve") return "Approved: " + what + ".";
  if (verb == "reject") return "Rejected: " + what + ".";
  if (verb == "reopen") return "Decisions taken back: " + what + ".";
  return "";
}

}  // namespace npmgate
