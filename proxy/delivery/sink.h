// What came of one attempt to deliver a message, whatever carried it.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "base/time.h"
#include "proxy/net/upstream.h"

namespace npmgate {

struct SendOutcome {
  enum class Kind { kSent, kRetry, kDead } kind = Kind::kRetry;
  std::string detail;          // for the list: a status, a reason; never a secret
  std::optional<Millis> wait;  // kRetry: what the other side asked for
  SendOutcome() {}  // a constructor: it travels through coroutines (see proxy/net/async.h)
  SendOutcome(Kind k, std::string d, std::optional<Millis> w = std::nullopt)
      : kind(k), detail(std::move(d)), wait(w) {}
};

// Retry-After of a reply: seconds or an HTTP date. nullopt if absent or nonsense.
std::optional<Millis> retry_after(const FetchReply& reply, Time now);

}  // namespace npmgate
