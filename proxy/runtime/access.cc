#include "proxy/runtime/access.h"

#include "base/digest.h"
#include "base/text.h"

namespace npmgate {
namespace {

// last_used is for people who clean up old tokens: a minute is exact enough, and a busy CI writes
// one row a minute.
constexpr auto kNoteEvery = std::chrono::minutes(1);

// Scheme names compare without case (RFC 9110, 11.1).
std::string_view after_scheme(std::string_view header, std::string_view scheme) {
  if (header.size() <= scheme.size() || header[scheme.size()] != ' ') return {};
  if (!equal_ignoring_case(header.substr(0, scheme.size()), scheme)) return {};
  header.remove_prefix(scheme.size());
  while (header.starts_with(' ')) header.remove_prefix(1);
  return header;
}

std::string token_in(std::string_view header) {
  if (const std::string_view bearer = after_scheme(header, "Bearer"); !bearer.empty())
    return std::string(bearer);
  const auto decoded = base64_decode(after_scheme(header, "Basic"));
  if (!decoded) return {};
  const std::string text(decoded->begin(), decoded->end());
  const std::size_t colon = text.find(':');
  return colon == std::string::npos ? std::string() : text.substr(colon + 1);
}

}  // namespace

Scope parse_scope(std::string_view text) {
  if (text == "install") return Scope::kInstall;
  if (text == "review") return Scope::kReview;
  return text == "admin" ? Scope::kAdmin : Scope::kNone;
}

std::string_view to_string(Scope scope) {
  switch (scope) {
    case Scope::kInstall:
      return "install";
    case Scope::kReview:
      return "review";
    case Scope::kAdmin:
      return "admin";
    case Scope::kNone:
      break;
  }
  return "none";
}

bool Access::carries_token(std::string_view authorization) {
  return token_in(authorization).starts_with(kPrefix);
}

Result<Caller> Access::caller(std::string_view authorization) {
  const std::string token = token_in(authorization);
  if (!token.starts_with(kPrefix)) return Caller{};
  const std::string hash = sha256_hex(token);
  auto record = tokens_.token_by_hash(hash);
  if (!record) return record.error();
  if (!*record || (*record)->revoked || !equal_constant_time((*record)->hash, hash))
    return Caller{};
  note_use((*record)->id);
  return Caller{(*record)->name, parse_scope((*record)->scope)};
}

void Access::note_use(std::int64_t id) {
  const Time now = clock_.now();
  {
    const std::lock_guard lock(mutex_);
    Time& noted = noted_[id];
    if (now - noted < kNoteEvery) return;
    noted = now;
  }
  audit_writer_.token_used(id, now);
}

}  // namespace npmgate
