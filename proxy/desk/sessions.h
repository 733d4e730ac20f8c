// Who is signed in at the desk. In memory: a restart signs everybody out. Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace npmgate {

struct DeskSession {
  // The Authorization value that it was opened with: it is looked up again for each request, so
  // that a token that is revoked ends its sessions.
  std::string authorization;
  std::string csrf;  // what the forms of this session carry
};

class DeskSessions {
 public:
  // A working day, and a break within it.
  static constexpr Millis kLongest{std::chrono::hours{12}};
  static constexpr Millis kIdle{std::chrono::hours{2}};
  // More people than review releases; beyond, the one unused for longest goes.
  static constexpr std::size_t kMost = 1'000;
  static constexpr std::string_view kCookie = "npm_gate_desk";

  explicit DeskSessions(const Clock& clock) : clock_(clock) {}

  // The new session's id: 256 random bits, hex.
  std::string open(std::string authorization);
  // Of the id in a Cookie header; nullopt if there is none that is still good.
  std::optional<DeskSession> find(std::string_view cookies);
  void close(std::string_view cookies);

  // The id in a Cookie header (RFC 6265, 4.2.1); "" if it has none.
  static std::string id_in(std::string_view cookies);
  // The Set-Cookie value: not for scripts, not sent from other sites, and over TLS alone if the
  // request came so. An empty id removes it.
  static std::string cookie(std::string_view id, bool secure);

 private:
  struct Kept {
    DeskSession session;
    Time opened{}, used{};
  };
  void drop_old(Time now);

  const Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, Kept, std::less<>> sessions_;  // by SHA-256 of the id
};

}  // namespace npmgate
