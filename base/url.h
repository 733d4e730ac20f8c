// URLs of configuration, packuments and redirects: split the same way everywhere, or not at all.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace npmgate {

// The parts of an http or https URL without userinfo, query or fragment.
struct Url {
  std::string scheme;      // "http" or "https"
  std::string host;        // lower case, an IPv6 address without brackets
  std::string path;        // starts with '/'; of base URLs it ends with one, too
  std::uint16_t port = 0;  // the scheme's standard port if the text names none

  std::string origin() const;       // "https://host:port" with the port always written
  std::string host_header() const;  // "host", or "host:port" if the port is not the scheme's
  std::string str() const;
};

// "https://host[:port]/path/" split; nullopt for anything but http and https URLs without userinfo,
// query or fragment.
std::optional<Url> parse_url(std::string_view text);

std::string with_trailing_slash(std::string url);

// True for "localhost" and for literal addresses of 127.0.0.0/8 and ::1 ("[::1]" too). Names are
// not resolved.
bool is_loopback(std::string_view address);

}  // namespace npmgate
