#include "proxy/registry/gate.h"

#include <boost/json/serialize.hpp>

#include "proxy/registry/page_template.h"
#include "proxy/registry/pages.h"
#include "proxy/registry/self_test.h"
#include "proxy/runtime/request_record.h"

namespace npmgate {
namespace {

// npm posts its whole tree to the audit endpoint: 20,000 packages are some 600 KB.
constexpr std::size_t kMaxAuditBody = std::size_t{16} << 20;
// Parsed, split by upstream, written again: 20 of 15 MB at once took 13.6 times their bytes.
constexpr std::size_t kAuditWeight = 16;

Form form_of(const Request& request) {
  const std::string_view accept = request.headers.get("accept");
  return accept.find("application/vnd.npm.install-v1+json") != std::string_view::npos
             ? Form::kAbbreviated
             : Form::kFull;
}

// yarn 1 tries a tarball once if the answer is 5xx or 429, and five times if the connection
// is reset (measured; lib/cli.js of 1.22.22: isPossibleOfflineError).
bool takes_failures_for_final(const Request& request) {
  return request.headers.get("user-agent").starts_with("yarn/1.");
}

void hang_up(Response& response, const Request& request) {
  log::warn("hung-up", "yarn 1 asks again for a tarball if it gets no answer",
            {{"target", request.target},
             {"status", response.status},
             {"client", request.peer},
             {"request", request.id}});
  response.status = kNoAnswer;
}

// npm replaces a 401's text by advice to log in if the challenge is Bearer or Basic (measured:
// npm 10 to 12), so that clients get a challenge of another name; browsers on the gate's own pages
// get the one that they can answer, with the token as password.
Response unauthorized(std::string_view authorization, bool browser) {
  const char* why = authorization.empty() ? "this registry needs a token, and none was sent"
                    : Access::carries_token(authorization)
                        ? "the token is not valid: it was revoked, or never was one"
                        : "the credentials sent are not a token of this registry";
  Response response = error_response(
      401,
      std::string("npm-gate: ") + why +
          ". Ask the admin for one (npm-gate token create) and set it as _authToken of this "
          "registry",
      why);
  response.set("www-authenticate",
               browser ? "Basic realm=\"npm-gate\"" : "Npm-Gate-Token realm=\"npm-gate\"");
  return response;
}

Response foreign_host(std::string_view host) {
  return error_response(421, "npm-gate: this server does not answer for the host '" +
                                 log::printable(host, 80) + "' (public_url in gate.yaml)");
}

std::string prefix_of(const Config& config) {
  if (config.public_urls.empty()) return "/";
  return parse_url(config.public_urls.front())->path;
}

}  // namespace

Gate::Gate(Dependencies deps, GateParts parts)
    : deps_(deps),
      packages_(parts.packages),
      audit_writer_(parts.audit_writer),
      packuments_(parts.packuments),
      tarballs_(parts.tarballs),
      services_(parts.services),
      publishing_(parts.publishing),
      requests_(parts.requests),
      access_(parts.access),
      prefix_(prefix_of(deps.config)) {
  for (const std::string& text : deps.config.public_urls) public_urls_.push_back(*parse_url(text));
}

// Hosts compare without case, and a port that the scheme implies may be written or not (RFC 9110,
// 4.2.3).
std::optional<std::string> Gate::public_url_of(std::string_view host) const {
  for (std::size_t i = 0; i < public_urls_.size(); ++i) {
    const Url& own = public_urls_[i];
    if (own.host_header() == host) return deps_.config.public_urls[i];
    const auto asked = parse_url(own.scheme + "://" + std::string(host) + "/");
    if (asked && asked->path == "/" && asked->host == own.host && asked->port == own.port)
      return deps_.config.public_urls[i];
  }
  return std::nullopt;
}

std::optional<std::string> Gate::base_url(const Request& request) const {
  const std::string_view host = request.headers.get("host");
  if (auto found = public_url_of(host)) return found;
  if (!public_urls_.empty()) {
    // A proxy that the admin trusts may ask by the name of this machine, or without the port.
    if (!request.proxied) return std::nullopt;
    const std::string_view passed = request.headers.get("x-forwarded-host");
    if (auto found = public_url_of(passed)) return found;
    if (!passed.empty() || public_urls_.size() != 1) return std::nullopt;
    return deps_.config.public_urls.front();
  }
  // Loopback only: whatever loopback name the client used is what it can reach.
  const std::string scheme = request.secure ? "https://" : "http://";
  const auto url = parse_url(scheme + std::string(host) + "/");
  if (!url || url->path != "/" || !is_loopback(url->host)) return std::nullopt;
  return url->str();
}

// Reading the Host header takes longer than the rest of a warm request.
std::optional<std::string> Gate::known_base_url(const Request& request) {
  constexpr std::size_t kHosts = 64;
  if (request.proxied) return base_url(request);  // other headers count as well
  std::string key(request.headers.get("host"));
  key += request.secure ? '+' : '-';
  if (const auto known = base_urls_.find(key)) return *known;
  auto url = base_url(request);
  if (!url) return std::nullopt;
  base_urls_.put(
      key, kHosts, [&url](const auto&) { return std::make_shared<const std::string>(*url); },
      [](const std::string&) { return 1; });
  return url;
}

// Whatever needs more than a look-up (a token to check, a body, a decision to make) goes the way of
// handle().
std::optional<Response> Gate::at_once(Request& request) {
  if (request.method != "GET" && request.method != "HEAD") return std::nullopt;
  if (deps_.config.clients_need_token || request.headers.has("authorization")) return std::nullopt;
  auto base = known_base_url(request);
  if (!base) return std::nullopt;
  const Target target = parse_target(request.method, request.target, prefix_);
  const auto* document = std::get_if<PackumentTarget>(&target);
  const auto* tarball = std::get_if<TarballTarget>(&target);
  if (is_self_test(target)) return std::nullopt;
  request.base_url = std::move(*base);
  if (document != nullptr && !document->write)
    return packuments_.at_once(document->name, form_of(request), request);
  if (tarball != nullptr) return tarballs_.at_once(tarball->name, tarball->file, request);
  return std::nullopt;
}

BodyRule Gate::body_rule(std::string_view method, std::string_view target) const {
  const bool audit = target.find("/-/npm/v1/security/") != std::string_view::npos;
  if (method == "POST" && audit) return {kMaxAuditBody, false, kAuditWeight};
  if (method == "GET" || method == "HEAD") return {};
  if (method == "POST" && target.find("/-/npm-gate/requests/") != std::string_view::npos)
    return {ReleaseRequests::kMaxBody};
  if (browsers_.desk != nullptr && target.starts_with(pages_path() + "npm-gate/desk/"))
    return browsers_.desk->body_rule(method, target);
  const Target parsed = parse_target(method, target, prefix_);
  const auto* write = std::get_if<WriteTarget>(&parsed);
  if (write == nullptr || !publishing_.takes(*write)) return {};
  return {Publishing::kMaxBody, true};
}

std::optional<Response> Gate::answer_of_server(const Request& request) const {
  if (request.method == "OPTIONS") {
    Response response;
    response.status = 204;
    response.set("allow", "GET, HEAD, POST, PUT, DELETE, OPTIONS");
    return response;
  }
  const std::string_view path =
      std::string_view(request.target).substr(0, request.target.find('?'));
  const bool read = request.method == "GET" || request.method == "HEAD";
  if (!read || (path != "/" && path != prefix_)) return std::nullopt;
  Response response = json_response(200, R"({"name":"npm-gate","pages":"-/npm-gate/"})");
  response.set("cache-control", "no-store");
  return response;
}

Task<Response> Gate::handle(std::shared_ptr<Request> request) {
  if (auto answer = answer_of_server(*request)) co_return std::move(*answer);
  Target target = parse_target(request->method, request->target, prefix_);
  if (!request->admitted) {
    if (auto refused = known(*request, target)) co_return std::move(*refused);
    if (written(target)) {
      if (auto refused = co_await admit_target(*request, target)) co_return std::move(*refused);
    }
  }
  if (auto desk = desk_target(*request, target)) {
    request->target = std::move(*desk);
    request->mount = pages_path() + "npm-gate";
    co_return co_await browsers_.desk->handle(request);
  }
  co_return co_await dispatch(std::move(target), *request);
}

Task<std::optional<Response>> Gate::admit(std::shared_ptr<Request> request) {
  if (answer_of_server(*request)) co_return std::nullopt;
  const Target target = parse_target(request->method, request->target, prefix_);
  auto refused = known(*request, target);
  if (!refused) refused = co_await admit_target(*request, target);
  request->admitted = !refused;
  co_return refused;
}

std::optional<PackageName> Gate::written(const Target& target) const {
  const auto* write = std::get_if<WriteTarget>(&target);
  if (write != nullptr && publishing_.takes(*write)) return write->name;
  const auto* document = std::get_if<PackumentTarget>(&target);
  if (document != nullptr && document->write && publishing_.takes(document->name))
    return document->name;
  return std::nullopt;
}

// Clients have room for one set of credentials per registry: whoever writes to a writable upstream
// sends that registry's, and that registry says whether they are good.
Task<std::optional<Response>> Gate::admit_target(Request& request, const Target& target) {
  const auto name = written(target);
  if (!name) co_return std::nullopt;
  auto refused = co_await publishing_.identify(*name, request);
  if (refused) deps_.metrics.add("npm_gate_logins_failed_total", R"(listener="clients")");
  co_return refused;
}

std::optional<Response> Gate::known(Request& request, const Target& target) {
  const auto* service = std::get_if<ServiceTarget>(&target);
  const bool ping = service != nullptr && service->kind == ServiceTarget::Kind::kPing;
  const auto base = base_url(request);
  request.base_url = base.value_or("");
  if (ping) return std::nullopt;
  if (!base) return foreign_host(request.headers.get("host"));
  const std::string_view authorization = request.headers.get("authorization");
  if (!authorization.empty()) {
    auto caller = access_.caller(authorization);
    if (!caller) return response_for(caller.error());
    request.client = caller->name;
  }
  const auto* page = std::get_if<OwnPageTarget>(&target);
  if (page != nullptr) note_browser(request);
  if (!deps_.config.clients_need_token || !request.client.empty()) return std::nullopt;
  if (page != nullptr && can_sign_in()) {
    if (page->path == "sign-in" || page->path == "signed-in") return std::nullopt;
    if (request.method == "GET" && wants_page(request) && authorization.empty()) {
      Response to = text_response(303, "");
      to.set("location", sign_in_link(request));
      return to;
    }
  }
  if (desk_target(request, target)) return std::nullopt;  // it has its own sign-in
  if (written(target)) return std::nullopt;               // see admit_target()
  deps_.metrics.add("npm_gate_logins_failed_total", R"(listener="clients")");
  return unauthorized(authorization, std::holds_alternative<OwnPageTarget>(target));
}

Task<Response> Gate::dispatch(Target target, const Request& request) {
  if (is_self_test(target)) {
    AuditEntry entry = audit_entry("refused", std::string(kSelfTestName),
                                   std::string(kSelfTestVersion), request, deps_.clock.now());
    entry.action = "quarantine";
    audit_writer_.audit(std::move(entry));
    co_return self_test_refusal(target, request);
  }
  if (auto* packument_target = std::get_if<PackumentTarget>(&target)) {
    co_return co_await packument(std::move(*packument_target), request);
  }
  if (auto* manifest = std::get_if<ManifestTarget>(&target)) {
    Response response =
        co_await packuments_.manifest(manifest->name, manifest->version_or_tag, request);
    note_refusal(response, manifest->name.str(), manifest->version_or_tag, request);
    if (response.status != 403) co_return response;
    co_return co_await readable(std::move(response), manifest->name, manifest->version_or_tag,
                                request);
  }
  if (auto* tags = std::get_if<DistTagsTarget>(&target)) {
    co_return co_await packuments_.dist_tags(tags->name, tags->tag, request);
  }
  if (auto* tarball = std::get_if<TarballTarget>(&target)) {
    Response response =
        co_await tarballs_.get(tarball->name, tarball->version, tarball->file, request);
    if (response.status >= 500 && takes_failures_for_final(request)) hang_up(response, request);
    if (response.status != 403) co_return response;
    co_return co_await readable(std::move(response), tarball->name, tarball->version, request);
  }
  if (auto* pass = std::get_if<ServiceTarget>(&target))
    co_return co_await service(std::move(*pass), request);
  if (auto* page = std::get_if<OwnPageTarget>(&target))
    co_return co_await own_page(std::move(*page), request);
  if (auto* write = std::get_if<WriteTarget>(&target))
    co_return co_await this->write(std::move(*write), request);
  const auto& rejected = std::get<RejectedTarget>(target);
  co_return error_response(rejected.status, "npm-gate: " + rejected.reason);
}

Task<Response> Gate::packument(PackumentTarget target, const Request& request) {
  if (target.write && publishing_.takes(target.name))
    co_return co_await publishing_.document(std::move(target.name), request);
  if (target.write) {
    // A client that asks for a document to write back must not get a filtered one (docs/clients.md:
    // deprecate PUTs the whole packument).
    co_return error_response(
        403,
        "npm-gate: reading " + target.name.str() +
            " for writing is not possible through this registry; publish to the registry itself",
        "read-only registry");
  }
  Response response = co_await packuments_.packument(target.name, form_of(request), request);
  note_refusal(response, target.name.str(), "", request);
  co_return response;
}

// A verdict that a client met at a door other than the tarball's (which records its own).
void Gate::note_refusal(const Response& response, const std::string& name,
                        const std::string& version, const Request& request) {
  if (response.status != 403) return;
  const LedgerEntry who = ledger_entry(request, deps_.clock.now());
  AuditEntry entry;
  entry.at = who.at;
  entry.kind = "refused";
  entry.actor = "client";
  entry.name = name;
  entry.version = log::printable(version, 100);
  entry.policy_hash = deps_.active_policy.rules()->policy->hash;
  entry.client = client_of(request);
  std::string sentence;
  for (const auto& [header, value] : response.headers) {
    if (header == "npm-notice") sentence = value;
  }
  entry.detail = boost::json::serialize(boost::json::object{{"sentence", sentence},
                                                            {"door", std::string(response.kind)},
                                                            {"user_agent", who.user_agent},
                                                            {"command", who.command},
                                                            {"project", who.project}});
  audit_writer_.audit(std::move(entry));
}

Task<Response> Gate::write(WriteTarget target, const Request& request) {
  if (publishing_.takes(target)) co_return co_await publishing_.write(std::move(target), request);
  const std::string what = target.what.empty() ? "this write" : target.what;
  Response response =
      error_response(403,
                     "npm-gate: " + what +
                         " is not possible through this registry: it is read-only. Use the "
                         "registry itself (publishConfig.registry or --registry)",
                     "read-only registry");
  response.kind = "write";
  co_return response;
}

Task<Response> Gate::whoami(const Request& request) {
  if (!request.client.empty()) {
    co_return json_response(
        200, boost::json::serialize(boost::json::object{{"username", request.client}}));
  }
  if (auto answer = co_await publishing_.whoami(request)) co_return std::move(*answer);
  if (Access::carries_token(request.headers.get("authorization")))
    co_return unauthorized(request.headers.get("authorization"), false);
  co_return error_response(401, "npm-gate: nobody is logged in here; installs need no login");
}

Task<Response> Gate::service(ServiceTarget target, const Request& request) {
  using Kind = ServiceTarget::Kind;
  switch (target.kind) {
    case Kind::kPing:
      co_return json_response(200, "{}");
    case Kind::kWhoami:
      co_return co_await whoami(request);
    case Kind::kAuditBulk:
      co_return co_await services_.audit_bulk(std::move(target), request);
    case Kind::kAuditQuick:
      co_return co_await services_.audit_quick(std::move(target), request);
    case Kind::kSearch:
      co_return co_await services_.search(std::move(target));
    case Kind::kLogin:
    case Kind::kToken:
    case Kind::kUser:
      co_return error_response(
          403, "npm-gate: login and account changes are not possible through this registry",
          "read-only registry");
    case Kind::kKeys:
    case Kind::kAttestations:
      break;
  }
  co_return co_await services_.pass(std::move(target));
}

}  // namespace npmgate
