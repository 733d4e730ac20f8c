// Who a request comes from: the token in its Authorization header, looked up among those that
// `npm-gate token create` made.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "base/time.h"
#include "proxy/runtime/audit_writer.h"
#include "store/token_store.h"

namespace npmgate {

// Each scope includes those before it.
enum class Scope { kNone, kInstall, kReview, kAdmin };
Scope parse_scope(std::string_view text);  // kNone for anything else
std::string_view to_string(Scope scope);

struct Caller {
  std::string name;  // the token's; "" if no valid token came
  Scope scope = Scope::kNone;
};

// Thread-safe. Nothing is kept between requests but when a use was last noted: a token that is
// revoked is refused by the next request.
class Access {
 public:
  // Every token begins with it: credentials for other registries are told apart without a look.
  static constexpr std::string_view kPrefix = "ngt_";

  Access(TokenStore& tokens, const Clock& clock, AuditWriter& audit_writer)
      : tokens_(tokens), clock_(clock), audit_writer_(audit_writer) {}

  // Who `authorization` ("Bearer TOKEN", or Basic with the token as password) belongs to. The
  // database is asked for the token's SHA-256, so that how long an answer takes says nothing about
  // a token: whoever could learn a stored hash this way has no way back from it. One indexed read
  // (measured: microseconds), made on the calling thread.
  Result<Caller> caller(std::string_view authorization);
  // Whether the header carries a token of ours, valid or not.
  static bool carries_token(std::string_view authorization);

 private:
  void note_use(std::int64_t id);

  TokenStore& tokens_;
  const Clock& clock_;
  AuditWriter& audit_writer_;
  std::mutex mutex_;
  std::map<std::int64_t, Time> noted_;
};

}  // namespace npmgate
