// The proxy that the gate's own requests go through, named by HTTPS_PROXY, HTTP_PROXY, ALL_PROXY
// (if the other is not set) and NO_PROXY.
// No standard describes these variables; the rules are curl's (curl(1), "ENVIRONMENT"), without its
// SOCKS and TLS proxies.
#pragma once

#include <string>
#include <string_view>

#include "base/environment.h"
#include "base/result.h"
#include "base/url.h"

namespace npmgate {

struct ForwardProxy {
  Url url;
  std::string authorization;  // for Proxy-Authorization; "" if the variable names no user
};

// "[http://][USER[:PASSWORD]@]HOST[:PORT]"; user and password are percent-decoded. kMalformed
// (Origin::kPolicy) if it is anything else; the error does not repeat the password.
Result<ForwardProxy> parse_forward_proxy(std::string_view text);

struct ProxySettings {
  std::string http, https, none;  // as in HTTP_PROXY, HTTPS_PROXY, NO_PROXY
};

// Reads the variables, in their upper-case, else their lower-case spelling. kMalformed names
// the variable that cannot be used: going around a proxy that somebody asked for would be worse
// than not starting.
Result<ProxySettings> proxies_from_environment(const EnvReader& env);

// NO_PROXY's rules: comma-separated hosts, ".suffix", "*", networks ("10.0.0.0/8", for addresses in
// URLs: names are not looked up), optional ":port"; letters in either case.
bool bypasses_proxy(std::string_view no_proxy, const Url& url);

}  // namespace npmgate
