// What a listener serves: one request in, one response out.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

#include "proxy/net/async.h"
#include "proxy/net/http.h"

namespace npmgate {

// The status of a response that is not sent: the connection is reset instead.
inline constexpr int kNoAnswer = 0;

struct BodyRule {
  std::size_t limit = 0;   // bytes of body a request may bring; 0: it is read and thrown away
  bool spool = false;      // a large one comes as Request::spooled
  std::size_t weight = 1;  // bytes of memory that one of the body takes until it is answered
};

// One request in, one response out; exceptions are bugs. Thread-safe: called from every loop.
class Service {
 public:
  virtual ~Service() = default;
  virtual Task<Response> handle(std::shared_ptr<Request> request) = 0;
  // The response if it is finished already and nothing has to be waited for; asked before
  // handle(), on the loop. Must not block.
  virtual std::optional<Response> at_once(Request&) { return std::nullopt; }
  // Before the body of a request is taken: the refusal of one whose body nobody wants. What it may
  // pass is marked (Request::admitted), so that handle() does not ask again.
  virtual Task<std::optional<Response>> admit(std::shared_ptr<Request> request) {
    request->admitted = true;
    co_return std::nullopt;
  }
  virtual BodyRule body_rule(std::string_view method, std::string_view target) const = 0;
};

}  // namespace npmgate
