#include "proxy/net/forwarded.h"

#include <algorithm>
#include <charconv>

#include "base/log.h"

namespace npmgate {
namespace {

using boost::asio::ip::address;

std::optional<address> parse_address(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  // "[2001:db8::1]:4711" and "192.0.2.1:4711", as some proxies write them.
  if (text.starts_with('[')) {
    text = text.substr(1, text.find(']') - 1);
  } else if (std::count(text.begin(), text.end(), ':') == 1) {
    text = text.substr(0, text.find(':'));
  }
  boost::system::error_code ec;
  const address parsed = boost::asio::ip::make_address(std::string(text), ec);
  if (ec) return std::nullopt;
  return unmapped(parsed);
}

std::vector<unsigned char> bytes_of(const address& a) {
  if (a.is_v4()) {
    const auto bytes = a.to_v4().to_bytes();
    return {bytes.begin(), bytes.end()};
  }
  const auto bytes = a.to_v6().to_bytes();
  return {bytes.begin(), bytes.end()};
}

bool same_prefix(const address& a, const address& b, unsigned bits) {
  const auto left = bytes_of(a), right = bytes_of(b);
  if (left.size() != right.size()) return false;
  for (std::size_t i = 0; i < left.size() && bits > 0; ++i) {
    const unsigned used = std::min(bits, 8U);
    const auto mask = static_cast<unsigned char>(0xff << (8 - used));
    if ((left[i] & mask) != (right[i] & mask)) return false;
    bits -= used;
  }
  return true;
}

}  // namespace

address unmapped(const address& a) {
  if (!a.is_v6() || !a.to_v6().is_v4_mapped()) return a;
  return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, a.to_v6());
}

Result<TrustedProxies> TrustedProxies::parse(const std::vector<std::string>& texts) {
  TrustedProxies proxies;
  for (const std::string& text : texts) {
    const std::size_t slash = text.find('/');
    boost::system::error_code ec;
    const address base = unmapped(boost::asio::ip::make_address(text.substr(0, slash), ec));
    const unsigned whole = base.is_v4() ? 32 : 128;
    unsigned bits = whole;
    bool good = !ec;
    if (slash != std::string::npos) {
      const char* const end = text.data() + text.size();
      const auto [stop, error] = std::from_chars(text.data() + slash + 1, end, bits);
      good = good && error == std::errc{} && stop == end && bits <= whole;
    }
    if (!good) {
      return fail(Code::kMalformed, Origin::kPolicy,
                  "'" + log::printable(text, 60) +
                      "' is neither an address nor a network such as "
                      "10.0.0.0/8");
    }
    proxies.networks_.push_back({base, bits});
  }
  return proxies;
}

bool TrustedProxies::trusts(const address& a) const {
  return std::any_of(networks_.begin(), networks_.end(), [&](const Network& network) {
    return same_prefix(a, network.address, network.bits);
  });
}

std::string TrustedProxies::client(const address& peer, std::string_view forwarded_for) const {
  address client = unmapped(peer);
  while (trusts(client) && !forwarded_for.empty()) {
    const std::size_t comma = forwarded_for.rfind(',');
    const std::size_t start = comma == std::string_view::npos ? 0 : comma + 1;
    const auto next = parse_address(forwarded_for.substr(start));
    forwarded_for = forwarded_for.substr(0, comma == std::string_view::npos ? 0 : comma);
    if (!next) break;
    client = *next;
  }
  return client.to_string();
}

}  // namespace npmgate
