#include "proxy/desk/sessions.h"

#include <algorithm>

#include "base/digest.h"

namespace npmgate {
namespace {

constexpr std::size_t kRandomBytes = 32;

}  // namespace

std::string DeskSessions::open(std::string authorization) {
  const std::string id = random_hex(kRandomBytes);
  Kept kept;
  kept.session.authorization = std::move(authorization);
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

std::optional<DeskSession> DeskSessions::find(std::string_view cookies) {
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

void DeskSessions::close(std::string_view cookies) {
  const std::string id = id_in(cookies);
  const std::lock_guard lock(mutex_);
  if (!id.empty()) sessions_.erase(sha256_hex(id));
}

void DeskSessions::drop_old(Time now) {
  std::erase_if(sessions_, [&](const auto& entry) {
    return now - entry.second.opened > kLongest || now - entry.second.used > kIdle;
  });
}

std::string DeskSessions::id_in(std::string_view cookies) {
  while (!cookies.empty()) {
    const std::size_t end = std::min(cookies.find(';'), cookies.size());
    std::string_view pair = cookies.substr(0, end);
    cookies.remove_prefix(std::min(end + 1, cookies.size()));
    while (pair.starts_with(' ')) pair.remove_prefix(1);
    if (pair.size() > kCookie.size() && pair.starts_with(kCookie) && pair[kCookie.size()] == '=')
      return std::string(pair.substr(kCookie.size() + 1));
  }
  return {};
}

std::string DeskSessions::cookie(std::string_view id, bool secure) {
  std::string value(kCookie);
  value += "=" + std::string(id) + "; Path=/desk; HttpOnly; SameSite=Strict";
  if (secure) value += "; Secure";
  if (id.empty()) value += "; Max-Age=0";
  return value;
}

}  // namespace npmgate
