// Who is signed in with a browser, at the desk or the gate's own pages. In memory: a restart signs
// everybody out. Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "proxy/runtime/access.h"

namespace npmgate {

struct BrowserSession {
  // The Authorization value that it was opened with: it is looked up again for each request, so
  // that a token that is revoked ends its sessions. "" for somebody whom a provider signed in.
  std::string authorization;
  Caller caller;         // whom the provider signed in
  std::string csrf;      // what the forms of this session carry; open() makes it
  std::string detail{};  // JSON, for the audit trail: with what it was opened
};

class BrowserSessions {
 public:
  // A working day, and a break within it.
  static constexpr Millis kLongest{std::chrono::hours{12}};
  // Of somebody whom a provider signed in: it is not asked again meanwhile, so that who leaves a
  // group keeps the session until then.
  static constexpr Millis kLongestOfProvider{std::chrono::hours{8}};
  static constexpr Millis kIdle{std::chrono::hours{2}};
  // More people than review releases; beyond, the one unused for longest goes.
  static constexpr std::size_t kMost = 1'000;
  static constexpr std::string_view kCookie = "npm_gate_desk";

  explicit BrowserSessions(const Clock& clock) : clock_(clock) {}

  // The new session's id: 256 random bits, hex.
  std::string open(BrowserSession session);
  // Of the id in a Cookie header; nullopt if there is none that is still good.
  std::optional<BrowserSession> find(std::string_view cookies);
  void close(std::string_view cookies);

  // The id in a Cookie header (RFC 6265, 4.2.1); "" if it has none.
  static std::string id_in(std::string_view cookies);
  // The Set-Cookie value: not for scripts, not sent from other sites, and over TLS alone if the
  // request came so. An empty id removes it. `path`: of the pages that it is for.
  static std::string cookie(std::string_view id, std::string_view path, bool secure);
  // The value of the cookie `name` in a Cookie header; "" if it has none.
  static std::string value_in(std::string_view cookies, std::string_view name);

 private:
  struct Kept {
    BrowserSession session;
    Time opened{}, used{};
  };
  void drop_old(Time now);

  const Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, Kept, std::less<>> sessions_;  // by SHA-256 of the id
};

}  // namespace npmgate
