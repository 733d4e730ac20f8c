#include "proxy/sign_in/oidc_client.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/digest.h"
#include "base/json_members.h"
#include "base/log.h"
#include "base/text.h"
#include "base/url.h"
#include "proxy/net/query.h"

namespace npmgate {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxAnswer = 512 * 1024;  // of the provider; key sets are the largest
constexpr std::chrono::seconds kLimit{10};      // of one question: somebody waits before a browser
constexpr std::size_t kSecretBytes = 32;        // 256 bits: state, nonce, verifier (RFC 7636, 7.1)
constexpr std::size_t kLongestName = 100;

Error of_provider(Code code, std::string what) {
  return fail(code, Origin::kUpstream, std::move(what));
}

std::string url_of(const std::string& issuer, std::string_view path) {
  return (issuer.ends_with('/') ? issuer : issuer + "/") + std::string(path);
}

std::string secret() {
  const auto bytes = hex_decode(random_hex(kSecretBytes));
  return base64url(*bytes);
}

std::string challenge_of(const std::string& verifier) {
  return base64url(digest(Algorithm::kSha256, verifier).bytes);
}

std::string form_of(std::initializer_list<std::pair<std::string_view, std::string>> fields) {
  std::string form;
  for (const auto& [name, value] : fields)
    form += (form.empty() ? "" : "&") + std::string(name) + "=" + percent_encode(value);
  return form;
}

// Member `a.b` of claim a, or the claim that is called so.
const json::value& claim_at(const json::object& claims, std::string_view path) {
  if (claims.contains(path) || path.find('.') == path.npos) return member_of(claims, path);
  const std::size_t dot = path.find('.');
  return claim_at(object_member(claims, path.substr(0, dot)), path.substr(dot + 1));
}

bool has_one_of(const json::value& claim, const std::vector<std::string>& wanted) {
  const auto is_wanted = [&wanted](const json::value& value) {
    return value.is_string() &&
           std::find(wanted.begin(), wanted.end(), std::string(value.get_string())) != wanted.end();
  };
  if (!claim.is_array()) return is_wanted(claim);
  const json::array& list = claim.get_array();
  return std::any_of(list.begin(), list.end(), is_wanted);
}

// Plain HTTP is for a provider on this machine, to try it.
bool is_safe(const Url& url, const Url& issuer) {
  return url.scheme == "https" || (issuer.scheme == "http" && is_loopback(url.host));
}

}  // namespace

std::string OidcClient::cookie(std::string_view secret, std::string_view path, bool secure) {
  std::string value(kCookie);
  value += "=" + std::string(secret) + "; Path=" + std::string(path) +
           "; HttpOnly; SameSite=Lax; Max-Age=" +
           std::to_string(secret.empty() ? 0 : kSignInLimit.count() / 1000);
  return secure ? value + "; Secure" : value;
}

std::string OidcClient::provider() const {
  const auto url = parse_url(with_trailing_slash(config_.issuer));
  return url ? url->host : config_.issuer;
}

bool OidcClient::is_known_host(const std::string& text) const {
  const auto url = parse_url(text), issuer = parse_url(with_trailing_slash(config_.issuer));
  if (!url || !issuer) return false;
  if (url->host == issuer->host) return true;
  return std::any_of(config_.hosts.begin(), config_.hosts.end(), [&](const std::string& host) {
    return host == url->host || host == url->host + ":" + std::to_string(url->port);
  });
}

