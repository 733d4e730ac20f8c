#include "inspect/code/endpoints.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "base/text.h"
#include "inspect/code/features.h"

namespace npmgate {
namespace {

constexpr std::size_t kMostEndpoints = 64;    // tree.h
constexpr std::size_t kMostCollected = 4096;  // bounds memory; a file with more is a list, not code
constexpr std::size_t kLongestHost = 253;     // RFC 1035, 2.3.4
constexpr std::size_t kLongestAuthority = 512;  // with user and port

bool is_host_digit(unsigned char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_host_byte(unsigned char c) {
  return is_letter(c) || is_host_digit(c) || c == '-' || c == '.' || c == '_' || c >= 0x80;
}

// Schemes that name a place on the network (IANA registry of URI schemes, plus mining pools'
// stratum).
constexpr std::string_view kSchemes[] = {
    "amqp",   "amqps",   "ftp",  "ftps",  "git",   "http",     "https",      "ldap",
    "ldaps",  "mongodb", "mqtt", "mqtts", "mysql", "postgres", "postgresql", "redis",
    "rediss", "sftp",    "smtp", "smtps", "socks", "socks4",   "socks5",     "ssh",
    "ssl",    "stratum", "tcp",  "tls",   "udp",   "ws",       "wss"};
static_assert(std::is_sorted(std::begin(kSchemes), std::end(kSchemes)));

// Hosts of identifiers that nobody fetches: XML name spaces, JSON Schema, RDF vocabularies.
constexpr std::string_view kIdentifierHosts[] = {"json-schema.org",
                                                 "ns.adobe.com",
                                                 "ogp.me",
                                                 "openoffice.org",
                                                 "purl.org",
                                                 "relaxng.org",
                                                 "schema.org",
                                                 "schemas.android.com",
                                                 "schemas.microsoft.com",
                                                 "schemas.openxmlformats.org",
                                                 "schemas.xmlsoap.org",
                                                 "sodipodi.sourceforge.net",
                                                 "w3.org",
                                                 "www.inkscape.org",
                                                 "www.w3.org",
                                                 "xml.org",
                                                 "xmlns.com"};
static_assert(std::is_sorted(std::begin(kIdentifierHosts), std::end(kIdentifierHosts)));

// Last labels that make a word of two labels a host. Those that are also words of code (`info`,
// `app`, `io` …) need three.
constexpr std::string_view kSureSuffixes[] = {
    "be", "biz", "br",  "ch", "cn", "com", "cz", "de",  "es", "eu",    "example",
    "fr", "hk",  "i2p", "ir", "jp", "kp",  "kr", "net", "nl", "onion", "org",
    "pl", "ru",  "se",  "su", "tw", "ua",  "uk", "vn",  "xyz"};
constexpr std::string_view kLikelySuffixes[] = {
    "ai",    "app",   "cc",   "cf",     "click", "cloud", "club",     "co",   "dev",
    "fun",   "ga",    "gg",   "gq",     "icu",   "info",  "internal", "io",   "link",
    "live",  "me",    "ml",   "online", "page",  "pro",   "pw",       "shop", "site",
    "space", "store", "tech", "tk",     "to",    "top",   "website"};
static_assert(std::is_sorted(std::begin(kSureSuffixes), std::end(kSureSuffixes)));
static_assert(std::is_sorted(std::begin(kLikelySuffixes), std::end(kLikelySuffixes)));

template <std::size_t N>
bool contains(const std::string_view (&sorted)[N], std::string_view word) {
  return std::binary_search(std::begin(sorted), std::end(sorted), word);
}

bool network_scheme_before(std::string_view text, std::size_t colon) {
  constexpr std::size_t kLongestScheme = 12;
  std::size_t begin = colon;
  while (begin > 0 && colon - begin < kLongestScheme &&
         (is_letter(text[begin - 1]) || is_host_digit(text[begin - 1])))
    --begin;
  std::string scheme;
  for (const char c : text.substr(begin, colon - begin)) scheme += lower_ascii(c);
  if (contains(kSchemes, scheme)) return true;
  // Text may run on before it ("nhttp://" of a "\n" nobody decoded): the two that matter are looked
  // for at the end.
  return scheme.ends_with("https") || scheme.ends_with("http");
}

bool is_ipv4(std::string_view host) {
  int parts = 0;
  while (!host.empty()) {
    const auto end = std::min(host.find('.'), host.size());
    const auto part = host.substr(0, end);
    if (part.empty() || part.size() > 3 || !std::all_of(part.begin(), part.end(), is_host_digit))
      return false;
    int value = 0;
    for (const char c : part) value = value * 10 + (c - '0');
    if (value > 255 || ++parts > 4) return false;
    if (end == host.size()) break;
    host.remove_prefix(end + 1);
    if (host.empty()) return false;
  }
  return parts == 4;
}

bool is_here(std::string_view host) {
  return host == "localhost" || host.ends_with(".localhost") || host == "0.0.0.0" ||
         host == "[::1]" || host == "[::]" || (host.starts_with("127.") && is_ipv4(host));
}

// http://3221226219/ and http://0xC0000207/ are addresses too (WHATWG URL, 4.5 "IPv4 parser").
bool is_number_host(std::string_view host) {
  const bool hex = host.starts_with("0x") && host.size() > 8;
  if (hex) host.remove_prefix(2);
  return host.size() >= 8 && std::all_of(host.begin(), host.end(), [&](unsigned char c) {
           return is_host_digit(c) || (hex && c >= 'a' && c <= 'f');
         });
}

bool is_host_name(std::string_view host) {
  if (host.find('.') == std::string_view::npos || host.find("..") != std::string_view::npos)
    return false;
  const auto suffix = host.substr(host.rfind('.') + 1);
  return host.front() != '.' && host.front() != '-' && suffix.size() >= 2 &&
         !is_host_digit(suffix.front());
}

// What stays of a host beside letters and digits: IPv6 literals, and what the rules below refuse.
constexpr std::string_view kAsciiHost = " !\"#$%&'()*+,/:;<=>?@[\\]^`{|}";

std::string_view leading_host(std::string_view text) {
  if (text.starts_with('[')) {
    const auto end = text.substr(0, 48).find(']');  // IPv6 literal, 39 characters and a zone
    return end == std::string_view::npos ? std::string_view() : text.substr(0, end + 1);
  }
  const auto end = std::find_if_not(text.begin(), text.end(), is_host_byte);
  auto host = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  while (host.ends_with('.')) host.remove_suffix(1);
  return host;
}

// ":4444" and ":80/path".
bool is_port(std::string_view text) {
  if (!text.starts_with(':')) return false;
  text.remove_prefix(1);
  const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
  return digits > 0 && digits <= 5 && (digits == text.size() || text[digits] == '/');
}

// Programs whose words are places on the network.
bool is_connecting(std::string_view word) {
  constexpr std::string_view kPrograms[] = {
      "curl",   "wget",   "nc",  "ncat", "netcat", "ssh",      "scp",     "sftp",
      "telnet", "ping",   "dig", "ftp",  "socat",  "nslookup", "openssl", "rsync",
      "host",   "aria2c", "iwr", "tftp", "irb",    "connect"};
  word = word.substr(word.rfind('/') + 1);
  return std::find(std::begin(kPrograms), std::end(kPrograms), word) != std::end(kPrograms);
}

}  // namespace

void HostSet::add_host(std::string_view host) {
  if (host.empty() || host.size() > kLongestHost || hosts_.size() >= kMostCollected) return;
  auto name = percent_encode(lower_ascii(host), kAsciiHost);
  if (is_here(name) || contains(kIdentifierHosts, name)) return;
  const bool is_ipv6 = name.starts_with('[') && name.find(':') != std::string::npos;
  if (is_ipv6 || is_ipv4(name) || is_number_host(name) || is_host_name(name))
    hosts_.insert(std::move(name));
}

void HostSet::add_url(std::string_view text, std::size_t colon) {
  if (!network_scheme_before(text, colon)) return;
  const std::size_t slashes = text.substr(colon).starts_with("://") ? 3 : 5;
  auto rest = text.substr(std::min(colon + slashes, text.size()), kLongestAuthority);
  // user:password@host; an '@' behind the first '/', '?' or '#' belongs to the path.
  const auto stop = rest.find_first_of("/?#\\'\"` \t\n<>(){}");
  const auto at = rest.substr(0, stop).rfind('@');
  if (at != std::string_view::npos) rest.remove_prefix(at + 1);
  add_host(leading_host(rest));
}

void HostSet::add_bare(std::string_view word, bool connects) {
  if (word.size() < 4 || word.size() > kLongestAuthority) return;
  if (word.starts_with("//")) word.remove_prefix(2);  // protocol-relative
  const auto host = leading_host(word);
  if (host.empty() || host.size() > kLongestHost || host.starts_with('[')) return;
  const auto behind = word.substr(host.size());
  if (!behind.empty() && behind.front() != '/' && behind.front() != ':') return;
  const auto name = percent_encode(lower_ascii(host), kAsciiHost);
  if (is_ipv4(name)) {
    if (connects || is_port(behind)) add_host(host);
    return;
  }
  const auto labels = std::count(name.begin(), name.end(), '.') + 1;
  const auto suffix = std::string_view(name).substr(name.rfind('.') + 1);
  if (!is_host_name(name) || name.find('_') != std::string::npos) return;
  if (contains(kSureSuffixes, suffix) || (labels >= 3 && contains(kLikelySuffixes, suffix)))
    add_host(host);
}

void HostSet::add_words(std::string_view text) {
  constexpr std::string_view kBetweenWords = " \t\r\n'\"`;|&<>(){}=,";
  constexpr std::string_view kEndsCommand = "\n;|&";
  bool connects = false;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find_first_of(kBetweenWords, at), text.size());
    const auto word = text.substr(at, end - at);
    connects |= is_connecting(word);
    if (word.starts_with("/dev/tcp/") || word.starts_with("/dev/udp/")) {
      add_bare(word.substr(9), true);
    } else if (word.find("://") == std::string_view::npos) {
      add_bare(word, connects);
    }
    if (end < text.size() && kEndsCommand.find(text[end]) != kEndsCommand.npos) connects = false;
    at = end + 1;
  }
}

std::vector<std::string> HostSet::take() && {
  std::vector<std::string> all(hosts_.begin(), hosts_.end());
  if (all.size() > kMostEndpoints) {
    std::stable_partition(all.begin(), all.end(), [](const std::string& host) {
      return is_ipv4(host) || host.front() == '[' || is_number_host(host);
    });
    all.resize(kMostEndpoints);
    std::sort(all.begin(), all.end());
  }
  return all;
}

std::vector<std::string> endpoints_in(std::string_view text) {
  HostSet hosts;
  for (auto colon = text.find("://"); colon != std::string_view::npos;
       colon = text.find("://", colon + 3))
    hosts.add_url(text, colon);
  hosts.add_words(text);
  return std::move(hosts).take();
}

}  // namespace npmgate
