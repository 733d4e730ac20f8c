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
constexpr int kDefaultLimit = 100;
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

int limit_of(const std::string& query) {
  const std::string text = query_value(query, "limit");
  if (text.empty()) return kDefaultLimit;
  const int value = std::atoi(text.c_str());
  return value < 1 ? kDefaultLimit : std::min(value, kMaxLimit);
}

std::string text_of(const boost::json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::vector<std::string> shown_findings(const std::vector<Finding>& findings) {
  std::vector<std::string> shown;
  for (const Finding& finding : findings) shown.push_back(finding.id + ":" + finding.digest());
  return shown;
}

boost::json::object row_json(const ReleaseRow& row, const Verdict& verdict) {
  boost::json::array findings;
  for (const Finding& finding : row.findings) {
    findings.push_back(boost::json::object{{"id", finding.id},
                                           {"severity", to_string(finding.severity)},
                                           {"message", finding.message}});
  }
  boost::json::object out{{"name", row.name},
                          {"version", row.version},
                          {"content", row.content_id},
                          {"verdict", to_string(verdict.action)},
                          {"seen", format_time(row.seen)},
                          {"served", row.served}};
  out["ends"] =
      verdict.ends ? boost::json::value(format_time(*verdict.ends)) : boost::json::value();
  out["findings"] = std::move(findings);
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
    const std::size_t slash = rest.rfind('/');
    if (slash == std::string::npos)
      co_return error_response(404, "npm-gate: expected /api/v1/releases/NAME/VERSION");
    co_return co_await release(rest.substr(0, slash), rest.substr(slash + 1), verb, request,
                               std::move(actor));
  }
  std::function<Result<Response>()> work = [this, &path, &query]() -> Result<Response> {
    if (path == "/api/v1/releases") return list_releases(query);
    if (path == "/api/v1/downloads") return downloads(query);
    if (path == "/api/v1/policy") return policy();
    return error_response(404, "npm-gate: no such endpoint");
  };
  auto response = co_await gear_.pool.offload(std::move(work));
  if (!response) co_return response_for(response.error());
  co_return std::move(*response);
}

