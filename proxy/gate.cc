#include "proxy/gate.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/digest.h"
#include "proxy/pages.h"

namespace npmgate {
namespace {

// npm posts its whole tree to the audit endpoint: 20,000 packages are some 600 KB.
constexpr std::size_t kMaxAuditBody = std::size_t{16} << 20;
constexpr std::size_t kMaxForwarded = std::size_t{32} << 20;  // an answer of search, audit …
constexpr auto kForwardLimit = std::chrono::seconds(25);

Form form_of(const Request& request) {
  const std::string_view accept = request.headers.get("accept");
  return accept.find("application/vnd.npm.install-v1+json") != std::string_view::npos
             ? Form::kAbbreviated
             : Form::kFull;
}

// As the bulk endpoint of npm's registry answers (measured: npm, pnpm, yarn 4, bun and deno show
// title and url).
boost::json::object advisory_json(const ReleaseRow& row, const std::string& sentence,
                                  const std::string& base_url) {
  // Clients take the id for a number; far above those of the public database.
  const std::string digest = sha256_hex(row.name + "@" + row.version);
  const std::int64_t id =
      std::int64_t{1'000'000'000} + std::strtoll(digest.substr(0, 7).c_str(), nullptr, 16);
  return {{"id", id},
          {"url", base_url + "-/npm-gate/releases/" + row.name + "/" + row.version},
          {"title", "npm-gate: " + sentence},
          {"severity", "critical"},
          {"vulnerable_versions", row.version},
          {"cwe", boost::json::array{}},
          {"cvss", boost::json::object{{"score", 0}, {"vectorString", nullptr}}}};
}

std::string prefix_of(const Config& config) {
  if (config.public_urls.empty()) return "/";
  return parse_url(config.public_urls.front())->path;
}

}  // namespace

Gate::Gate(Gear gear, Observer* observer)
    : gear_(gear),
      packages_(gear, observer),
      recorder_(gear.store, gear.clock),
      answers_(gear, packages_, recorder_),
      tarballs_(gear, packages_, recorder_),
      prefix_(prefix_of(gear.config)) {}

const UpstreamConfig* Gate::fallback() const {
  for (const UpstreamConfig& upstream : gear_.config.upstreams) {
    if (upstream.scopes.empty() && upstream.packages.empty()) return &upstream;
  }
  return nullptr;
}

std::optional<std::string> Gate::base_url(const Request& request) const {
  const std::string_view host = request.headers.get("host");
  for (const std::string& text : gear_.config.public_urls) {
    if (parse_url(text)->host_header() == host) return text;
  }
  if (!gear_.config.public_urls.empty()) return std::nullopt;
  // Loopback only: whatever loopback name the client used is what it can reach.
  const std::string scheme = request.secure ? "https://" : "http://";
  const auto url = parse_url(scheme + std::string(host) + "/");
  if (!url || !is_loopback(url->host)) return std::nullopt;
  return url->str();
}

std::size_t Gate::body_limit(std::string_view method, std::string_view target) const {
  const bool audit = target.find("/-/npm/v1/security/") != std::string_view::npos;
  return method == "POST" && audit ? kMaxAuditBody : 0;
}

Task<Response> Gate::handle(std::shared_ptr<const Request> request) {
  const auto base = base_url(*request);
  Target target = parse_target(request->method, request->target, prefix_);
  const auto* service = std::get_if<ServiceTarget>(&target);
  const bool ping = service != nullptr && service->kind == ServiceTarget::Kind::kPing;
  if (!base && !ping) {
    co_return error_response(421, "npm-gate: this server does not answer for the host '" +
                                      log::printable(request->headers.get("host"), 80) +
                                      "' (public_url in gate.yaml)");
  }
  Request addressed = *request;
  addressed.base_url = base.value_or("");
  co_return co_await dispatch(std::move(target), addressed);
}

Task<Response> Gate::dispatch(Target target, const Request& request) {
  if (auto* packument_target = std::get_if<PackumentTarget>(&target)) {
    co_return co_await packument(std::move(*packument_target), request);
  }
  if (auto* manifest = std::get_if<ManifestTarget>(&target)) {
    Response response =
        co_await answers_.manifest(manifest->name, manifest->version_or_tag, request);
    note_refusal(response, manifest->name.str(), manifest->version_or_tag, request);
    co_return response;
  }
  if (auto* tags = std::get_if<DistTagsTarget>(&target)) {
    co_return co_await answers_.dist_tags(tags->name, tags->tag, request);
  }
  if (auto* tarball = std::get_if<TarballTarget>(&target)) {
    co_return co_await tarballs_.get(tarball->name, tarball->version, request);
  }
  if (auto* pass = std::get_if<ServiceTarget>(&target))
    co_return co_await service(std::move(*pass), request);
  if (auto* page = std::get_if<OwnPageTarget>(&target))
    co_return co_await own_page(std::move(*page), request);
  if (auto* write = std::get_if<WriteTarget>(&target)) co_return write_refused(*write);
  const auto& rejected = std::get<RejectedTarget>(target);
  co_return error_response(rejected.status, "npm-gate: " + rejected.reason);
}

Task<Response> Gate::packument(PackumentTarget target, const Request& request) {
  if (target.write) {
    // A client that asks for a document to write back must not get a filtered one (docs/clients.md:
    // deprecate PUTs the whole packument).
    co_return error_response(
        403,
        "npm-gate: reading " + target.name.str() +
            " for writing is not possible through this registry; publish to the registry itself",
        "read-only registry");
  }
  Response response = co_await answers_.packument(target.name, form_of(request), request);
  note_refusal(response, target.name.str(), "", request);
  co_return response;
}

// A verdict that a client met at a door other than the tarball's (which records its own).
void Gate::note_refusal(const Response& response, const std::string& name,
                        const std::string& version, const Request& request) {
  if (response.status != 403) return;
  const LedgerEntry who = ledger_entry(request, gear_.clock.now());
  AuditEntry entry;
  entry.at = who.at;
  entry.kind = "refused";
  entry.actor = "client";
  entry.name = name;
  entry.version = log::printable(version, 100);
  entry.policy_hash = gear_.rulebook.rules()->policy->hash;
  entry.client = request.peer;
  std::string sentence;
  for (const auto& [header, value] : response.headers) {
    if (header == "npm-notice") sentence = value;
  }
  entry.detail = boost::json::serialize(boost::json::object{{"sentence", sentence},
                                                            {"door", std::string(response.kind)},
                                                            {"user_agent", who.user_agent},
                                                            {"command", who.command},
                                                            {"project", who.project}});
  recorder_.audit(std::move(entry));
}

Response Gate::write_refused(const WriteTarget& target) const {
  const std::string what = target.what.empty() ? "this write" : target.what;
  Response response =
      error_response(403,
                     "npm-gate: " + what +
                         " is not possible through this registry: it is read-only. Use the "
                         "registry itself (publishConfig.registry or --registry)",
                     "read-only registry");
  response.kind = "write";
  return response;
}

Task<Response> Gate::service(ServiceTarget target, const Request& request) {
  using Kind = ServiceTarget::Kind;
  const std::string path = target.path.substr(1) + (target.query.empty() ? "" : "?" + target.query);
  switch (target.kind) {
    case Kind::kPing:
      co_return json_response(200, "{}");
    case Kind::kWhoami:
      co_return error_response(401, "npm-gate: nobody is logged in here; installs need no login");
    case Kind::kAuditBulk:
    case Kind::kAuditQuick:
      co_return co_await audit_bulk(std::move(target), request);
    case Kind::kLogin:
    case Kind::kToken:
    case Kind::kUser:
      co_return error_response(
          403, "npm-gate: login and account changes are not possible through this registry",
          "read-only registry");
    case Kind::kSearch:
    case Kind::kKeys:
    case Kind::kAttestations:
      break;
  }
  const UpstreamConfig* upstream = target.name ? packages_.route(*target.name) : fallback();
  if (upstream == nullptr) co_return error_response(404, "npm-gate: no upstream answers for this");
  co_return co_await forward(*upstream, "GET", path, request, "");
}

Task<Response> Gate::forward(const UpstreamConfig& upstream, std::string method,
                             std::string path_and_query, const Request& request, std::string body) {
  FetchRequest fetch;
  fetch.method = method;
  fetch.url = upstream.url + path_and_query;
  fetch.body = std::move(body);
  fetch.headers.emplace_back("Accept", "application/json");
  if (method == "POST") fetch.headers.emplace_back("Content-Type", "application/json");
  if (!upstream.token.empty()) fetch.authorization = "Bearer " + upstream.token;
  fetch.ca_file = upstream.ca;
  fetch.max_body = kMaxForwarded;
  fetch.limit = kForwardLimit;
  gear_.metrics.add("npm_gate_upstream_requests_total", R"(kind="service")");
  auto reply = co_await gear_.upstream.fetch(std::move(fetch));
  if (!reply) co_return response_for(reply.error());
  // Headers are made anew: nothing of the upstream's but the type goes through.
  std::string type(reply->headers.get("content-type"));
  if (type.empty()) type = "application/json";
  Response response = text_response(reply->status, std::move(reply->body), header_safe(type, 100));
  response.kind = "service";
  (void)request;
  co_return response;
}

Task<Response> Gate::audit_bulk(ServiceTarget target, const Request& request) {
  boost::system::error_code ec;
  const boost::json::value parsed = boost::json::parse(request.body, ec);
  if (ec || !parsed.is_object())
    co_return error_response(400, "npm-gate: the audit request is not a JSON object");
  const UpstreamConfig* upstream = fallback();
  const Time now = gear_.clock.now();
  boost::json::object forwarded;
  if (target.kind == ServiceTarget::Kind::kAuditBulk) {
    for (const auto& [key, versions] : parsed.get_object()) {
      const auto name = PackageName::parse(key);
      if (!name || !versions.is_array()) continue;
      const UpstreamConfig* route = packages_.route(*name);
      // Names of trusted internal upstreams are nobody else's business.
      if (route != nullptr && route == upstream && route->inspect) forwarded[key] = versions;
      for (const auto& version : versions.get_array()) {
        if (!version.is_string()) continue;
        LedgerEntry entry = ledger_entry(request, now);
        entry.name = name->str();
        entry.version = log::printable(version.get_string(), 100);
        entry.reported = true;
        recorder_.ledger(std::move(entry));
      }
    }
  }
  const bool bulk = target.kind == ServiceTarget::Kind::kAuditBulk;
  std::string body = bulk ? boost::json::serialize(forwarded) : request.body;
  Response answer = json_response(404, "{}");
  if (upstream != nullptr && (!bulk || !forwarded.empty()))
    answer = co_await forward(*upstream, "POST", target.path.substr(1), request, std::move(body));
  // An upstream without the endpoint: installs carry on, and clients that would crash on 404 (yarn
  // 4) do not.
  if (bulk) {
    const std::string theirs = answer.status == 200 ? *answer.body : "{}";
    std::function<Result<std::string>()> merge = [this, &parsed, &theirs, &request] {
      return with_advisories(parsed.get_object(), theirs, request.base_url);
    };
    auto merged = co_await gear_.pool.offload(std::move(merge));
    if (!merged) co_return response_for(merged.error());
    co_return json_response(200, std::move(*merged));
  }
  if (answer.status == 200) co_return answer;
  co_return json_response(
      200,
      R"({"actions":[],"advisories":{},"muted":[],"metadata":{"vulnerabilities":{"info":0,"low":0,"moderate":0,"high":0,"critical":0}}})");
}

// Every listed release that is refused for a reason other than its age becomes an advisory, so that
// `npm audit` says so on every machine that has it (SPEC, section 6).
Result<std::string> Gate::with_advisories(const boost::json::object& asked,
                                          const std::string& upstream_answer,
                                          const std::string& base_url) const {
  boost::system::error_code ec;
  boost::json::value merged = boost::json::parse(upstream_answer, ec);
  if (ec || !merged.is_object()) merged = boost::json::object();
  const std::shared_ptr<const Rules> rules = gear_.rulebook.rules();
  const Time now = gear_.clock.now();
  for (const auto& [key, versions] : asked) {
    const std::string name(key);
    if (!PackageName::parse(name) || !versions.is_array()) continue;
    auto rows = gear_.store.releases_of(name);
    if (!rows) return rows.error();
    const std::vector<Decision> decisions = rules->of(name);
    for (const auto& wanted : versions.get_array()) {
      if (!wanted.is_string()) continue;
      ReleaseRow row;
      row.subject.name = row.name = name;
      row.subject.version = row.version = std::string(wanted.get_string());
      row.subject.semver = Version::parse_loose(row.version);
      for (ReleaseRow& known : *rows) {
        if (known.version == row.version) row = known;
      }
      const Verdict verdict = decide(*rules->policy, row.subject, row.findings, decisions, now);
      const bool for_age =
          std::all_of(verdict.reasons.begin(), verdict.reasons.end(), [](const Reason& reason) {
            return reason.cooldown || reason.action < Action::kQuarantine;
          });
      if (verdict.served() || for_age) continue;
      auto& list = merged.get_object()[name];
      if (!list.is_array()) list = boost::json::array();
      list.get_array().push_back(
          advisory_json(row, refusal_sentence(row.subject, verdict, row.findings), base_url));
    }
  }
  return boost::json::serialize(merged);
}

Task<Response> Gate::own_page(OwnPageTarget target, const Request& request) {
  constexpr std::string_view kReleases = "releases/";
  if (target.path.starts_with(kReleases)) {
    const std::string rest = target.path.substr(kReleases.size());
    const std::size_t slash = rest.rfind('/');
    if (slash != std::string::npos)
      co_return co_await release_page(rest.substr(0, slash), rest.substr(slash + 1), request);
  }
  if (target.path.empty() || target.path == "index") {
    co_return text_response(200, index_page(gear_.config), "text/html; charset=utf-8");
  }
  co_return error_response(
      404, "npm-gate: no such page; releases/NAME/VERSION tells a release's verdict");
}

Task<Response> Gate::release_page(std::string name_text, std::string version,
                                  const Request& request) {
  const auto name = PackageName::parse(name_text);
  if (!name)
    co_return error_response(
        400, "npm-gate: '" + log::printable(name_text, 80) + "' is not a package name");
  auto snapshot = co_await packages_.get(*name);
  if (!snapshot) co_return response_for(snapshot.error());
  const std::shared_ptr<const Rules> rules = gear_.rulebook.rules();
  const bool html = request.headers.get("accept").find("text/html") != std::string_view::npos;
  std::function<Result<Response>()> work = [this, &snapshot, &version, rules,
                                            html]() -> Result<Response> {
    Judge judge = packages_.judge(*snapshot, *rules);
    const Judged* judged = judge.of(version);
    if (judged == nullptr)
      return error_response(
          404, "npm-gate: " + (*snapshot)->name + " has no version " + log::printable(version, 60));
    if (html) {
      Response page =
          text_response(200, release_html(*judged, judge.now()), "text/html; charset=utf-8");
      page.set("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'");
      return page;
    }
    return json_response(200, boost::json::serialize(release_json(*judged)));
  };
  auto response = co_await gear_.pool.offload(std::move(work));
  if (!response) co_return response_for(response.error());
  response->set("cache-control", "no-store");
  co_return std::move(*response);
}

}  // namespace npmgate
