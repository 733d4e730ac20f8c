// The review desk: the admin API as pages, on the admin listener under /desk. It knows nothing but
// that API, and works without scripts.
//
// Signing in exchanges a review or admin token for a session cookie. What changes something carries
// the session's secret (CSRF) and must come from a page of this origin. Pages load nothing from
// elsewhere and run no script (Content-Security-Policy).
#pragma once

#include <boost/json/object.hpp>
#include <memory>
#include <string>

#include "proxy/admin/admin.h"
#include "proxy/desk/render.h"
#include "proxy/desk/sessions.h"

namespace npmgate {

// Thread-safe. Lives as long as `admin`, which it adds its routes to.
class Desk {
 public:
  Desk(Admin& admin, const Clock& clock);
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
  void add(const std::string& method, const std::string& path, Page page);
  Task<Response> visit(AdminCall call, Page page);
  Task<Response> sign_in(AdminCall call);

  Task<Response> queue(Visit visit);
  Task<Response> release(Visit visit);
  Task<Response> package(Visit visit);
  Task<Response> audit(Visit visit);
  Task<Response> downloads(Visit visit);
  Task<Response> requests(Visit visit);
  Task<Response> search(Visit visit);
  Task<Response> policy(Visit visit);
  Task<Response> state(Visit visit);
  Task<Response> decide(Visit visit);
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

  Admin& admin_;
  DeskSessions sessions_;
};

}  // namespace npmgate
