// The head of an HTTP/1.1 message as a value, and how its body is framed. Pure: bytes in, values
// out. What two parsers could read differently is refused (docs/threats.md, H1).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "proxy/net/http.h"

namespace npmgate {

struct BodyFraming {
  enum class Kind { kNone, kLength, kChunked, kUntilClose };
  Kind kind = Kind::kNone;
  std::uint64_t length = 0;  // with kLength
};

struct MessageHead {
  MessageHead() {}  // a constructor: it travels through coroutines (see proxy/net/async.h)
  std::string method, target;  // of a request
  int status = 0;              // of an answer
  Headers headers;
  bool keep_alive = false;  // what version and Connection say; not: until close
  BodyFraming body;
};

// Bytes of the head at the start of `data`, with the empty line that ends it (also if lines end
// in LF alone, which the parsers below refuse); npos while it is not whole. `from`: bytes that an
// earlier call has seen.
std::size_t head_size(std::string_view data, std::size_t from = 0);

// `head`: exactly head_size() bytes. Never throws what the bytes could cause. kMalformed with a
// sentence for the client.
Result<MessageHead> parse_request_head(std::string_view head);
// `to_head`: the answer to a HEAD request, which has no body whatever it says. kMalformed,
// kTooLarge (more fields than any registry sends).
Result<MessageHead> parse_answer_head(std::string_view head, bool to_head);

}  // namespace npmgate
