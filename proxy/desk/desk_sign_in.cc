// Signing in at the desk: with a token, or at an OpenID provider.
#include <boost/json/serialize.hpp>

#include "base/text.h"
#include "proxy/desk/data.h"
#include "proxy/desk/desk.h"
#include "proxy/desk/desk_forms.h"
#include "proxy/desk/models.h"
#include "proxy/net/query.h"
#include "proxy/runtime/request_record.h"

namespace npmgate {
namespace {

constexpr std::size_t kLongestTo = 1'000;

std::string cookie_path(const Request& request) {
  return request.mount + "/desk";
}

}  // namespace

std::string own_page(const std::string& to) {
  const bool own = to == "/desk" || to.starts_with("/desk/") || to.starts_with("/desk?");
  const bool plain = to.find_first_of("\r\n\\;") == std::string::npos && to.size() <= kLongestTo;
  const bool signs = to.starts_with("/desk/log") || to.starts_with("/desk/sign");
  return own && plain && !signs ? to : "/desk";
}

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

Response Desk::login_page(const std::string& to, const std::string& message, int status) const {
  Frame frame;
  frame.title = "Sign in";
  frame.message = message;
  const boost::json::object model{
      {"to", to},
      {"provider", deps_.provider.enabled() ? deps_.provider.provider() : ""},
      {"provider_href", "/desk/sign-in?to=" + percent_encode(to)}};
  return page_response(status, framed(frame, render(data::desk_login(), model)));
}

// A page that leads on by itself: a redirect would still count as the other site's, and the session
// is not sent with what other sites start (SameSite=Strict).
Response Desk::enter(BrowserSession session, const std::string& to, const Request& request) {
  AuditEntry entry = audit_entry("sign-in", "", "", request, deps_.clock.now());
  entry.actor = "admin:" + session.caller.name;
  entry.action = to_string(session.caller.scope);
  entry.detail = session.detail;
  deps_.audit_writer.audit(std::move(entry));
  Frame frame;
  frame.title = "Signed in";
  frame.next = "0;url=" + to;
  const boost::json::object model{{"to", to}, {"name", session.caller.name}};
  Response response = page_response(200, framed(frame, render(data::desk_signed_in(), model)));
  response.set("set-cookie", BrowserSessions::cookie(deps_.sessions.open(std::move(session)),
                                                     cookie_path(request), request.secure));
  return response;
}

Task<Response> Desk::sign_in(AdminCall call) {
  const Request& request = *call.request;
  if (!admin_.is_from_own_page(request))
    co_return error_response(403, "npm-gate: this did not come from a page of the desk");
  const std::string to = own_page(form_value(request.body, "to"));
  BrowserSession session;
  session.authorization = "Bearer " + std::string(trimmed(form_value(request.body, "token")));
  auto caller = admin_.caller(session.authorization);
  if (!caller) co_return response_for(caller.error());
  if (caller->scope < Scope::kReview) {
    if (admin_.too_many_failures(request.peer))
      co_return login_page(to, "Too many failed attempts; try again in a minute.", 429);
    co_return login_page(to, "No valid token of scope review or admin.", 403);
  }
  session.caller = std::move(*caller);
  session.detail = R"({"with":"token"})";
  Response entered = enter(std::move(session), to, request);
  // From a page of our own: nobody has to wait for the page between.
  Response response = redirect_to(to);
  for (auto& [name, value] : entered.headers) {
    if (name == "set-cookie") response.set(name, value);
  }
  co_return response;
}

std::string Desk::redirect_uri(const Request& request) const {
  if (!request.mount.empty()) return request.base_url + "-/npm-gate/desk/signed-in";
  if (const std::string& url = deps_.config.admin.url; !url.empty()) return url + "desk/signed-in";
  return (request.secure ? "https://" : "http://") + std::string(request.headers.get("host")) +
         "/desk/signed-in";
}

Task<Response> Desk::to_provider(AdminCall call) {
  const std::string to = own_page(query_value(call.query, "to"));
  if (!deps_.provider.enabled())
    co_return login_page(to, "No provider is configured (admin.sign_in in gate.yaml).", 404);
  auto start = co_await deps_.provider.start(redirect_uri(*call.request), to);
  if (!start)
    co_return login_page(to, "Signing in is not possible now: " + start.error().context + ".", 503);
  Response response = redirect_to(start->location);
  response.set("set-cookie",
               OidcClient::cookie(start->secret, cookie_path(*call.request), call.request->secure));
  co_return response;
}

Task<Response> Desk::from_provider(AdminCall call) {
  const Request& request = *call.request;
  if (!deps_.provider.enabled()) co_return login_page("/desk", "No provider is configured.", 404);
  const std::string secret =
      BrowserSessions::value_in(request.headers.get("cookie"), OidcClient::kCookie);
  auto done = co_await deps_.provider.finish(call.query, secret);
  Response response;
  if (!done) {
    const bool down =
        done.error().code == Code::kUnavailable || done.error().code == Code::kTimeout;
    response = login_page("/desk", "You are not signed in: " + done.error().context + ".",
                          down ? 503 : 403);
  } else if (done->caller.scope < Scope::kReview) {
    response = login_page("/desk",
                          "You are " + done->caller.name +
                              ", but nobody made you a reviewer: ask the admin for a group of "
                              "admin.sign_in.review in gate.yaml.",
                          403);
  } else {
    BrowserSession session;
    session.caller = done->caller;
    session.detail = boost::json::serialize(boost::json::object{
        {"with", deps_.config.admin.sign_in.issuer}, {"subject", done->subject}});
    response = enter(std::move(session), done->to, request);
  }
  response.set("set-cookie", OidcClient::cookie("", cookie_path(request), request.secure));
  co_return response;
}

Task<Response> Desk::sign_out(Visit visit) {
  const Request& request = *visit.call.request;
  deps_.sessions.close(request.headers.get("cookie"));
  Response response = redirect_to("/desk/login");
  response.set("set-cookie", BrowserSessions::cookie("", cookie_path(request), request.secure));
  co_return response;
}

}  // namespace npmgate
