// Signing in at an OpenID provider: the authorization code flow with PKCE (OpenID Connect Core 1.0,
// 3.1; RFC 7636), endpoints by discovery (OpenID Connect Discovery 1.0), its keys as it publishes
// them.
//
//   start()    where to send the browser, with state, nonce and challenge of this sign-in
//   finish()   the browser is back: state and browser are those of a start, the code becomes an ID
//              token, that is verified, and its claims give name and scope
//
// The provider is asked through the gate's own client: https, no redirects, bounded in size and
// time. What its document names at another host has to be public, or a host of `sign_in.hosts`.
#pragma once

#include <boost/json/object.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/metrics.h"
#include "proxy/net/upstream.h"
#include "proxy/runtime/access.h"
#include "proxy/runtime/config.h"
#include "proxy/sign_in/id_token.h"

namespace npmgate {

// Thread-safe.
class OidcClient {
 public:
  // A sign-in takes people minutes: passwords, second factors.
  static constexpr Millis kSignInLimit{std::chrono::minutes{10}};
  // Sign-ins under way; beyond, the oldest is forgotten.
  static constexpr std::size_t kMostPending = 1'000;
  // The provider's document and keys are asked for again after that, and for a key that is not
  // among them, but not more often than the second.
  static constexpr Millis kDocumentAge{std::chrono::hours{1}};
  static constexpr Millis kKeysAgain{std::chrono::minutes{1}};
  static constexpr std::string_view kCookie = "npm_gate_sign_in";

  // The Set-Cookie value of Start::secret: for the way to the provider and back, which is another
  // site's (SameSite=Lax). An empty secret removes it. `path`: of the pages that it is for.
  static std::string cookie(std::string_view secret, std::string_view path, bool secure);

  OidcClient(const SignInConfig& config, Upstream& upstream, const Clock& clock, Metrics& metrics)
      : config_(config), upstream_(upstream), clock_(clock), metrics_(metrics) {}

  bool enabled() const { return config_.enabled(); }
  std::string provider() const;  // its host, for people

  struct Start {
    Start() {}
    std::string location;  // of the provider's page
    std::string secret;    // of this browser: kCookie's value until it is back
  };
  // `redirect_uri`: where the provider sends the browser back to; `to`: the page that it wants.
  // kUnavailable, kTimeout, kRefused or kMalformed with a sentence for people if the provider
  // cannot be asked.
  Task<Result<Start>> start(std::string redirect_uri, std::string to);

  struct SignedIn {
    SignedIn() {}
    Caller caller;  // "sso:NAME"; kInstall for whoever the provider knows
    std::string subject, to;
  };
  // `query`: of the request with which the browser came back; `secret`: its cookie. Each start can
  // be finished once. kRefused with the reason for everything that is not as it should be.
  Task<Result<SignedIn>> finish(std::string query, std::string secret);

 private:
  struct Provider {  // as its document says
    std::string authorization, token, userinfo, keys;
    bool secret_in_body = false;
    Time read{};
  };
  using ProviderPtr = std::shared_ptr<const Provider>;
  using KeysPtr = std::shared_ptr<const ProviderKeys>;
  struct Pending {
    Pending() {}
    std::string nonce, verifier, redirect_uri, to, browser;  // `browser`: SHA-256 of its secret
    Time at{};
  };

  Task<Result<ProviderPtr>> discover();
  Task<Result<KeysPtr>> keys(ProviderPtr provider, bool again);
  Task<Result<boost::json::object>> exchange(ProviderPtr provider, std::string code,
                                             Pending pending);
  Task<Result<boost::json::object>> verified(ProviderPtr provider, std::string token,
                                             std::string nonce);
  Task<Result<boost::json::object>> with_userinfo(ProviderPtr provider, boost::json::object claims,
                                                  std::string access_token);
  Task<Result<SignedIn>> redeem(std::string code, Pending pending);
  // One JSON object from the provider.
  Task<Result<boost::json::object>> ask(FetchRequest request, std::string what);
  Result<std::string> endpoint(const boost::json::object& document, const char* name,
                               bool needed) const;
  Result<ProviderPtr> read_document(const boost::json::object& document) const;
  bool is_known_host(const std::string& url) const;
  std::optional<Pending> take(const std::string& state, const std::string& secret);
  Caller caller_of(const boost::json::object& claims) const;

  const SignInConfig& config_;
  Upstream& upstream_;
  const Clock& clock_;
  Metrics& metrics_;
  std::mutex mutex_;
  ProviderPtr provider_;
  KeysPtr keys_;
  Time keys_read_{};
  std::map<std::string, Pending, std::less<>> pending_;  // by SHA-256 of the state
};

}  // namespace npmgate
