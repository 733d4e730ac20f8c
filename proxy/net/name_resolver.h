// Addresses of host names.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proxy/net/async.h"

namespace npmgate {

// The system's own lookup (getaddrinfo: hosts, DNS, whatever nsswitch.conf says) waits for name
// servers as long as resolv.conf tells it to, often half a minute, and cannot be ended. Here each
// name is looked up on a thread of its own that nothing waits for, one lookup per name at a time: a
// name server that does not answer holds up neither other names nor the end of the process.
// Thread-safe. To be gone before the io_contexts that resolve() was called on.
class NameResolver {
 public:
  using Addresses = std::vector<net::ip::address>;
  using Lookup = std::function<Result<Addresses>(const std::string& host)>;

  // Names that are looked up at the same time, each on a thread; more are kUnavailable.
  static constexpr std::size_t kMaxLookups = 32;

  explicit NameResolver(Lookup lookup = {});  // empty: asks the system
  ~NameResolver();
  NameResolver(const NameResolver&) = delete;
  NameResolver& operator=(const NameResolver&) = delete;

  // In the order of the system's preference, never empty; a literal address is its own.
  // kUnavailable with the system's reason, kTimeout after `until`; both may be asked again.
  Task<Result<Addresses>> resolve(std::string host, std::chrono::steady_clock::time_point until);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace npmgate
