// Who a request comes from when proxies stand in front: what X-Forwarded-For may be believed.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace npmgate {

// access.trusted_proxies: addresses and networks ("10.0.0.0/8", "fd00::/8"). Immutable.
class TrustedProxies {
 public:
  TrustedProxies() = default;
  // kMalformed names the entry that is neither an address nor a network.
  static Result<TrustedProxies> parse(const std::vector<std::string>& texts);

  bool trusts(const boost::asio::ip::address& address) const;
  // The client's address: `peer` unless it is trusted, then the rightmost address in
  // `forwarded_for` that is not. Everything left of that one was written by somebody nobody vouches
  // for. An entry that is no address ends the walk at the proxy that wrote it.
  std::string client(const boost::asio::ip::address& peer, std::string_view forwarded_for) const;

 private:
  struct Network {
    boost::asio::ip::address address;
    unsigned bits = 0;
  };
  std::vector<Network> networks_;
};

// An IPv4 address that came as ::ffff:a.b.c.d over a socket for both families, as itself.
boost::asio::ip::address unmapped(const boost::asio::ip::address& address);

}  // namespace npmgate
