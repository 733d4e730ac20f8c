// What a listener serves: one request in, one response out.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "proxy/net/async.h"
#include "proxy/net/http.h"

namespace npmgate {

struct BodyRule {
  std::size_t limit = 0;  // bytes of body a request may bring; 0: it is read and thrown away
  bool spool = false;     // a large one comes as Request::spooled
};

// One request in, one response out; exceptions are bugs. Thread-safe: called from every loop.
class Service {
 public:
  virtual ~Service() = default;
  virtual Task<Response> handle(std::shared_ptr<Request> request) = 0;
  virtual BodyRule body_rule(std::string_view method, std::string_view target) const = 0;
};

}  // namespace npmgate
