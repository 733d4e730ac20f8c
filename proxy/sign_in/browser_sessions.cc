#include "proxy/sign_in/browser_sessions.h"

#include <algorithm>

#include "base/digest.h"

namespace npmgate {
namespace {

constexpr std::size_t kRandomBytes = 32;

}  // namespace

std::string BrowserSessions::open(BrowserSession session) {
  const std::string id = random_hex(kRandomBytes);
  Kept kept;
  kept.session = std::move(session);
  kept.session.csrf = random_hex(kRandomBytes);
  kept.opened = kept.used = clock_.now();
  const std::lock_guard lock(mutex_);
  drop_old(kept.used);
  if (sessions_.size() >= kMost) {
    sessions_.erase(std::min_element(
        sessions_.begin(), sessions_.end(),
        [](const auto& a, const auto& b) { return a.second.used < b.second.used; }));
  }
  sessions_.emplace(sha256_hex(id), std::move(kept));
  return id;
}

std::optional<BrowserSession> BrowserSessions::find(std::string_view cookies) {
  const std::string id = id_in(cookies);
  if (id.empty()) return std::nullopt;
  const Time now = clock_.now();
  const std::lock_guard lock(mutex_);
  drop_old(now);
  const auto found = sessions_.find(sha256_hex(id));
  if (found == sessions_.end()) return std::nullopt;
  found->second.used = now;
  return found->second.session;
}

void BrowserSessions::close(std::string_view cookies) {
  const std::string id = id_in(cookies);
  const std::lock_guard lock(mutex_);
  if (!id.empty()) sessions_.erase(sha256_hex(id));
}

void BrowserSessions::drop_old(Time now) {
  std::erase_if(sessions_, [&](const auto& entry) {
    const Kept& kept = entry.second;
    const Millis longest = kept.session.authorization.empty() ? kLongestOfProvider : kLongest;
    return now - kept.opened > longest || now - kept.used > kIdle;
  });
}

std::string BrowserSessions::value_in(std::string_view cookies, std::string_view name) {
  while (!cookies.empty()) {
    const std::size_t end = std::min(cookies.find(';'), cookies.size());
    std::string_view pair = cookies.substr(0, end);
    cookies.remove_prefix(std::min(end + 1, cookies.size()));
    while (pair.starts_with(' ')) pair.remove_prefix(1);
    if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=')
      return std::string(pair.substr(name.size() + 1));
  }
  return {};
}

std::string BrowserSessions::id_in(std::string_view cookies) {
  return value_in(cookies, kCookie);
}

std::string BrowserSessions::cookie(std::string_view id, std::string_view path, bool secure) {
  std::string value(kCookie);
  value += "=" + std::string(id) + "; Path=" + std::string(path) + "; HttpOnly; SameSite=Strict";
  if (secure) value += "; Secure";
  if (id.empty()) value += "; Max-Age=0";
  return value;
}

}  // namespace npmgate
