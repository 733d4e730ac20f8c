#include "proxy/desk/desk.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/digest.h"
#include "base/json_members.h"
#include "base/text.h"
#include "proxy/desk/data.h"
#include "proxy/desk/desk_forms.h"
#include "proxy/desk/models.h"
#include "proxy/net/query.h"

namespace npmgate {
namespace {

namespace json = boost::json;

std::string path_of(const Request& request) {
  return request.target.substr(0, request.target.find('?'));
}

// Where the pages are: "/desk", or below the gate's own address. What a package wrote has no quotes
// here (templates escape them), so that only the templates' own addresses are met.
void mount(Response& response, const std::string& at) {
  if (at.empty()) return;
  for (auto& [name, value] : response.headers) {
    if (name == "location" && value.starts_with("/desk")) value.insert(0, at);
  }
  if (!response.body) return;
  std::string page = *response.body;
  for (const std::string& start : {std::string("href=\"/desk"), std::string("action=\"/desk"),
                                   std::string("content=\"0;url=/desk")}) {
    const std::size_t slash = start.find('/');
    for (std::size_t found = page.find(start); found != page.npos;
         found = page.find(start, found + start.size() + at.size()))
      page.insert(found + slash, at);
  }
  response.body = std::make_shared<const std::string>(std::move(page));
}

}  // namespace

void guard_page(Response& response) {
  response.set("content-security-policy",
               "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
               "frame-ancestors 'none'");
  response.set("referrer-policy", "same-origin");
  response.set("cross-origin-opener-policy", "same-origin");
  response.set("cache-control", "no-store");
}

Response page_response(int status, std::string body) {
  return text_response(status, std::move(body), "text/html; charset=utf-8");
}

Response redirect_to(const std::string& to) {
  Response response = text_response(303, "");
  response.set("location", to);
  return response;
}

Desk::Desk(DeskDependencies deps) : deps_(deps), admin_(deps.admin) {
  const auto css = [](AdminCall) -> Task<Response> {
    co_return text_response(200, std::string(data::desk_css()), "text/css; charset=utf-8");
  };
  add_open("GET", "/desk/desk.css", css);
  add_open("GET", "/desk/login", [this](AdminCall call) -> Task<Response> {
    co_return login_page(own_page(query_value(call.query, "to")), "", 200);
  });
  add_open("POST", "/desk/login", [this](AdminCall call) { return sign_in(std::move(call)); });
  add_open("GET", "/desk/sign-in", [this](AdminCall call) { return to_provider(std::move(call)); });
  add_open("GET", "/desk/signed-in",
           [this](AdminCall call) { return from_provider(std::move(call)); });
  add("GET", "/desk", &Desk::queue);
  add("GET", "/desk/releases/{name}/{version}", &Desk::release);
  add("GET", "/desk/packages/{name}", &Desk::package);
  add("GET", "/desk/audit", &Desk::audit);
  add("GET", "/desk/downloads", &Desk::downloads);
  add("GET", "/desk/requests", &Desk::requests);
  add("GET", "/desk/search", &Desk::search);
  add("GET", "/desk/policy", &Desk::policy);
  add("GET", "/desk/state", &Desk::state);
  add("POST", "/desk/decide", &Desk::decide);
  add("POST", "/desk/decline", &Desk::decline);
  add("POST", "/desk/logout", &Desk::sign_out);
}

// Every answer below /desk, errors too, carries the pages' headers.
void Desk::add_open(const std::string& method, const std::string& path, Handler handler) {
  admin_.add({method, path, Scope::kNone,
              [handler = std::move(handler)](AdminCall call) -> Task<Response> {
                const std::string at = call.request->mount;
                Response response = co_await handler(std::move(call));
                guard_page(response);
                mount(response, at);
                co_return response;
              }});
}

void Desk::add(const std::string& method, const std::string& path, Page page) {
  add_open(method, path, [this, page](AdminCall call) { return visit(std::move(call), page); });
}

Result<std::optional<BrowserSession>> Desk::session_of(const Request& request) {
  auto session = deps_.sessions.find(request.headers.get("cookie"));
  if (session && !session->authorization.empty()) {
    auto caller = admin_.caller(session->authorization);
    if (!caller) return caller.error();
    session->caller = std::move(*caller);
  }
  return session;
}

Task<Response> Desk::visit(AdminCall call, Page page) {
  const Request& request = *call.request;
  const bool changes = request.method == "POST";
  auto session = session_of(request);
  if (!session) co_return response_for(session.error());
  if (!*session || (*session)->caller.scope < Scope::kReview) {
    // Somebody who may only ask for releases stays signed in for that.
    if (!*session || (*session)->caller.scope == Scope::kNone)
      deps_.sessions.close(request.headers.get("cookie"));
    co_return redirect_to("/desk/login" + (changes ? "" : "?to=" + percent_encode(request.target)));
  }
  Visit visit;
  visit.actor = (*session)->caller;
  visit.csrf = (*session)->csrf;
  if (changes && (!admin_.is_from_own_page(request) ||
                  !equal_constant_time(form_value(request.body, "csrf"), visit.csrf))) {
    co_return error_response(
        403, "npm-gate: this did not come from a page of the desk; open the page again");
  }
  visit.call = std::move(call);
  co_return co_await (this->*page)(std::move(visit));
}

Task<Desk::Answer> Desk::ask(Visit visit, std::string method, std::string target,
                             std::string body) {
  auto request = std::make_shared<Request>(*visit.call.request);
  request->method = std::move(method);
  request->target = std::move(target);
  request->body = std::move(body);
  const Response response = co_await admin_.call_as(visit.actor, std::move(request));
  Answer answer;
  answer.status = response.status;
  boost::system::error_code ec;
  json::value parsed = json::parse(response.body ? *response.body : std::string("{}"), ec);
  if (!ec && parsed.is_object()) {
    answer.body = std::move(parsed.get_object());
  } else {
    answer.body["text"] = response.body ? *response.body : std::string();
  }
  co_return answer;
}

Response Desk::shown(const Visit& visit, const std::string& title, std::string body,
                     std::string message, int status) const {
  Frame frame;
  frame.title = title;
  frame.path = path_of(*visit.call.request);
  frame.actor = visit.actor.name;
  frame.csrf = visit.csrf;
  frame.message = std::move(message);
  return page_response(status, framed(frame, std::move(body)));
}

Response Desk::failed(const Visit& visit, const Answer& answer) const {
  const json::value* const error = answer.body.if_contains("error");
  std::string sentence = error != nullptr && error->is_string()
                             ? std::string(error->get_string())
                             : "the gate answered " + std::to_string(answer.status);
  return shown(visit, "Not done", render(data::desk_not_done(), not_done_model(answer.body)),
               std::move(sentence), answer.status);
}

namespace {

// "name@version"; empty if it is none.
std::pair<std::string, std::string> release_in(const std::string& text) {
  const std::size_t at = text.rfind('@');
  if (at == std::string::npos || at == 0) return {};
  return {text.substr(0, at), text.substr(at + 1)};
}

// What was shown of a release in a list: "name@version content seen".
void bind(const std::vector<std::string>& shown, json::object& release) {
  const std::string start =
      text_member(release, "name") + "@" + text_member(release, "version") + " ";
  for (const std::string& each : shown) {
    if (!each.starts_with(start)) continue;
    const std::string rest = each.substr(start.size());
    release["content"] = rest.substr(0, rest.find(' '));
    release["seen"] = rest.substr(std::min(rest.find(' ') + 1, rest.size()));
  }
}

// "project:shop", "token:ci", "" for everybody; what is neither is for the API to refuse.
void add_for(const std::string& text, json::object& wish) {
  if (text.empty()) return;
  const std::size_t colon = text.find(':');
  const std::string kind(trimmed(text.substr(0, colon)));
  const bool token = colon != std::string::npos && kind == "token";
  const bool project = colon != std::string::npos && kind == "project";
  wish[token ? "token" : "project"] =
      token || project ? trimmed(std::string_view(text).substr(colon + 1)) : trimmed(text);
}

}  // namespace

// The body of POST /api/v1/decisions; empty if the form names no release.
json::object Desk::wish_of(const std::string& form) {
  json::object wish{{"verb", form_value(form, "verb")}, {"reason", form_value(form, "reason")}};
  if (const std::string expires = form_value(form, "expires"); !expires.empty())
    wish["expires"] = expires;
  add_for(form_value(form, "for"), wish);
  const std::vector<std::string> shown = form_values(form, "shown");
  json::array releases;
  for (const std::string& each : form_values(form, "release")) {
    const auto [name, version] = release_in(each);
    if (name.empty()) continue;
    json::object release{{"name", name}, {"version", version}};
    for (const char* const key : {"content", "seen"}) {
      const std::string value = form_value(form, key);
      if (!value.empty()) release[key] = value;
    }
    bind(shown, release);
    releases.push_back(std::move(release));
  }
  wish["releases"] = std::move(releases);
  return wish;
}

// What was shown travels with a decision, so that it covers nothing else; what was chosen in a list
// is shown once more with what it will change.
Task<Response> Desk::decide(Visit visit) {
  const std::string form = visit.call.request->body;
  const json::object wish = wish_of(form);
  const json::array& releases = list_member(wish, "releases");
  if (releases.empty())
    co_return shown(visit, "Not done", "<h1>Not done</h1>", "Choose at least one release.", 400);
  const bool in_list = !form_values(form, "shown").empty();
  if (in_list && form_value(form, "sure").empty()) co_return co_await confirm(visit, wish);
  const std::string body = json::serialize(wish);
  Answer answer = co_await ask(visit, "POST", "/api/v1/decisions", body);
  if (answer.status != 200) co_return failed(visit, answer);
  const std::string done =
      "?done=" + text_member(wish, "verb") + "&n=" + std::to_string(releases.size());
  if (in_list || releases.size() > 1) co_return redirect_to("/desk" + done);
  const json::object& one = object_in(releases.front());
  co_return redirect_to(desk_release_path(text_member(one, "name"), text_member(one, "version")) +
                        done);
}

Task<Response> Desk::confirm(Visit visit, json::object wish) {
  json::array releases;
  for (const json::value& each : list_member(wish, "releases")) {
    const std::string name = text_member(object_in(each), "name"),
                      version = text_member(object_in(each), "version");
    Answer answer = co_await ask(visit, "GET", api_release_path(name, version));
    answer.body["name"] = name;
    answer.body["version"] = version;
    releases.push_back(std::move(answer.body));
  }
  const std::string form = visit.call.request->body;
  co_return shown(visit, "Decide",
                  render(data::desk_confirm(), confirm_model(releases, form, visit.csrf)));
}

// Nothing is decided about the release: the asker gets an answer, or the version to take instead.
Task<Response> Desk::decline(Visit visit) {
  const std::string form = visit.call.request->body;
  const std::string release = form_value(form, "release"), id = form_value(form, "request");
  json::object wish{{"reason", form_value(form, "reason")}};
  if (form_value(form, "how") == "instead") wish["instead"] = form_value(form, "instead");
  const std::string path = "/api/v1/requests/" + percent_encode(id) + "/decline";
  const std::string body = json::serialize(wish);
  Answer answer = co_await ask(visit, "POST", path, body);
  if (answer.status != 200) co_return failed(visit, answer);
  const std::size_t at = release.rfind('@');
  if (at == std::string::npos || at == 0) co_return redirect_to("/desk/requests");
  co_return redirect_to(desk_release_path(release.substr(0, at), release.substr(at + 1)));
}

}  // namespace npmgate
