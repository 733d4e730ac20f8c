// People with browsers at the gate's own address: developers who sign in to ask for releases, and
// the desk where it is served here too.
#include "base/text.h"
#include "base/url.h"
#include "proxy/net/query.h"
#include "proxy/registry/gate.h"
#include "proxy/registry/page_template.h"
#include "proxy/runtime/request_record.h"

namespace npmgate {
namespace {

constexpr std::size_t kLongestTo = 1'000;

// Below this gate's own pages, and no other place: what follows a sign-in must not lead away.
std::string own_path(const std::string& to, const std::string& pages) {
  const bool own = to.starts_with(pages) && to.find("//") == std::string::npos;
  const bool plain = to.find_first_of("\r\n\\;\"<>") == std::string::npos;
  return own && plain && to.size() <= kLongestTo ? to : pages + "npm-gate/";
}

Response message_page(int status, const std::string& heading, const std::string& text) {
  return npmgate::own_page(status, heading,
                           "<h1>" + html_escape(heading) + "</h1><p>" + html_escape(text) + "</p>");
}

}  // namespace

std::string Gate::pages_path() const {
  return prefix_ + "-/";
}

// "/desk…" of a target that the desk answers here; nullopt for all else.
std::optional<std::string> Gate::desk_target(const Request& request, const Target& target) const {
  const auto* page = std::get_if<OwnPageTarget>(&target);
  if (page == nullptr || browsers_.desk == nullptr) return std::nullopt;
  const bool desk = page->path == "desk" || page->path.starts_with("desk/");
  const std::string start = pages_path() + "npm-gate";
  if (!desk || !request.target.starts_with(start + "/desk")) return std::nullopt;
  return request.target.substr(start.size());
}

void Gate::note_browser(Request& request) {
  if (browsers_.sessions == nullptr || !request.client.empty()) return;
  auto session = browsers_.sessions->find(request.headers.get("cookie"));
  if (!session) return;
  if (!session->authorization.empty()) {
    auto caller = access_.caller(session->authorization);
    if (!caller) return;
    session->caller = std::move(*caller);
  }
  request.client = session->caller.name;
}

bool Gate::can_sign_in() const {
  return browsers_.provider != nullptr && browsers_.provider->enabled();
}

// Where a page's reader signs in and comes back to this page; "" where nobody can.
std::string Gate::sign_in_link(const Request& request) const {
  if (!can_sign_in()) return "";
  return pages_path() + "npm-gate/sign-in?to=" + percent_encode(request.target);
}

Task<Response> Gate::to_provider(const Request& request, std::string query) {
  const std::string to = own_path(query_value(query, "to"), pages_path());
  auto start = co_await browsers_.provider->start(request.base_url + "-/npm-gate/signed-in", to);
  if (!start) {
    co_return message_page(503, "Signing in is not possible now", start.error().context);
  }
  Response response = text_response(303, "");
  response.set("location", start->location);
  response.set("cache-control", "no-store");
  response.set("set-cookie", OidcClient::cookie(start->secret, pages_path(), request.secure));
  co_return response;
}

Task<Response> Gate::from_provider(const Request& request, std::string query) {
  const std::string secret =
      BrowserSessions::value_in(request.headers.get("cookie"), OidcClient::kCookie);
  auto done = co_await browsers_.provider->finish(std::move(query), secret);
  if (!done) {
    const bool down =
        done.error().code == Code::kUnavailable || done.error().code == Code::kTimeout;
    co_return message_page(down ? 503 : 403, "You are not signed in", done.error().context);
  }
  BrowserSession session;
  session.caller = done->caller;
  AuditEntry entry = audit_entry("sign-in", "", "", request, deps_.clock.now());
  entry.actor = done->caller.name;
  entry.action = to_string(done->caller.scope);
  audit_writer_.audit(std::move(entry));
  // A page between, as at the desk: the session is not sent with what another site led to.
  const std::string to = html_escape(own_path(done->to, pages_path()));
  Response response =
      npmgate::own_page(200, "Signed in",
                        "<h1>Signed in</h1><p>You are " + html_escape(done->caller.name) +
                            ". <a href=\"" + to + "\">Go on</a></p>",
                        own_path(done->to, pages_path()));
  response.set("set-cookie", OidcClient::cookie("", pages_path(), request.secure));
  response.set("set-cookie", BrowserSessions::cookie(browsers_.sessions->open(std::move(session)),
                                                     pages_path(), request.secure));
  co_return response;
}

}  // namespace npmgate
