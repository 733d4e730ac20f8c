#include "proxy/desk/desk.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/digest.h"
#include "base/text.h"
#include "proxy/desk/data.h"
#include "proxy/desk/models.h"

namespace npmgate {
namespace {

namespace json = boost::json;

constexpr std::size_t kMostDecisions = 100;  // in one go

// No script, nothing from elsewhere, in no frame (Content Security Policy Level 3).
void guard(Response& response) {
  response.set("content-security-policy",
               "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
               "frame-ancestors 'none'");
  response.set("x-content-type-options", "nosniff");
  response.set("referrer-policy", "same-origin");
  response.set("cross-origin-opener-policy", "same-origin");
  response.set("cache-control", "no-store");
}

Response html_response(int status, std::string body) {
  Response response = text_response(status, std::move(body), "text/html; charset=utf-8");
  guard(response);
  return response;
}

Response redirect(const std::string& to) {
  Response response = text_response(303, "");
  response.set("location", to);
  guard(response);
  return response;
}

Response login_page(const std::string& to, const std::string& message, int status) {
  Frame frame;
  frame.title = "Sign in";
  frame.message = message;
  return html_response(status, framed(frame, render(data::desk_login(), {{"to", to}})));
}

// A page of the desk, and no other place: what follows a login must not lead away.
std::string own_page(const std::string& to) {
  const bool own = to == "/desk" || to.starts_with("/desk/") || to.starts_with("/desk?");
  const bool plain = to.find_first_of("\r\n\\") == std::string::npos;
  return own && plain && !to.starts_with("/desk/log") ? to : "/desk";
}

// Every value of a form's field, in order.
std::vector<std::string> form_values(std::string_view body, std::string_view field) {
  std::vector<std::string> values;
  while (!body.empty()) {
    const std::string_view pair = body.substr(0, body.find('&'));
    body.remove_prefix(std::min(pair.size() + 1, body.size()));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    if (form_decode(pair.substr(0, equals)) == field)
      values.push_back(form_decode(pair.substr(std::min(equals + 1, pair.size()))));
  }
  return values;
}

std::string form_value(std::string_view body, std::string_view field) {
  const std::vector<std::string> values = form_values(body, field);
  return values.empty() ? std::string() : values.front();
}

// "127.0.0.1", "localhost", "[::1]" of a Host header or an origin, with any port.
std::string_view host_of(std::string_view host) {
  if (host.starts_with('[')) return host.substr(0, host.find(']') + 1);
  return host.substr(0, host.find(':'));
}

// A form was sent by a page of this very origin. Browsers state Origin with every POST (Fetch
// standard); one without it is no browser, or none that can be trusted with cookies.
bool from_here(const Request& request) {
  std::string_view origin = request.headers.get("origin");
  const std::string_view host = request.headers.get("host");
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (origin.starts_with(scheme)) return !host.empty() && origin.substr(scheme.size()) == host;
  }
  return false;
}

// Names resolve to where their owner says: one that points at this address must not make a browser
// send what belongs to it (DNS rebinding). Addresses and localhost have no owner.
bool is_own_host(std::string_view host) {
  const std::string_view name = host_of(host);
  if (name == "localhost" || name.starts_with('[')) return true;
  return !name.empty() && name.find_first_not_of("0123456789.") == std::string_view::npos;
}

std::string path_of(const Request& request) {
  return request.target.substr(0, request.target.find('?'));
}

}  // namespace

