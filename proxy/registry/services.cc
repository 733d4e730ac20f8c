#include "proxy/registry/services.h"

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/metrics.h"
#include "proxy/net/query.h"
#include "proxy/net/upstream.h"
#include "proxy/runtime/request_record.h"
#include "proxy/runtime/routes.h"

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
// "" if there is none.
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

// 424 (measured on npm 10 to 12, pnpm 10 and 12): every client fails at once and shows the text;
// 5xx are retried for 70 s and longer by pnpm. 404 is what clients take for a registry that has no
// audits. An install carries on in all of them.
Response unanswered(const std::string& problem, bool missing) {
  return error_response(missing ? 404 : 424,
                        "npm-gate: " + problem + "; nothing is known of vulnerabilities");
}

// An error would hide the advisories that there are: the first of them gets a companion that says
// what is missing. False if there is none.
bool note_incomplete(boost::json::object& advisories, const std::string& problem) {
  for (auto& member : advisories) {
    auto* list = member.value().if_array();
    if (list == nullptr || list->empty() || !list->front().is_object()) continue;
    boost::json::object note = list->front().get_object();
    note["id"] = std::int64_t{999'999'999};
    note["severity"] = "low";
    note["title"] = "npm-gate: this list is not complete: " + problem;
    list->push_back(std::move(note));
    return true;
  }
  return false;
}

Error no_object() {
  return fail(Code::kMalformed, Origin::kClient, "the audit request is not a JSON object");
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
  return name && route(deps_.config, *name) == upstream;
}

const UpstreamConfig* RegistryServices::of_text(std::string_view text) const {
  const UpstreamConfig* const rest = fallback();
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const auto name = PackageName::parse(routable(text.substr(0, end)));
    const UpstreamConfig* upstream = name ? route(deps_.config, *name) : rest;
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
  fetch.authorization = upstream.authorization();
  fetch.ca_file = upstream.ca;
  fetch.max_body = kMaxForwarded;
  fetch.limit = kForwardLimit;
  deps_.metrics.add("npm_gate_upstream_requests_total", R"(kind="service")");
  auto reply = co_await deps_.upstream.fetch(std::move(fetch));
  if (!reply) co_return response_for(reply.error());
  // Headers are made here, the type too: a page of the upstream's must not run in a browser as one
  // of the gate's.
  const std::size_t start = reply->body.find_first_not_of(" \t\r\n");
  const bool json = start == std::string::npos || reply->body[start] != '<';
  Response response = text_response(reply->status, std::move(reply->body),
                                    json ? "application/json" : "text/plain; charset=utf-8");
  response.kind = "service";
  co_return response;
}

