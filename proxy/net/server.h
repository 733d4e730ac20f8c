// The listeners: sockets, TLS, HTTP/1.1 framing, limits. One loop per core, each with its own
// SO_REUSEPORT acceptor; a connection lives on one.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/metrics.h"
#include "base/result.h"
#include "proxy/net/async.h"
#include "proxy/net/forwarded.h"
#include "proxy/net/service.h"

namespace npmgate {

struct ServerLimits {
  // npm's own limit is 16 KiB; tokens and cookies of proxies come on top
  std::size_t max_header = std::size_t{32} * 1024;
  std::chrono::seconds header_limit{15};  // from the first byte of a request to the end of its head
  std::chrono::seconds idle_limit{
      65};  // between requests: longer than the 60 s of common proxies in front
  std::chrono::seconds body_limit{60};  // per request body, and what min_body_rate adds
  std::size_t min_body_rate = std::size_t{64} << 10;  // bytes a second; a slower body is given up
  std::chrono::seconds write_limit{60};               // for an answer, and what min_write_rate adds
  std::size_t min_write_rate = std::size_t{16} << 10;  // bytes a second; who reads slower is let go
  std::size_t max_connections = 20'000;
  std::size_t max_per_address = 2'000;  // an IPv6 /64 counts as one; trusted proxies do not count
  std::size_t pipelined_per_round = 4;  // see Turns in server.cc
  std::size_t max_bodies = std::size_t{512} << 20;  // what bodies in memory take, of all together
  std::size_t spool_from = std::size_t{1} << 20;    // larger ones lie in a file where they may
  std::size_t max_spooled = std::size_t{1} << 30;   // in files, of all connections together
  std::uint64_t max_discarded = std::uint64_t{256}
                                << 20;  // of a body that nobody reads (a refused publish)
};

struct ListenOptions {
  std::string address;
  std::uint16_t port = 0;
  int socket = -1;  // listens already (handed_over.h), only borrowed by start_server; -1: bind
  std::function<std::shared_ptr<net::ssl::context>()>
      tls;                         // null: plain; asked per connection, so that reloads take effect
  TrustedProxies trusted_proxies;  // whose X-Forwarded-For and X-Forwarded-Proto are believed
  std::string spool_folder;        // for large bodies; "": they stay in memory
  Pool* pool = nullptr;            // where bodies are inflated; null: on the loop
  std::string name = "clients";    // for log and metrics
  bool log_requests = false;       // a line each, at level debug
};

// One listener over all loops. Stop with stop(); destroyed after the loops have ended.
class Server {
 public:
  virtual ~Server() = default;
  virtual std::uint16_t port() const = 0;  // the bound one
  // No new connections; idle ones are closed, the others as soon as their answer is sent (it says
  // `connection: close`). Who has connected a moment ago may still ask once.
  virtual void stop() = 0;
  virtual std::size_t connections() const = 0;  // open ones
};

// Binds at once: kUnavailable with address and reason ("address already in use") otherwise.
Result<std::unique_ptr<Server>> start_server(std::vector<net::io_context*> loops,
                                             ListenOptions options, ServerLimits limits,
                                             Service& service, Metrics& metrics);

}  // namespace npmgate
