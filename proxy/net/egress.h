// The guard on addresses that a name resolved to: what a package names must not make the gate talk
// to its own network.
#pragma once

#include <boost/asio/ip/address.hpp>

namespace npmgate {

// False for loopback, private (RFC 1918, RFC 4193), link-local (incl. cloud metadata
// 169.254.169.254), shared (RFC 6598), documentation, multicast, unspecified and reserved
// addresses, also inside IPv4-mapped, NAT64 and 6to4 IPv6 forms (IANA special-purpose registries).
bool is_public_address(const boost::asio::ip::address& address);

}  // namespace npmgate
