// The desk's pages that only show: each asks the API and renders what it said.
#include <algorithm>

#include "base/text.h"
#include "proxy/desk/data.h"
#include "proxy/desk/desk.h"
#include "proxy/desk/models.h"
#include "proxy/net/query.h"

namespace npmgate {
namespace json = boost::json;

Task<Response> Desk::queue(Visit visit) {
  const std::string& query = visit.call.query;
  std::string verdict = query_value(query, "verdict");
  if (verdict.empty()) verdict = "quarantine";
  QueueQuery asked{verdict,
                   query_value(query, "package"),
                   query_value(query, "only"),
                   query_value(query, "severity"),
                   query_value(query, "rule"),
                   query_value(query, "sort")};
  std::string target = "/api/v1/releases?" + asked.text(false) +
                       "&cursor=" + percent_encode(query_value(query, "cursor"));
  Answer answer = co_await ask(visit, "GET", std::move(target));
  if (answer.status != 200) co_return failed(visit, answer);
  co_return shown(visit, "Queue",
                  render(data::desk_queue(), queue_model(answer.body, asked, visit.csrf)),
                  said(query));
}

Task<Response> Desk::release(Visit visit) {
  const std::string path =
      api_release_path(visit.call.arguments["name"], visit.call.arguments["version"]);
  Answer release = co_await ask(visit, "GET", path);
  if (release.status != 200) co_return failed(visit, release);
  Answer diff = co_await ask(visit, "GET", path + "/diff");
  const std::string title = visit.call.arguments["name"] + "@" + visit.call.arguments["version"];
  co_return shown(visit, title,
                  render(data::desk_release(), release_model(release.body, diff.body, visit.csrf)),
                  said(visit.call.query));
}

Task<Response> Desk::package(Visit visit) {
  const std::string name = visit.call.arguments["name"];
  Answer answer = co_await ask(visit, "GET", "/api/v1/packages/" + percent_encode(name, "@"));
  if (answer.status != 200) co_return failed(visit, answer);
  co_return shown(visit, name, render(data::desk_package(), package_model(answer.body)));
}

Task<Response> Desk::requests(Visit visit) {
  const std::string state =
      query_value(visit.call.query, "state") == "all" ? std::string("all") : std::string("open");
  const std::string target = "/api/v1/requests?state=" + state +
                             "&cursor=" + percent_encode(query_value(visit.call.query, "cursor"));
  Answer answer = co_await ask(visit, "GET", target);
  if (answer.status != 200) co_return failed(visit, answer);
  co_return shown(visit, "Requests",
                  render(data::desk_requests(), requests_model(answer.body, state)));
}

Task<Response> Desk::search(Visit visit) {
  const std::string words = query_value(visit.call.query, "q");
  Answer answer;
  std::string message;
  if (!words.empty()) {
    answer = co_await ask(visit, "GET", "/api/v1/search?q=" + percent_encode(words));
    if (answer.status == 400) {
      message = "Search for 2 to 200 characters.";
      answer.body.clear();
    } else if (answer.status != 200) {
      co_return failed(visit, answer);
    }
  }
  co_return shown(visit, "Search", render(data::desk_search(), search_model(answer.body, words)),
                  std::move(message));
}

Task<Response> Desk::audit(Visit visit) {
  const std::string query = visit.call.query;
  std::string target = "/api/v1/audit?limit=100";
  for (const char* const key : {"package", "version", "kind", "actor", "since", "cursor"}) {
    const std::string value = query_value(query, key);
    if (!value.empty()) target += "&" + std::string(key) + "=" + percent_encode(value);
  }
  Answer answer = co_await ask(visit, "GET", std::move(target));
  if (answer.status != 200) co_return failed(visit, answer);
  co_return shown(visit, "Audit trail",
                  render(data::desk_table(), audit_model(answer.body, query)));
}

Task<Response> Desk::downloads(Visit visit) {
  const std::string query = visit.call.query;
  std::string target;
  for (const char* const key : {"package", "version", "token", "project", "cursor"}) {
    const std::string value = query_value(query, key);
    if (!value.empty())
      target += (target.empty() ? "?" : "&") + std::string(key) + "=" + percent_encode(value);
  }
  const bool asked =
      !(query_value(query, "package") + query_value(query, "token") + query_value(query, "project"))
           .empty();
  Answer answer;
  if (asked) {
    answer = co_await ask(visit, "GET", "/api/v1/downloads" + target);
    if (answer.status != 200) co_return failed(visit, answer);
  }
  co_return shown(visit, "Who has it",
                  render(data::desk_table(), downloads_model(answer.body, query)));
}

Task<Response> Desk::policy(Visit visit) {
  Answer policy = co_await ask(visit, "GET", "/api/v1/policy");
  if (policy.status != 200) co_return failed(visit, policy);
  Answer rules = co_await ask(visit, "GET", "/api/v1/rules");
  if (rules.status != 200) co_return failed(visit, rules);
  co_return shown(visit, "Rules",
                  render(data::desk_table(), policy_model(policy.body, rules.body)));
}

Task<Response> Desk::state(Visit visit) {
  Answer ready = co_await ask(visit, "GET", "/readyz");
  Answer state = co_await ask(visit, "GET", "/api/v1/state");
  if (state.status != 200) co_return failed(visit, state);
  const json::value* const text = ready.body.if_contains("text");
  std::string said = text != nullptr && text->is_string() ? std::string(text->get_string()) : "";
  co_return shown(visit, "State of the gate",
                  render(data::desk_table(), state_model(said, state.body)));
}

}  // namespace npmgate
