#include "proxy/admin.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_from.hpp>

#include "base/digest.h"
#include "proxy/pages.h"

namespace npmgate {
namespace {

constexpr std::size_t kMaxBody = 64 * 1024;
constexpr int kMaxLimit = 1000;
// Failed logins of one address before it has to wait.
constexpr int kFailuresAllowed = 5;
constexpr auto kLockout = std::chrono::minutes(1);
// Addresses remembered at once; an attacker with more of them than this gains nothing against
// 256-bit tokens.
constexpr std::size_t kMaxTracked = 10'000;

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string percent_decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0) {
      out += static_cast<char>(hex(text[i + 1]) << 4 | hex(text[i + 2]));
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

}  // namespace

std::string query_value(std::string_view query, std::string_view key) {
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    const std::size_t equals = pair.find('=');
    if (pair.substr(0, equals) == key)
      return equals == std::string_view::npos ? "" : percent_decode(pair.substr(equals + 1));
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return {};
}

std::size_t Admin::body_limit(std::string_view method, std::string_view) const {
  return method == "POST" ? kMaxBody : 0;
}

bool Admin::locked_out(const std::string& peer) {
  const std::lock_guard lock(mutex_);
  const auto it = failures_.find(peer);
  if (it == failures_.end() || it->second.count < kFailuresAllowed) return false;
  if (gear_.clock.now() - it->second.last < kLockout) return true;
  failures_.erase(it);
  return false;
}

void Admin::note_failure(const std::string& peer) {
  const std::lock_guard lock(mutex_);
  if (failures_.size() > kMaxTracked) failures_.clear();
  Failures& failures = failures_[peer];
  ++failures.count;
  failures.last = gear_.clock.now();
}

Result<Admin::Actor> Admin::authenticate(const Request& request) {
  constexpr std::string_view kBearer = "Bearer ";
  const std::string_view header = request.headers.get("authorization");
  if (header.starts_with(kBearer)) {
    const std::string hash = sha256_hex(header.substr(kBearer.size()));
    auto tokens = gear_.store.tokens();
    if (!tokens) return tokens.error();
    for (const TokenRecord& token : *tokens) {
      const bool reviewer = token.scope == "review" || token.scope == "admin";
      if (!token.revoked && reviewer && equal_constant_time(token.hash, hash))
        return Actor{token.name, token.scope};
    }
  }
  return fail(Code::kRefused, Origin::kClient,
              "a bearer token of scope review or admin is needed (npm-gate token create)");
}

Task<Response> Admin::handle(std::shared_ptr<const Request> request) {
  const std::size_t question = request->target.find('?');
  const std::string path = request->target.substr(0, question);
  const std::string query =
      question == std::string::npos ? "" : request->target.substr(question + 1);
  if (path == "/healthz") co_return text_response(200, "ok\n");
  if (path == "/readyz") {
    const bool ready = gear_.rulebook.rules() != nullptr;
    co_return text_response(ready ? 200 : 503, ready ? "ready\n" : "no policy is loaded\n");
  }
  if (path == "/metrics" && is_loopback(request->peer))
    co_return text_response(200, gear_.metrics.render(), "text/plain; version=0.0.4");
  if (locked_out(request->peer))
    co_return error_response(429, "npm-gate: too many failed logins; try again in a minute");
  std::function<Result<Actor>()> check = [this, request] { return authenticate(*request); };
  auto actor = co_await gear_.pool.offload(std::move(check));
  if (!actor) {
    if (actor.error().code != Code::kRefused) co_return response_for(actor.error());
    note_failure(request->peer);
    Response refused = error_response(401, "npm-gate: " + actor.error().context);
    refused.set("www-authenticate", "Bearer");
    co_return refused;
  }
  co_return co_await api(path, query, *request, std::move(*actor));
}

Task<Response> Admin::api(std::string path, std::string query, const Request& request,
                          Actor actor) {
  constexpr std::string_view kReleases = "/api/v1/releases/";
  if (path.starts_with(kReleases)) {
    std::string rest = percent_decode(path.substr(kReleases.size()));
    std::string verb;
    for (const char* candidate : {"/approve", "/reject", "/reopen"}) {
      if (!rest.ends_with(candidate) || request.method != "POST") continue;
      verb = candidate + 1;
      rest.resize(rest.size() - verb.size() - 1);
    }
    if (verb.empty() && request.method != "GET" && request.method != "HEAD")
      co_return error_response(
          405, "npm-gate: GET a release, or POST approve, reject or reopen below it");
    const std::size_t slash = rest.rfind('/');
    if (slash == std::string::npos)
      co_return error_response(404, "npm-gate: expected /api/v1/releases/NAME/VERSION");
    co_return co_await review_.release(rest.substr(0, slash), rest.substr(slash + 1), verb, query,
                                       request.body, actor.name);
  }
  std::function<Result<Response>()> work = [this, &path, &query]() -> Result<Response> {
    if (path == "/api/v1/releases") return review_.list(query);
    if (path == "/api/v1/downloads") return downloads(query);
    if (path == "/api/v1/policy") return policy();
    return error_response(404, "npm-gate: no such endpoint");
  };
  auto response = co_await gear_.pool.offload(std::move(work));
  if (!response) co_return response_for(response.error());
  co_return std::move(*response);
}

Result<Response> Admin::downloads(const std::string& query) {
  const std::string package = query_value(query, "package"),
                    range_text = query_value(query, "version");
  if (package.empty()) return error_response(400, "npm-gate: package= is needed");
  const auto range = Range::parse(range_text.empty() ? "*" : range_text);
  auto entries = gear_.store.downloads(package, kMaxLimit);
  if (!entries) return entries.error();
  boost::json::array rows;
  for (const LedgerEntry& entry : *entries) {
    const auto version = Version::parse_loose(entry.version);
    if (!range_text.empty() && entry.version != range_text &&
        !(range && version && range->matches(*version, true)))
      continue;
    rows.push_back(boost::json::object{{"time", format_time(entry.at)},
                                       {"name", entry.name},
                                       {"version", entry.version},
                                       {"content", entry.content_id},
                                       {"token", entry.token},
                                       {"address", entry.address},
                                       {"user_agent", entry.user_agent},
                                       {"command", entry.command},
                                       {"project", entry.project},
                                       {"reported", entry.reported},
                                       {"count", entry.count}});
  }
  return json_response(200, boost::json::serialize(boost::json::object{{"downloads", rows}}));
}

Result<Response> Admin::policy() const {
  const std::shared_ptr<const Rules> rules = gear_.rulebook.rules();
  boost::json::array problems, names;
  for (const Problem& problem : gear_.rulebook.problems())
    problems.push_back(boost::json::string(problem.str()));
  for (const Rule& rule : rules->policy->rules) {
    names.push_back(boost::json::object{{"id", rule.id},
                                        {"then", to_string(rule.then)},
                                        {"at", rule.at.str()},
                                        {"monitor", rule.monitor}});
  }
  return json_response(
      200, boost::json::serialize(boost::json::object{{"hash", rules->policy->hash},
                                                      {"file", rules->policy->file},
                                                      {"monitor", rules->policy->monitor},
                                                      {"rules", names},
                                                      {"problems", problems}}));
}

}  // namespace npmgate
