// What asks registries, git hosts and webhooks: one request out, one reply back. The interface
// only; the client over sockets is http_client.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/url.h"
#include "proxy/net/async.h"
#include "proxy/net/http.h"

namespace npmgate {

struct FetchRequest {
  FetchRequest() {}  // a constructor: it travels into coroutines (see proxy/net/async.h)
  std::string method = "GET";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::shared_ptr<const SpoolFile> spooled;  // sent instead of body
  std::string authorization;  // bound to url's origin: dropped when a redirect leaves it
  std::size_t max_body = std::size_t{256} << 20;
  std::chrono::milliseconds limit{std::chrono::seconds{60}};  // for the whole exchange
  std::chrono::milliseconds stall{std::chrono::seconds{30}};  // of a body, without any byte
  // Bytes a second of a body, once half a minute has passed. Given: the answer's head has to come
  // within `stall`, or within 40 s at the second try.
  std::uint64_t min_rate = 0;
  // Where a redirect may lead besides the same origin. Null: nowhere.
  std::function<bool(const Url&)> allow_redirect;
  // Refuse private, loopback and link-local addresses after DNS (for hosts that a package names,
  // not an admin).
  bool public_addresses_only = false;
  // Never sent twice: goes over a connection of its own, where an end without an answer is an
  // error. Others are sent again when a pooled connection turns out to have been closed.
  bool once = false;
  bool fresh = false;      // over a connection of its own: the last one may have been the fault
  bool of_client = false;  // with a client's own credentials: its failure is nobody else's
  std::string ca_file;     // further trust anchors for this origin
  // The body is left as the server sent it: what "content-encoding" of the reply says is for the
  // caller to undo, off the loop.
  bool as_sent = false;
  // Given: receives the body of a 200 answer in pieces instead of FetchReply::body; an error ends
  // the exchange.
  std::function<Result<void>(std::string_view)> sink;
};

struct FetchReply {
  FetchReply() {}
  int status = 0;
  Headers headers;
  std::string body;  // decoded if the server sent gzip (FetchRequest::as_sent)
  std::string url;   // the final one
};

class Upstream {
 public:
  virtual ~Upstream() = default;
  // kUnavailable: no connection, broken off, wrong length; kTimeout; kRefused: certificate,
  // redirect or address not allowed; kTooLarge. A 4xx or 5xx is a reply, not an error.
  virtual Task<Result<FetchReply>> fetch(FetchRequest request) = 0;
};

}  // namespace npmgate