Task<Result<json::object>> OidcClient::ask(FetchRequest request, std::string what) {
  request.max_body = kMaxAnswer;
  request.limit = kLimit;
  request.stall = kLimit;
  request.ca_file = config_.ca;
  request.public_addresses_only = !is_known_host(request.url);
  request.headers.emplace_back("accept", "application/json");
  auto reply = co_await upstream_.fetch(std::move(request));
  if (!reply) {
    const Error& error = reply.error();
    co_return fail(error.code, Origin::kUpstream,
                   provider() + " could not be asked for " + what + ": " + error.context,
                   error.retry);
  }
  boost::system::error_code ec;
  json::value parsed = json::parse(reply->body, ec);
  if (reply->status != 200) {
    const json::object& said = object_in(parsed);
    std::string why = text_member(said, "error");
    if (const std::string more = text_member(said, "error_description"); !more.empty())
      why += ": " + more;
    co_return of_provider(reply->status >= 500 ? Code::kUnavailable : Code::kRefused,
                          provider() + " answered " + std::to_string(reply->status) +
                              " when asked for " + what +
                              (why.empty() ? std::string() : " (" + printable(why, 300) + ")"));
  }
  if (ec || !parsed.is_object())
    co_return of_provider(Code::kMalformed, provider() + " did not answer with JSON for " + what);
  co_return std::move(parsed.get_object());
}

Result<std::string> OidcClient::endpoint(const json::object& document, const char* name,
                                         bool needed) const {
  std::string text = text_member(document, name);
  if (text.empty() && !needed) return text;
  const auto issuer = parse_url(with_trailing_slash(config_.issuer));
  const auto url = parse_url(text.substr(0, text.find('?')));
  if (!url || !issuer || !is_safe(*url, *issuer))
    return of_provider(Code::kMalformed, "the provider's document has no https URL as " +
                                             std::string(name) + ": " + printable(text, 200));
  return text;
}

Result<OidcClient::ProviderPtr> OidcClient::read_document(const json::object& document) const {
  const std::string issuer = text_member(document, "issuer");
  if (issuer != config_.issuer)
    return of_provider(Code::kRefused, "the provider calls itself " + printable(issuer, 200) +
                                           ", not " + config_.issuer + " (sign_in.issuer)");
  auto authorization = endpoint(document, "authorization_endpoint", true);
  if (!authorization) return authorization.error();
  auto token = endpoint(document, "token_endpoint", true);
  if (!token) return token.error();
  auto keys = endpoint(document, "jwks_uri", true);
  if (!keys) return keys.error();
  auto userinfo = endpoint(document, "userinfo_endpoint", false);
  if (!userinfo) return userinfo.error();
  auto out = std::make_shared<Provider>();
  out->authorization = std::move(*authorization);
  out->token = std::move(*token);
  out->keys = std::move(*keys);
  out->userinfo = std::move(*userinfo);
  // Without a word client_secret_basic is meant (OpenID Connect Discovery, 3).
  const json::array& methods = list_member(document, "token_endpoint_auth_methods_supported");
  const auto has = [&methods](std::string_view method) {
    return std::any_of(methods.begin(), methods.end(), [&](const json::value& each) {
      return each.is_string() && each.get_string() == method;
    });
  };
  out->secret_in_body =
      !methods.empty() && !has("client_secret_basic") && has("client_secret_post");
  out->read = clock_.now();
  return ProviderPtr(std::move(out));
}

Task<Result<OidcClient::ProviderPtr>> OidcClient::discover() {
  {
    const std::lock_guard lock(mutex_);
    if (provider_ && clock_.now() - provider_->read < kDocumentAge) co_return provider_;
  }
  FetchRequest request;
  request.url = url_of(config_.issuer, ".well-known/openid-configuration");
  auto document = co_await ask(std::move(request), "its configuration");
  if (!document) co_return document.error();
  auto read = read_document(*document);
  if (!read) co_return read.error();
  const std::lock_guard lock(mutex_);
  provider_ = *read;
  co_return provider_;
}

Task<Result<OidcClient::KeysPtr>> OidcClient::keys(ProviderPtr provider, bool again) {
  {
    const std::lock_guard lock(mutex_);
    const Millis age = clock_.now() - keys_read_;
    const bool due = !keys_ || age >= kDocumentAge || (again && age >= kKeysAgain);
    if (!due) co_return keys_;
    // Asked in vain counts as asked: a forged token must not make the gate ask at will.
    if (keys_) keys_read_ = clock_.now();
  }
  FetchRequest request;
  request.url = provider->keys;
  auto set = co_await ask(std::move(request), "its keys");
  if (!set) co_return set.error();
  auto parsed = ProviderKeys::parse(json::serialize(*set));
  if (!parsed) co_return parsed.error();
  const std::lock_guard lock(mutex_);
  keys_ = std::make_shared<const ProviderKeys>(std::move(*parsed));
  keys_read_ = clock_.now();
  co_return keys_;
}

