#include "base/url.h"

#include <arpa/inet.h>

#include <charconv>

#include "base/text.h"

namespace npmgate {

bool is_loopback(std::string_view address) {
  if (address == "localhost" || address == "[::1]") return true;
  // Parsed, not compared by prefix: "127.0.0.1.evil.example" is a host name that its owner may
  // point anywhere (DNS rebinding).
  const std::string text(address);
  in_addr v4{};
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
  in6_addr v6{};
  return inet_pton(AF_INET6, text.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

std::string with_trailing_slash(std::string url) {
  if (!url.empty() && url.back() != '/') url += '/';
  return url;
}

std::optional<Url> parse_url(std::string_view text) {
  Url url;
  std::uint16_t standard = 0;
  if (text.starts_with("https://")) {
    url.scheme = "https";
    standard = 443;
  } else if (text.starts_with("http://")) {
    url.scheme = "http";
    standard = 80;
  } else {
    return std::nullopt;
  }
  text.remove_prefix(url.scheme.size() + 3);
  const std::size_t slash = text.find('/');
  std::string_view authority = text.substr(0, slash);
  url.path = slash == std::string_view::npos ? "/" : std::string(text.substr(slash));
  if (url.path.find_first_of("?#") != std::string::npos ||
      authority.find_first_of("@?#\\ ") != std::string_view::npos) {
    return std::nullopt;
  }
  std::string_view port;
  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    url.host = authority.substr(1, close - 1);
    port = authority.substr(close + 1);
  } else {
    const std::size_t colon = authority.find(':');
    url.host = authority.substr(0, colon);
    port = colon == std::string_view::npos ? std::string_view{} : authority.substr(colon);
  }
  if (url.host.empty()) return std::nullopt;
  url.host = lower_ascii(url.host);
  url.port = standard;
  if (!port.empty()) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(port.data() + 1, port.data() + port.size(), value);
    if (port.front() != ':' || error != std::errc{} || end != port.data() + port.size() ||
        value == 0 || value > 65535) {
      return std::nullopt;
    }
    url.port = static_cast<std::uint16_t>(value);
  }
  return url;
}

std::string Url::origin() const {
  const bool v6 = host.find(':') != std::string::npos;
  return scheme + "://" + (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::string Url::host_header() const {
  const bool v6 = host.find(':') != std::string::npos;
  const std::string name = v6 ? "[" + host + "]" : host;
  const bool standard = port == (scheme == "https" ? 443 : 80);
  return standard ? name : name + ":" + std::to_string(port);
}

std::string Url::str() const {
  return scheme + "://" + host_header() + path;
}

}  // namespace npmgate
