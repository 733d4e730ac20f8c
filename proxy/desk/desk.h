// The review desk: the admin API as pages, on the admin listener under /desk, and below the gate's
// own address if `admin.desk_on_gate` says so (MountedDesk). It knows nothing but that API, and
// works without scripts.
//
// Signing in exchanges a review or admin token, or what an OpenID provider says, for a session
// cookie. What changes something carries the session's secret (CSRF) and must come from a page of
// this origin. Pages load nothing from elsewhere and run no script (Content-Security-Policy).
#pragma once

#include <boost/json/object.hpp>
#include <memory>
#include <string>

#include "proxy/admin/admin.h"
#include "proxy/desk/render.h"
#include "proxy/runtime/audit_writer.h"
#include "proxy/sign_in/browser_sessions.h"
#include "proxy/sign_in/oidc_client.h"

namespace npmgate {

struct DeskDependencies {
  const Config& config;
  const Clock& clock;
  Admin& admin;
  BrowserSessions& sessions;
  OidcClient& provider;
  AuditWriter& audit_writer;
};

// Thread-safe. Lives as long as `admin`, which it adds its routes to.
class Desk {
 public:
  explicit Desk(DeskDependencies deps);
  Desk(const Desk&) = delete;
  Desk& operator=(const Desk&) = delete;

 private:
  struct Visit {  // a request of somebody who is signed in
    Visit() {}
    AdminCall call;
    Caller actor;
    std::string csrf;
  };
  using Page = Task<Response> (Desk::*)(Visit visit);
  using Handler = std::function<Task<Response>(AdminCall)>;
  void add(const std::string& method, const std::string& path, Page page);
  void add_open(const std::string& method, const std::string& path, Handler handler);
  Task<Response> visit(AdminCall call, Page page);
  // nullopt: nobody is signed in.
  Result<std::optional<BrowserSession>> session_of(const Request& request);

  // desk_sign_in.cc
  Response login_page(const std::string& to, const std::string& message, int status) const;
  Response enter(BrowserSession session, const std::string& to, const Request& request);
  std::string redirect_uri(const Request& request) const;
  Task<Response> sign_in(AdminCall call);
  Task<Response> to_provider(AdminCall call);
  Task<Response> from_provider(AdminCall call);

  Task<Response> queue(Visit visit);
  Task<Response> release(Visit visit);
  Task<Response> package(Visit visit);
  Task<Response> audit(Visit visit);
  Task<Response> downloads(Visit visit);
  Task<Response> requests(Visit visit);
  Task<Response> search(Visit visit);
  Task<Response> policy(Visit visit);
  Task<Response> state(Visit visit);
  static boost::json::object wish_of(const std::string& form);
  Task<Response> decide(Visit visit);
  Task<Response> confirm(Visit visit, boost::json::object wish);
  Task<Response> decline(Visit visit);
  Task<Response> sign_out(Visit visit);

  // What the API answers to the visitor.
  struct Answer {
    Answer() {}
    int status = 0;
    boost::json::object body;  // of an error: {"error": sentence}
  };
  Task<Answer> ask(Visit visit, std::string method, std::string target, std::string body = {});
  Response shown(const Visit& visit, const std::string& title, std::string body,
                 std::string message = {}, int status = 200) const;
  // The page of an answer that is an error.
  Response failed(const Visit& visit, const Answer& answer) const;

  DeskDependencies deps_;
  Admin& admin_;
};

// The desk below the gate's own address: what the gate hands over has `mount` set and a target that
// starts with /desk; its Host was looked at.
class MountedDesk final : public Service {
 public:
  explicit MountedDesk(Admin& admin) : admin_(admin) {}
  Task<Response> handle(std::shared_ptr<Request> request) override {
    return admin_.answer(std::move(request));
  }
  BodyRule body_rule(std::string_view method, std::string_view target) const override {
    return admin_.body_rule(method, target);
  }

 private:
  Admin& admin_;
};

}  // namespace npmgate