Task<Result<OidcClient::Start>> OidcClient::start(std::string redirect_uri, std::string to) {
  auto provider = co_await discover();
  if (!provider) co_return provider.error();
  Pending pending;
  pending.nonce = secret();
  pending.verifier = secret();
  pending.redirect_uri = std::move(redirect_uri);
  pending.to = std::move(to);
  pending.at = clock_.now();
  const std::string state = secret();
  Start out;
  out.secret = secret();
  pending.browser = sha256_hex(out.secret);
  std::string scope = "openid";
  for (const std::string& more : config_.scopes) scope += " " + more;
  const std::string& page = (*provider)->authorization;
  out.location = page + (page.find('?') == page.npos ? "?" : "&") +
                 form_of({{"response_type", "code"},
                          {"client_id", config_.client_id},
                          {"redirect_uri", pending.redirect_uri},
                          {"scope", scope},
                          {"state", state},
                          {"nonce", pending.nonce},
                          {"code_challenge", challenge_of(pending.verifier)},
                          {"code_challenge_method", "S256"}});
  const std::lock_guard lock(mutex_);
  std::erase_if(pending_,
                [&](const auto& entry) { return clock_.now() - entry.second.at > kSignInLimit; });
  if (pending_.size() >= kMostPending) {
    pending_.erase(
        std::min_element(pending_.begin(), pending_.end(),
                         [](const auto& a, const auto& b) { return a.second.at < b.second.at; }));
  }
  pending_.emplace(sha256_hex(state), std::move(pending));
  co_return out;
}

// Gone once it was found: each start can be finished once.
std::optional<OidcClient::Pending> OidcClient::take(const std::string& state,
                                                    const std::string& secret) {
  const std::lock_guard lock(mutex_);
  const auto found = pending_.find(sha256_hex(state));
  if (state.empty() || found == pending_.end()) return std::nullopt;
  // Another browser's: somebody was given a link that would sign them in as somebody else.
  if (!equal_constant_time(found->second.browser, sha256_hex(secret))) return std::nullopt;
  Pending pending = std::move(found->second);
  pending_.erase(found);
  if (clock_.now() - pending.at > kSignInLimit) return std::nullopt;
  return pending;
}

Task<Result<OidcClient::SignedIn>> OidcClient::finish(std::string query, std::string secret) {
  auto pending = take(query_value(query, "state"), secret);
  const std::string issuer = query_value(query, "iss"), error = query_value(query, "error"),
                    code = query_value(query, "code");
  std::string why;
  if (!pending) {
    why = "this sign-in is over, was finished already, or was started in another browser";
  } else if (!issuer.empty() && issuer != config_.issuer) {  // RFC 9207
    why = "another provider answered: " + printable(issuer, 200);
  } else if (!error.empty()) {
    why = provider() + " said: " + printable(error, 100);
    if (const std::string more = query_value(query, "error_description"); !more.empty())
      why += " (" + printable(more, 300) + ")";
  } else if (code.empty()) {
    why = provider() + " sent no code";
  }
  Result<SignedIn> done = of_provider(Code::kRefused, why);
  if (why.empty()) done = co_await redeem(code, std::move(*pending));
  metrics_.add("npm_gate_sign_ins_total", done ? R"(result="done")" : R"(result="refused")");
  if (!done) log::warn("sign-in", to_string(done.error()), {{"provider", provider()}});
  co_return done;
}

