// Requests towards upstreams and git hosts: verified TLS, pooled connections, limits on time and
// size, redirects only if allowed.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "proxy/net/forward_proxy.h"
#include "proxy/net/name_resolver.h"
#include "proxy/net/upstream.h"

namespace npmgate {

struct ClientOptions {
  std::string user_agent = "npm-gate/" NPM_GATE_VERSION;
  std::size_t max_idle_per_origin = 32;
  std::chrono::seconds idle_limit{50};  // below the 60 s after which many servers close
  ProxySettings proxies;
  Pool* pool = nullptr;         // where answers are inflated; null: on the loop
  NameResolver::Lookup lookup;  // of host names; empty: the system's
};

// Thread-safe; a connection stays on the loop that opened it, and idle ones with it: the client has
// to be gone before the io_contexts that it was used on.
std::unique_ptr<Upstream> make_http_client(ClientOptions options);

}  // namespace npmgate
