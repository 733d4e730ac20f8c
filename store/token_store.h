// Clients' and admins' tokens, by hash.
// Thread-safe; every call may block on disk: call it off the loops. A call that returned success
// survives kill -9.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace npmgate {

struct TokenRecord {
  std::int64_t id = 0;
  std::string name;
  std::string scope;  // install, review, admin
  std::string hash;   // SHA-256 hex of the token
  Time created{};
  std::optional<Time> revoked, last_used;
};

class TokenStore {
 public:
  virtual ~TokenStore() = default;

  // kRefused if the hash is already there, or a token that is not revoked has the name: the trail
  // tells people apart by it. Revoking twice keeps the first time; kNotFound for an unknown id.
  virtual Result<std::int64_t> add_token(const TokenRecord& token) = 0;
  virtual Result<std::vector<TokenRecord>> tokens() = 0;
  // The token stored under this hash, revoked or not; nullopt if there is none. One indexed
  // read.
  virtual Result<std::optional<TokenRecord>> token_by_hash(std::string_view hash) = 0;
  virtual Result<void> revoke_token(std::int64_t id, Time at) = 0;
  virtual Result<void> touch_token(std::int64_t id, Time at) = 0;  // sets last_used
};

}  // namespace npmgate