Task<Result<OidcClient::SignedIn>> OidcClient::redeem(std::string code, Pending pending) {
  auto provider = co_await discover();
  if (!provider) co_return provider.error();
  auto answer = co_await exchange(*provider, std::move(code), pending);
  if (!answer) co_return answer.error();
  auto claims = co_await verified(*provider, text_member(*answer, "id_token"), pending.nonce);
  if (!claims) co_return claims.error();
  auto all =
      co_await with_userinfo(*provider, std::move(*claims), text_member(*answer, "access_token"));
  if (!all) co_return all.error();
  SignedIn out;
  out.caller = caller_of(*all);
  out.subject = text_member(*all, "sub");
  out.to = std::move(pending.to);
  co_return out;
}

Task<Result<json::object>> OidcClient::exchange(ProviderPtr provider, std::string code,
                                                Pending pending) {
  FetchRequest request;
  request.method = "POST";
  request.url = provider->token;
  request.once = true;  // a code that is sent twice is taken for stolen (RFC 6749, 4.1.2)
  request.headers.emplace_back("content-type", "application/x-www-form-urlencoded");
  request.body = form_of({{"grant_type", "authorization_code"},
                          {"code", code},
                          {"redirect_uri", pending.redirect_uri},
                          {"code_verifier", pending.verifier}});
  const std::string secret = config_.current_secret();
  if (secret.empty() || provider->secret_in_body) {
    request.body += "&" + form_of({{"client_id", config_.client_id}});
    if (!secret.empty()) request.body += "&" + form_of({{"client_secret", secret}});
  } else {  // RFC 6749, 2.3.1: both form-encoded before they are joined
    const std::string pair = percent_encode(config_.client_id) + ":" + percent_encode(secret);
    request.authorization =
        "Basic " + base64_encode({reinterpret_cast<const std::uint8_t*>(pair.data()), pair.size()});
  }
  co_return co_await ask(std::move(request), "a token");
}

// A key that is not known may be a new one: the provider is asked for its keys once more.
Task<Result<json::object>> OidcClient::verified(ProviderPtr provider, std::string token,
                                                std::string nonce) {
  IdTokenRules rules{config_.issuer, config_.client_id, std::move(nonce), clock_.now()};
  auto known = co_await keys(provider, false);
  if (!known) co_return known.error();
  auto claims = verify_id_token(token, **known, rules);
  if (claims || claims.error().code != Code::kNotFound) co_return claims;
  known = co_await keys(provider, true);
  if (!known) co_return known.error();
  co_return verify_id_token(token, **known, rules);
}

// Many providers tell groups and names only there (OpenID Connect Core, 5.4).
Task<Result<json::object>> OidcClient::with_userinfo(ProviderPtr provider, json::object claims,
                                                     std::string access_token) {
  const bool complete =
      !claim_at(claims, config_.claim).is_null() && !claim_at(claims, config_.name_claim).is_null();
  if (complete || provider->userinfo.empty() || access_token.empty()) co_return claims;
  FetchRequest request;
  request.url = provider->userinfo;
  request.authorization = "Bearer " + access_token;
  request.of_client = true;
  auto info = co_await ask(std::move(request), "the user");
  if (!info) co_return info.error();
  // Of this user and nobody else (5.3.2).
  if (text_member(*info, "sub") != text_member(claims, "sub"))
    co_return of_provider(Code::kRefused, "the provider told about another user (userinfo, sub)");
  for (auto& [name, value] : *info) {
    if (!claims.contains(name)) claims[name] = std::move(value);
  }
  co_return claims;
}

Caller OidcClient::caller_of(const json::object& claims) const {
  Caller caller;
  const json::value& claim = claim_at(claims, config_.claim);
  caller.scope = has_one_of(claim, config_.admin)    ? Scope::kAdmin
                 : has_one_of(claim, config_.review) ? Scope::kReview
                                                     : Scope::kInstall;
  const json::value& named = claim_at(claims, config_.name_claim);
  std::string name = named.is_string() ? std::string(named.get_string()) : std::string();
  // An address that nobody checked is not who somebody is (5.1).
  if (config_.name_claim == "email" && !flag_member(claims, "email_verified")) name.clear();
  if (name.empty()) name = text_member(claims, "sub");
  caller.name = "sso:" + printable(name, kLongestName);
  return caller;
}

}  // namespace npmgate