Result<Response> Admin::list_releases(const std::string& query) {
  const std::string wanted = query_value(query, "verdict"), package = query_value(query, "package"),
                    cursor = query_value(query, "cursor");
  const int limit = limit_of(query);
  const std::shared_ptr<const Rules> rules = gear_.rulebook.rules();
  const Time now = gear_.clock.now();
  boost::json::array rows;
  std::string next;
  std::map<std::string, std::pair<ReleaseRow, Verdict>> sorted;
  auto done = gear_.store.for_each_release([&](const ReleaseRow& row) {
    if (!package.empty() && !glob_match(package, row.name)) return;
    Verdict verdict = decide(*rules->policy, row.subject, row.findings, rules->of(row.name), now);
    if (!wanted.empty() && to_string(verdict.action) != wanted) return;
    const std::string key = row.name + "@" + row.version;
    if (!cursor.empty() && key <= cursor) return;
    sorted.insert_or_assign(key, std::pair(row, std::move(verdict)));
    if (sorted.size() > static_cast<std::size_t>(limit) + 1) sorted.erase(std::prev(sorted.end()));
  });
  if (!done) return done.error();
  for (const auto& [key, entry] : sorted) {
    if (rows.size() == static_cast<std::size_t>(limit)) break;
    rows.push_back(row_json(entry.first, entry.second));
    next = key;
  }
  boost::json::object out{{"releases", rows}};
  out["next"] = sorted.size() > rows.size() ? boost::json::value(next) : boost::json::value();
  return json_response(200, boost::json::serialize(out));
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

Result<Response> Admin::show(const SnapshotPtr& snapshot, const std::string& version) const {
  const std::shared_ptr<const Rules> rules = gear_.rulebook.rules();
  Judge judge = gear_.packages.judge(snapshot, *rules);
  const Judged* judged = judge.of(version);
  if (judged == nullptr)
    return error_response(
        404, "npm-gate: " + snapshot->name + " has no version " + log::printable(version, 60));
  boost::json::object out = release_json(*judged);
  out["shown"] = boost::json::value_from(shown_findings(judged->findings));
  out["explain"] = explain_text(judged->subject, judged->verdict, judged->findings, judge.now());
  if (judged->evidence) out["evidence"] = to_json(*judged->evidence);
  return json_response(200, boost::json::serialize(out));
}

Task<Response> Admin::release(std::string name_text, std::string version, std::string verb,
                              const Request& request, Actor actor) {
  const auto name = PackageName::parse(name_text);
  if (!name)
    co_return error_response(
        400, "npm-gate: '" + log::printable(name_text, 80) + "' is not a package name");
  auto snapshot = co_await gear_.packages.get(*name);
  if (!snapshot) co_return response_for(snapshot.error());
  std::function<Result<Response>()> work = [this, &snapshot, &version, &verb, &request,
                                            &actor]() -> Result<Response> {
    return verb.empty() ? show(*snapshot, version)
                        : decide_release(*snapshot, version, verb, request.body, actor);
  };
  auto response = co_await gear_.pool.offload(std::move(work));
  if (!response) co_return response_for(response.error());
  co_return std::move(*response);
}

Result<Response> Admin::decide_release(const SnapshotPtr& snapshot, const std::string& version,
                                       const std::string& verb, const std::string& body,
                                       const Actor& actor) {
  boost::system::error_code ec;
  const boost::json::value parsed = boost::json::parse(body.empty() ? "{}" : body, ec);
  if (ec || !parsed.is_object())
    return error_response(400, "npm-gate: the body must be a JSON object with a reason");
  const boost::json::object& object = parsed.get_object();
  Decision decision;
  decision.name = snapshot->name;
  decision.versions = version;
  decision.actor = actor.name;
  decision.reason = text_of(object, "reason");
  decision.at = gear_.clock.now();
  if (decision.reason.empty())
    return error_response(400, "npm-gate: a reason is needed: {\"reason\": \"why\"}");
  if (const std::string expires = text_of(object, "expires"); !expires.empty()) {
    decision.expires = parse_time(expires);
    if (!decision.expires)
      return error_response(400, "npm-gate: expires must be a date or an RFC 3339 time");
  }
  AuditEntry audit;
  audit.at = decision.at;
  audit.kind = "decision";
  audit.actor = "admin:" + actor.name;
  audit.name = snapshot->name;
  audit.version = version;
  audit.action = verb;
  const std::shared_ptr<const Rules> rules = gear_.rulebook.rules();
  audit.policy_hash = rules->policy->hash;
  audit.detail = boost::json::serialize(boost::json::object{{"reason", decision.reason}});
  if (verb == "reopen") {
    for (const Decision& old : rules->of(snapshot->name)) {
      if (old.versions != version || old.reopened) continue;
      if (auto done = gear_.store.reopen(old.id, audit); !done) return done.error();
    }
  } else if (verb == "reject") {
    if (version != "*" && !Range::parse(version))
      return error_response(
          400, "npm-gate: '" + log::printable(version, 60) + "' is not a version range");
    decision.kind = Decision::Kind::kReject;
    if (auto done = gear_.store.add_decision(decision, audit); !done) return done.error();
  } else {
    Judge judge = gear_.packages.judge(snapshot, *rules);
    const Judged* judged = judge.of(version);
    if (judged == nullptr || !judged->evidence)
      return error_response(404, "npm-gate: " + snapshot->name + "@" + log::printable(version, 60) +
                                     " was not inspected yet: nothing to approve");
    const std::string content = text_of(object, "content");
    if (content != judged->subject.content_id)
      return error_response(
          409, "npm-gate: the release is not the one that was shown: its content is now " +
                   judged->subject.content_id);
    decision.content_id = content;
    decision.findings = shown_findings(judged->findings);
    if (const auto* shown = object.if_contains("shown");
        shown != nullptr && *shown != boost::json::value_from(decision.findings)) {
      return error_response(
          409, "npm-gate: its findings are not those that were shown; look again before approving");
    }
    if (judged->verdict.action == Action::kBlock)
      return error_response(409,
                            "npm-gate: a block cannot be approved, only waived in the policy file");
    audit.content_id = content;
    if (auto done = gear_.store.add_decision(decision, audit); !done) return done.error();
  }
  if (auto done = gear_.rulebook.reload_decisions(); !done) return done.error();
  return show(snapshot, verb == "reject" && snapshot->packument->find(version) == nullptr
                            ? snapshot->packument->versions().back().version
                            : version);
}

}  // namespace npmgate
