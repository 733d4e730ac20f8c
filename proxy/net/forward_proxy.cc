#include "proxy/net/forward_proxy.h"

#include <curl/curl.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <memory>

#include "base/digest.h"
#include "base/text.h"
#include "proxy/net/forwarded.h"

namespace npmgate {
namespace {

constexpr const char* kExpected = "expected http://[USER:PASSWORD@]HOST:PORT";

struct EndUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
struct EndText {
  void operator()(char* text) const { curl_free(text); }
};

// A part of the URL, percent-decoded; "" if it has none.
std::string part(CURLU* url, CURLUPart which) {
  char* text = nullptr;
  if (curl_url_get(url, which, &text, CURLU_URLDECODE) != CURLUE_OK) return {};
  const std::unique_ptr<char, EndText> owned(text);
  return text;
}

std::string authorization_of(CURLU* url) {
  const std::string user = part(url, CURLUPART_USER);
  if (user.empty()) return {};
  const std::string pair = user + ":" + part(url, CURLUPART_PASSWORD);
  return "Basic " +
         base64_encode({reinterpret_cast<const std::uint8_t*>(pair.data()), pair.size()});
}

Error unusable(const std::string& why) {
  return fail(Code::kMalformed, Origin::kPolicy, why + "; " + kExpected);
}

}  // namespace

Result<ForwardProxy> parse_forward_proxy(std::string_view text) {
  std::string full(text);
  if (full.find("://") == std::string::npos) full = "http://" + full;
  const std::unique_ptr<CURLU, EndUrl> parsed(curl_url());
  if (!parsed) return fail(Code::kInternal, Origin::kSelf, "out of memory");
  if (curl_url_set(parsed.get(), CURLUPART_URL, full.c_str(), CURLU_NON_SUPPORT_SCHEME) !=
      CURLUE_OK)
    return unusable("not a URL");
  const std::string scheme = part(parsed.get(), CURLUPART_SCHEME);
  if (scheme != "http") return unusable("a proxy of the kind " + scheme + ":// is not supported");
  const std::string path = part(parsed.get(), CURLUPART_PATH);
  if (!path.empty() && path != "/") return unusable("a proxy has no path");
  const std::string port = part(parsed.get(), CURLUPART_PORT);
  const auto url = parse_url("http://" + part(parsed.get(), CURLUPART_HOST) +
                             (port.empty() ? "" : ":" + port) + "/");
  if (!url) return unusable("not a host");
  return ForwardProxy{*url, authorization_of(parsed.get())};
}

Result<ProxySettings> proxies_from_environment(const EnvReader& env) {
  ProxySettings settings;
  std::string all;
  struct Variable {
    const char *upper, *lower;
    std::string& value;
    bool proxy;
  };
  const Variable variables[] = {{"HTTPS_PROXY", "https_proxy", settings.https, true},
                                {"HTTP_PROXY", "http_proxy", settings.http, true},
                                {"ALL_PROXY", "all_proxy", all, true},
                                {"NO_PROXY", "no_proxy", settings.none, false}};
  for (const Variable& variable : variables) {
    const auto upper = env(variable.upper);
    variable.value = upper ? *upper : env(variable.lower).value_or("");
    if (!variable.proxy || variable.value.empty()) continue;
    if (const auto usable = parse_forward_proxy(variable.value); !usable) {
      return fail(Code::kMalformed, Origin::kPolicy,
                  std::string("environment variable ") + (upper ? variable.upper : variable.lower) +
                      ": " + usable.error().context);
    }
  }
  if (settings.https.empty()) settings.https = all;
  if (settings.http.empty()) settings.http = all;
  return settings;
}

bool bypasses_proxy(std::string_view no_proxy, const Url& url) {
  const std::string list = lower_ascii(no_proxy);
  std::string_view rest = list;
  while (!rest.empty()) {
    const std::size_t comma = rest.find(',');
    std::string_view item = rest.substr(0, comma);
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    while (!item.empty() && item.front() == ' ') item.remove_prefix(1);
    while (!item.empty() && item.back() == ' ') item.remove_suffix(1);
    if (item == "*") return true;
    if (item.find('/') != std::string_view::npos) {
      const auto network = TrustedProxies::parse({std::string(item)});
      boost::system::error_code ec;
      const auto address = boost::asio::ip::make_address(url.host, ec);
      if (!ec && network && network->trusts(unmapped(address))) return true;
      continue;
    }
    if (item.starts_with('[') && item.ends_with(']')) item = item.substr(1, item.size() - 2);
    const std::size_t colon = item.rfind(':');
    if (colon != std::string_view::npos && item.find(':') == colon) {
      if (item.substr(colon + 1) != std::to_string(url.port)) continue;
      item = item.substr(0, colon);
    }
    if (item.starts_with('.')) item.remove_prefix(1);
    if (item.empty()) continue;
    if (url.host == item) return true;
    if (url.host.size() > item.size() && url.host.ends_with(item) &&
        url.host[url.host.size() - item.size() - 1] == '.') {
      return true;
    }
  }
  return false;
}

}  // namespace npmgate