Task<Response> RegistryServices::pass(ServiceTarget target) {
  const UpstreamConfig* upstream = target.name ? route(deps_.config, *target.name) : fallback();
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

// As little as goes on being needed while upstreams are asked: the request, read as JSON, takes
// several times its text.
struct RegistryServices::BulkAudit {
  struct Part {
    std::set<std::string, std::less<>> names;
    std::string body;  // as it is sent
  };
  std::map<const UpstreamConfig*, Part> parts;
  boost::json::object own;  // the gate's own advisories
};

Result<std::shared_ptr<RegistryServices::BulkAudit>> RegistryServices::read_bulk(
    const Request& request) {
  boost::json::monotonic_resource nodes;  // of which there are many, and none is freed before all
  boost::system::error_code ec;
  const boost::json::value parsed = boost::json::parse(request.body, ec, &nodes);
  if (ec || !parsed.is_object()) return no_object();
  auto out = std::make_shared<BulkAudit>();
  for (const auto& [key, versions] : parsed.get_object()) {
    const auto name = PackageName::parse(key);
    if (!name || !versions.is_array()) continue;
    if (const UpstreamConfig* upstream = route(deps_.config, *name)) {
      BulkAudit::Part& part = out->parts[upstream];
      part.names.emplace(key);
      part.body += (part.body.empty() ? "{" : ",") + boost::json::serialize(key) + ":" +
                   boost::json::serialize(versions);
    }
    for (const auto& version : versions.get_array()) {
      if (version.is_string()) report(name->str(), version.get_string(), request);
    }
  }
  for (auto& [upstream, part] : out->parts) part.body += "}";
  auto own = own_advisories(parsed.get_object(), request.base_url);
  if (!own) return own.error();
  out->own = std::move(*own);
  return out;
}

Task<Response> RegistryServices::audit_bulk(ServiceTarget target, const Request& request) {
  // Megabytes of JSON would keep everybody else on the loop waiting.
  std::function<Result<std::shared_ptr<BulkAudit>>()> read = [this, &request] {
    return read_bulk(request);
  };
  auto asked = co_await deps_.pool.offload(std::move(read));
  if (!asked) co_return response_for(asked.error());
  boost::json::object merged;
  std::string problem;
  bool missing = false;
  for (auto& [upstream, part] : (*asked)->parts) {
    std::string body = std::move(part.body);
    AuditAnswer answer = co_await ask_audit(*upstream, target.path.substr(1), std::move(body));
    if (answer.found) {
      for (const auto& [name, advisories] : *answer.found) {
        if (part.names.contains(std::string_view(name))) merged[name] = advisories;
      }
    } else if (!answer.missing || upstream == fallback()) {
      problem = std::move(answer.problem);
      missing = answer.missing;
    }
  }
  for (const auto& [name, advisories] : (*asked)->own) {
    auto& list = merged[name];
    if (!list.is_array()) list = boost::json::array();
    for (const auto& advisory : advisories.get_array()) list.get_array().push_back(advisory);
  }
  if (!problem.empty() && !note_incomplete(merged, problem)) co_return unanswered(problem, missing);
  co_return json_response(200, boost::json::serialize(merged));
}

Task<RegistryServices::AuditAnswer> RegistryServices::ask_audit(const UpstreamConfig& upstream,
                                                                std::string path,
                                                                std::string body) {
  const Response answer = co_await forward(upstream, "POST", std::move(path), std::move(body));
  AuditAnswer result;
  result.missing = answer.status == 404 || answer.status == 405 || answer.status == 501;
  boost::system::error_code ec;
  if (answer.status == 200) {
    boost::json::value parsed = boost::json::parse(answer.body ? *answer.body : "", ec);
    const bool readable = !ec && parsed.is_object() && !parsed.get_object().contains("error");
    if (readable) result.found = std::move(parsed.get_object());
  }
  if (result.found) co_return result;
  result.problem = "the upstream " + upstream.name +
                   (result.missing         ? " has no audit endpoint"
                    : answer.status == 200 ? " answered an audit with something else"
                                           : " could not be asked for an audit") +
                   (answer.status == 200 ? "" : " (" + std::to_string(answer.status) + ")");
  deps_.metrics.add("npm_gate_audits_unanswered_total",
                    "upstream=\"" + upstream.name + "\",reason=\"" +
                        (result.missing ? "missing" : "failed") + "\"");
  log::warn("audit", "an audit could not be asked",
            {{"upstream", upstream.name}, {"status", answer.status}, {"error", result.problem}});
  co_return result;
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
  const UpstreamConfig* upstream = fallback();
  std::function<Result<std::string>()> read = [this, upstream, &request]() -> Result<std::string> {
    boost::system::error_code ec;
    boost::json::value tree = boost::json::parse(request.body, ec);
    if (ec || !tree.is_object()) return no_object();
    scrub(tree, upstream, request);
    auto* project = tree.get_object().if_contains("name");
    if (project != nullptr && project->is_string() &&
        !goes_to(std::string(project->get_string()), upstream))
      *project = "project";
    return boost::json::serialize(tree);
  };
  auto body = co_await deps_.pool.offload(std::move(read));
  if (!body) co_return response_for(body.error());
  if (upstream == nullptr) co_return unanswered("no upstream answers for other names", true);
  AuditAnswer answer = co_await ask_audit(*upstream, target.path.substr(1), std::move(*body));
  if (answer.found && !answer.found->contains("metadata")) {
    answer.problem = "the upstream " + upstream->name + " answered an audit with something else";
    answer.found.reset();
  }
  if (!answer.found) co_return unanswered(answer.problem, answer.missing);
  co_return json_response(200, boost::json::serialize(*answer.found));
}

}  // namespace npmgate