Desk::Desk(Admin& admin, const Clock& clock) : admin_(admin), sessions_(clock) {
  const auto css = [](AdminCall) -> Task<Response> {
    Response response =
        text_response(200, std::string(data::desk_css()), "text/css; charset=utf-8");
    guard(response);
    co_return response;
  };
  admin_.add({"GET", "/desk/desk.css", Scope::kNone, css});
  admin_.add({"GET", "/desk/login", Scope::kNone, [](AdminCall call) -> Task<Response> {
                co_return login_page(own_page(query_value(call.query, "to")), "", 200);
              }});
  admin_.add({"POST", "/desk/login", Scope::kNone,
              [this](AdminCall call) { return sign_in(std::move(call)); }});
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

void Desk::add(const std::string& method, const std::string& path, Page page) {
  admin_.add({method, path, Scope::kNone,
              [this, page](AdminCall call) { return visit(std::move(call), page); }});
}

Task<Response> Desk::visit(AdminCall call, Page page) {
  const Request& request = *call.request;
  if (!is_own_host(request.headers.get("host")))
    co_return error_response(421,
                             "npm-gate: the desk answers under its address (or localhost) only");
  const bool changes = request.method == "POST";
  const auto session = sessions_.find(request.headers.get("cookie"));
  Visit visit;
  if (session) {
    auto actor = admin_.caller(session->authorization);
    if (!actor) co_return response_for(actor.error());
    visit.actor = std::move(*actor);
    visit.csrf = session->csrf;
  }
  if (visit.actor.scope < Scope::kReview) {
    sessions_.close(request.headers.get("cookie"));
    co_return redirect("/desk/login" + (changes ? "" : "?to=" + percent_encode(request.target)));
  }
  if (changes &&
      (!from_here(request) || !equal_constant_time(form_value(request.body, "csrf"), visit.csrf))) {
    co_return error_response(
        403, "npm-gate: this did not come from a page of the desk; open the page again");
  }
  visit.call = std::move(call);
  co_return co_await (this->*page)(std::move(visit));
}

Task<Response> Desk::sign_in(AdminCall call) {
  const Request& request = *call.request;
  if (!is_own_host(request.headers.get("host")))
    co_return error_response(421,
                             "npm-gate: the desk answers under its address (or localhost) only");
  if (!from_here(request))
    co_return error_response(403, "npm-gate: this did not come from a page of the desk");
  const std::string to = own_page(form_value(request.body, "to"));
  std::string authorization = "Bearer " + std::string(trimmed(form_value(request.body, "token")));
  auto caller = admin_.caller(authorization);
  if (!caller) co_return response_for(caller.error());
  if (caller->scope < Scope::kReview) {
    if (admin_.too_many_failures(request.peer))
      co_return login_page(to, "Too many failed attempts; try again in a minute.", 429);
    co_return login_page(to, "No valid token of scope review or admin.", 403);
  }
  Response response = redirect(to);
  response.set("set-cookie",
               DeskSessions::cookie(sessions_.open(std::move(authorization)), request.secure));
  co_return response;
}

Task<Response> Desk::sign_out(Visit visit) {
  sessions_.close(visit.call.request->headers.get("cookie"));
  Response response = redirect("/desk/login");
  response.set("set-cookie", DeskSessions::cookie("", visit.call.request->secure));
  co_return response;
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
  return html_response(status, framed(frame, std::move(body)));
}

Response Desk::failed(const Visit& visit, const Answer& answer) const {
  const json::value* const error = answer.body.if_contains("error");
  std::string sentence = error != nullptr && error->is_string()
                             ? std::string(error->get_string())
                             : "the gate answered " + std::to_string(answer.status);
  return shown(visit, "Not done", "<h1>Not done</h1>", std::move(sentence), answer.status);
}

// One release or many; what was shown travels with an approval, so that it covers nothing else.
Task<Response> Desk::decide(Visit visit) {
  const std::string form = visit.call.request->body;
  const std::string verb = form_value(form, "verb");
  const std::vector<std::string> releases = form_values(form, "release");
  if (verb != "approve" && verb != "reject" && verb != "reopen")
    co_return shown(visit, "Not done", "<h1>Not done</h1>", "Choose what to do.", 400);
  if (releases.empty() || releases.size() > kMostDecisions)
    co_return shown(visit, "Not done", "<h1>Not done</h1>",
                    "Choose 1 to " + std::to_string(kMostDecisions) + " releases.", 400);
  json::object wish{{"reason", form_value(form, "reason")}};
  for (const char* const key : {"expires", "content", "seen"}) {
    const std::string value = form_value(form, key);
    if (!value.empty()) wish[key] = value;
  }
  const std::string body = json::serialize(wish);
  for (const std::string& release : releases) {
    const std::size_t at = release.rfind('@');
    if (at == std::string::npos || at == 0) continue;
    Answer answer = co_await ask(
        visit, "POST", api_release_path(release.substr(0, at), release.substr(at + 1)) + "/" + verb,
        body);
    if (answer.status != 200) co_return failed(visit, answer);
  }
  if (releases.size() > 1) co_return redirect("/desk");
  const std::size_t at = releases.front().rfind('@');
  co_return redirect(
      desk_release_path(releases.front().substr(0, at), releases.front().substr(at + 1)));
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
  if (at == std::string::npos || at == 0) co_return redirect("/desk/requests");
  co_return redirect(desk_release_path(release.substr(0, at), release.substr(at + 1)));
}

}  // namespace npmgate
