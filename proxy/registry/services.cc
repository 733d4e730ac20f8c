#include "proxy/registry/services.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "proxy/net/query.h"
#include "proxy/runtime/request_record.h"

namespace npmgate {
namespace {

constexpr std::size_t kMaxForwarded = std::size_t{32} << 20;  // an answer of search, audit …
constexpr auto kForwardLimit = std::chrono::seconds(25);

// "@acme/lib", "scope:acme" or "scope:@acme" as a name that can be routed; "" for plain words.
std::string routable(std::string_view word) {
  constexpr std::string_view kScope = "scope:";
  if (word.starts_with(kScope)) {
    word.remove_prefix(kScope.size());
    return (word.starts_with('@') ? "" : "@") + std::string(word) + "/any";
  }
  const bool scope_only = word.starts_with('@') && word.find('/') == std::string_view::npos;
  return std::string(word) + (scope_only ? "/any" : "");
}

// The name behind "npm:@acme/lib@^1.0.0", which stands for a range, or for the version of an entry;
// "" where there is none.
std::string alias_of(const boost::json::value& value) {
  const auto* version = value.is_object() ? value.get_object().if_contains("version") : &value;
  if (version == nullptr || !version->is_string()) return {};
  std::string_view text = version->get_string();
  constexpr std::string_view kAlias = "npm:";
  if (!text.starts_with(kAlias)) return {};
  text.remove_prefix(kAlias.size());
  const std::size_t at = text.find('@', 1);
  return std::string(text.substr(0, at));
}

}  // namespace

const UpstreamConfig* RegistryServices::fallback() const {
  for (const UpstreamConfig& upstream : deps_.config.upstreams) {
    if (upstream.scopes.empty() && upstream.packages.empty()) return &upstream;
  }
  return nullptr;
}

bool RegistryServices::goes_to(const std::string& text, const UpstreamConfig* upstream) const {
  const auto name = PackageName::parse(text);
  return name && packages_.route(*name) == upstream;
}

const UpstreamConfig* RegistryServices::of_text(std::string_view text) const {
  const UpstreamConfig* const rest = fallback();
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const auto name = PackageName::parse(routable(text.substr(0, end)));
    const UpstreamConfig* upstream = name ? packages_.route(*name) : rest;
    if (upstream != rest) return upstream;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return rest;
}

Task<Response> RegistryServices::forward(const UpstreamConfig& upstream, std::string method,
                                         std::string path_and_query, std::string body) {
  FetchRequest fetch;
  fetch.method = std::move(method);
  fetch.url = upstream.url + path_and_query;
  fetch.body = std::move(body);
  fetch.headers.emplace_back("Accept", "application/json");
  if (fetch.method == "POST") fetch.headers.emplace_back("Content-Type", "application/json");
  if (!upstream.token.empty()) fetch.authorization = "Bearer " + upstream.token;
  fetch.ca_file = upstream.ca;
  fetch.max_body = kMaxForwarded;
  fetch.limit = kForwardLimit;
  deps_.metrics.add("npm_gate_upstream_requests_total", R"(kind="service")");
  auto reply = co_await deps_.upstream.fetch(std::move(fetch));
  if (!reply) co_return response_for(reply.error());
  // Headers are made anew, the type too: a page of the upstream's must not run in a browser as one
  // of the gate's.
  const std::size_t start = reply->body.find_first_not_of(" \t\r\n");
  const bool json = start == std::string::npos || reply->body[start] != '<';
  Response response = text_response(reply->status, std::move(reply->body),
                                    json ? "application/json" : "text/plain; charset=utf-8");
  response.kind = "service";
  co_return response;
}

Task<Response> RegistryServices::pass(ServiceTarget target) {
  const UpstreamConfig* upstream = target.name ? packages_.route(*target.name) : fallback();
  if (upstream == nullptr) co_return error_response(404, "npm-gate: no upstream answers for this");
  std::string path = target.path.substr(1) + (target.query.empty() ? "" : "?" + target.query);
  co_return co_await forward(*upstream, "GET", std::move(path), "");
}

Task<Response> RegistryServices::search(ServiceTarget target) {
  const UpstreamConfig* upstream = of_text(query_value(target.query, "text"));
  if (upstream == nullptr) co_return error_response(404, "npm-gate: no upstream answers for this");
  Response answer =
      co_await forward(*upstream, "GET", target.path.substr(1) + "?" + target.query, "");
  boost::system::error_code ec;
  boost::json::value parsed = boost::json::parse(answer.body ? *answer.body : "", ec);
  auto* objects = ec || !parsed.is_object() ? nullptr : parsed.get_object().if_contains("objects");
  if (answer.status != 200 || objects == nullptr || !objects->is_array()) co_return answer;
  boost::json::array kept;
  for (boost::json::value& object : objects->get_array()) {
    boost::system::error_code absent;
    const boost::json::value* name = object.find_pointer("/package/name", absent);
    if (name != nullptr && name->is_string() && goes_to(std::string(name->get_string()), upstream))
      kept.push_back(std::move(object));
  }
  *objects = std::move(kept);
  co_return json_response(200, boost::json::serialize(parsed));
}

void RegistryServices::report(const std::string& name, std::string_view version,
                              const Request& request) {
  LedgerEntry entry = ledger_entry(request, deps_.clock.now());
  entry.name = name;
  entry.version = log::printable(version, 100);
  entry.reported = true;
  audit_writer_.ledger(std::move(entry));
}

std::map<const UpstreamConfig*, boost::json::object> RegistryServices::split(
    const boost::json::object& asked, const Request& request) {
  std::map<const UpstreamConfig*, boost::json::object> parts;
  for (const auto& [key, versions] : asked) {
    const auto name = PackageName::parse(key);
    if (!name || !versions.is_array()) continue;
    if (const UpstreamConfig* route = packages_.route(*name)) parts[route][key] = versions;
    for (const auto& version : versions.get_array()) {
      if (version.is_string()) report(name->str(), version.get_string(), request);
    }
  }
  return parts;
}

Task<Response> RegistryServices::audit_bulk(ServiceTarget target, const Request& request) {
  boost::system::error_code ec;
  const boost::json::value parsed = boost::json::parse(request.body, ec);
  if (ec || !parsed.is_object())
    co_return error_response(400, "npm-gate: the audit request is not a JSON object");
  boost::json::object merged;
  for (const auto& [upstream, names] : split(parsed.get_object(), request)) {
    const Response answer =
        co_await forward(*upstream, "POST", target.path.substr(1), boost::json::serialize(names));
    // An upstream without the endpoint: installs carry on, and clients that would crash on 404
    // (yarn 4) do not.
    boost::json::value theirs =
        answer.status == 200 ? boost::json::parse(*answer.body, ec) : boost::json::value();
    if (ec || !theirs.is_object()) continue;
    for (const auto& [name, advisories] : theirs.get_object()) {
      if (names.contains(name)) merged[name] = advisories;
    }
  }
  std::function<Result<std::string>()> merge = [this, &parsed, &merged, &request] {
    return with_advisories(parsed.get_object(), std::move(merged), request.base_url);
  };
  auto answer = co_await deps_.pool.offload(std::move(merge));
  if (!answer) co_return response_for(answer.error());
  co_return json_response(200, std::move(*answer));
}

// Takes the names that are not `upstream`'s out of the tree that npm 6 and pnpm 10 post:
// {requires: {name: range}, dependencies: {name: {version, requires, dependencies}}}.
void RegistryServices::scrub(boost::json::value& tree, const UpstreamConfig* upstream,
                             const Request& request) {
  if (!tree.is_object()) return;
  for (const char* field : {"requires", "dependencies"}) {
    auto* names = tree.get_object().if_contains(field);
    if (names == nullptr || !names->is_object()) continue;
    boost::json::object kept;
    for (auto& [key, value] : names->get_object()) {
      const std::string name(key);
      if (value.is_object() && PackageName::parse(name)) {
        const auto* version = value.get_object().if_contains("version");
        if (version != nullptr && version->is_string())
          report(name, version->get_string(), request);
      }
      scrub(value, upstream, request);
      const std::string other = alias_of(value);
      if (goes_to(name, upstream) && (other.empty() || goes_to(other, upstream)))
        kept[name] = value;
    }
    *names = std::move(kept);
  }
  // Lists of names that an install adds or removes; nothing in the answer depends on them.
  for (const char* field : {"install", "remove"}) {
    if (auto* names = tree.get_object().if_contains(field)) *names = boost::json::array();
  }
}

Task<Response> RegistryServices::audit_quick(ServiceTarget target, const Request& request) {
  constexpr const char* kNothing =
      R"({"actions":[],"advisories":{},"muted":[],"metadata":{"vulnerabilities":{"info":0,"low":0,"moderate":0,"high":0,"critical":0}}})";
  boost::system::error_code ec;
  boost::json::value tree = boost::json::parse(request.body, ec);
  if (ec || !tree.is_object())
    co_return error_response(400, "npm-gate: the audit request is not a JSON object");
  const UpstreamConfig* upstream = fallback();
  scrub(tree, upstream, request);
  auto* project = tree.get_object().if_contains("name");
  if (project != nullptr && project->is_string() &&
      !goes_to(std::string(project->get_string()), upstream))
    *project = "project";
  if (upstream == nullptr) co_return json_response(200, kNothing);
  Response answer =
      co_await forward(*upstream, "POST", target.path.substr(1), boost::json::serialize(tree));
  if (answer.status == 200) co_return answer;
  co_return json_response(200, kNothing);
}

}  // namespace npmgate
