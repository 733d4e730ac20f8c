#include "proxy/admin/review.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_from.hpp>

#include "base/digest.h"
#include "base/json_members.h"
#include "judge/nearest_served.h"
#include "judge/verdict_log.h"
#include "proxy/admin/admin.h"
#include "proxy/admin/requests.h"
#include "proxy/registry/pages.h"
#include "proxy/registry/release_requests.h"
#include "proxy/runtime/routes.h"

namespace npmgate {
namespace {

// dist-tags that the upstream points at this version, and where the gate points them now.
boost::json::object tags_json(Judge& judge, const std::string& version) {
  boost::json::object tags;
  if (!judge.snapshot().packument) return tags;
  const StringMap served = judge.listing({}).dist_tags;
  for (const auto& [tag, target] : judge.snapshot().packument->dist_tags()) {
    if (target != version) continue;
    const auto now = served.find(tag);
    tags[tag] = now == served.end() ? boost::json::value() : boost::json::value(now->second);
  }
  return tags;
}

boost::json::object decision_json(const Decision& decision) {
  boost::json::object out{
      {"id", decision.id},
      {"kind", decision.kind == Decision::Kind::kApprove ? "approve" : "reject"},
      {"versions", decision.versions},
      {"actor", decision.actor},
      {"reason", decision.reason},
      {"time", format_time(decision.at)},
      {"reopened", decision.reopened}};
  out["expires"] =
      decision.expires ? boost::json::value(format_time(*decision.expires)) : boost::json::value();
  return out;
}

constexpr int kRequests = 20;  // about one release, that its page shows

Result<boost::json::array> requests_for(StateStore& store, const std::string& name,
                                        const std::string& version) {
  RequestFilter filter;
  filter.name = name;
  filter.version = version;
  filter.limit = kRequests;
  auto found = store.requests().requests(filter);
  if (!found) return found.error();
  boost::json::array out;
  for (const ReleaseRequest& request : *found) out.push_back(to_json(request));
  return out;
}

Error bad_body(std::string what) {
  return fail(Code::kMalformed, Origin::kClient, "npm-gate: " + std::move(what));
}

}  // namespace

std::vector<std::string> shown_findings(const std::vector<Finding>& findings) {
  std::vector<std::string> shown;
  for (const Finding& finding : findings) shown.push_back(finding.id + ":" + finding.digest());
  return shown;
}

std::string seen_digest(const std::string& content_id, std::vector<std::string> shown) {
  std::sort(shown.begin(), shown.end());
  std::string all = content_id;
  for (const std::string& each : shown) all += "\n" + each;
  return sha256_hex(all).substr(0, 16);
}

Result<Review::DecisionRequest> Review::read_wish(const PackageName& name,
                                                  const std::string& version,
                                                  const std::string& verb, const std::string& body,
                                                  const std::string& actor) const {
  boost::system::error_code ec;
  const boost::json::value parsed = boost::json::parse(body.empty() ? "{}" : body, ec);
  if (ec || !parsed.is_object()) return bad_body("the body must be a JSON object with a reason");
  const boost::json::object& object = parsed.get_object();
  DecisionRequest request;
  request.name = name.str();
  request.version = version;
  request.verb = verb;
  request.actor = actor;
  request.reason = text_member(object, "reason");
  request.content = text_member(object, "content");
  request.seen = text_member(object, "seen");
  if (request.reason.find_first_not_of(" \t\r\n") == std::string::npos)
    return bad_body("a reason is needed: {\"reason\": \"why\"}");
  if (const std::string expires = text_member(object, "expires"); !expires.empty()) {
    request.expires = parse_time(expires);
    if (!request.expires) return bad_body("expires must be a date or an RFC 3339 time");
    if (*request.expires <= deps_.clock.now())
      return bad_body("expires is over already: " + format_minute(*request.expires));
  }
  if (const auto* shown = object.if_contains("shown"); shown != nullptr) {
    if (!shown->is_array()) return bad_body("shown must be the list that GET gave");
    request.shown.emplace();
    for (const auto& each : shown->get_array()) {
      if (!each.is_string()) return bad_body("shown must be the list that GET gave");
      request.shown->emplace_back(each.get_string());
    }
  }
  if (verb == "reject" && version != "*" && !Range::parse(version))
    return bad_body("'" + log::printable(version, 60) + "' is not a version range");
  return request;
}

AuditEntry Review::audit_of(const DecisionRequest& request, const PolicySnapshot& rules) const {
  AuditEntry audit;
  audit.at = deps_.clock.now();
  audit.kind = "decision";
  audit.actor = "admin:" + request.actor;
  audit.name = request.name;
  audit.version = request.version;
  audit.action = request.verb;
  audit.policy_hash = rules.policy->hash;
  boost::json::object detail{{"reason", request.reason}};
  if (request.expires) detail["expires"] = format_time(*request.expires);
  audit.detail = boost::json::serialize(detail);
  return audit;
}

// A decision is in force once this returns; the trail says what it changed.
Result<void> Review::put_in_force(const std::string& name) const {
  if (auto done = deps_.active_policy.reload_decisions(); !done) return done.error();
  const auto changed =
      record_changed_verdicts(deps_.store, deps_.active_policy, deps_.clock.now(), name);
  // The decision is in force whether the trail has room for what it changed or not.
  if (!changed) log::error("records", to_string(changed.error()));
  return {};
}

void Review::answer_askers(const DecisionRequest& request, const char* answer) const {
  RequestStore::Answer told;
  told.answer = answer;
  told.by = request.actor;
  told.reason = request.reason;
  told.at = deps_.clock.now();
  // The decision is in force whether those who wait hear of it or not.
  if (auto done = answer_requests(deps_.store, request.name, request.version, told); !done)
    log::error("requests", to_string(done.error()));
}

// The decisions about the package, and what the releases that they touch are now.
boost::json::object Review::standing(const DecisionRequest& request) const {
  const std::shared_ptr<const PolicySnapshot> rules = deps_.active_policy.rules();
  const std::vector<Decision> decisions = rules->of(request.name);
  boost::json::object out{
      {"name", request.name}, {"versions", request.version}, {"verb", request.verb}};
  boost::json::array list, releases;
  for (const Decision& decision : decisions) {
    if (!decision.reopened) list.push_back(decision_json(decision));
  }
  out["decisions"] = std::move(list);
  const auto range = Range::parse(request.version);
  if (const auto rows = deps_.store.releases_of(request.name)) {
    for (const ReleaseRow& row : *rows) {
      const bool touched =
          row.version == request.version || request.version == "*" ||
          (range && row.subject.semver && range->matches(*row.subject.semver, true));
      if (!touched) continue;
      const Verdict verdict =
          decide(*rules->policy, row.subject, findings_now(row, rules->feed.get()), decisions,
                 deps_.clock.now());
      releases.push_back(boost::json::object{{"version", row.version},
                                             {"verdict", to_string(verdict.action)},
                                             {"served", row.served}});
    }
  }
  out["releases"] = std::move(releases);
  return out;
}

Result<Response> Review::reject(const DecisionRequest& request) const {
  Decision decision;
  decision.kind = Decision::Kind::kReject;
  decision.name = request.name;
  decision.versions = request.version;
  decision.actor = request.actor;
  decision.reason = request.reason;
  decision.expires = request.expires;
  decision.at = deps_.clock.now();
  auto id = deps_.store.add_decision(decision, audit_of(request, *deps_.active_policy.rules()));
  if (!id) return id.error();
  if (auto done = put_in_force(request.name); !done) return done.error();
  answer_askers(request, "declined");
  return json_response(200, boost::json::serialize(standing(request)));
}

Result<Response> Review::reopen(const DecisionRequest& request) const {
  const std::shared_ptr<const PolicySnapshot> rules = deps_.active_policy.rules();
  bool found = false;
  for (const Decision& old : rules->of(request.name)) {
    if (old.versions != request.version || old.reopened) continue;
    auto done = deps_.store.reopen(old.id, audit_of(request, *rules));
    if (!done && done.error().code != Code::kNotFound) return done.error();
    found = true;
  }
  if (!found) {
    return error_response(404, "npm-gate: no decision about " + request.name + "@" +
                                   log::printable(request.version, 60) +
                                   " is in force; reopen takes the version or range as decided");
  }
  if (auto done = put_in_force(request.name); !done) return done.error();
  return json_response(200, boost::json::serialize(standing(request)));
}

Result<Response> Review::approve(const SnapshotPtr& snapshot,
                                 const DecisionRequest& request) const {
  const std::shared_ptr<const PolicySnapshot> rules = deps_.active_policy.rules();
  Judge judge = deps_.packages.judging.judge(snapshot, *rules);
  const Judged* judged = judge.of(request.version);
  if (judged == nullptr)
    return error_response(404, "npm-gate: " + why_absent(*snapshot, request.version));
  if (!judged->evidence) {
    return error_response(404, "npm-gate: " + request.name + "@" +
                                   log::printable(request.version, 60) +
                                   " was not inspected yet: nothing to approve");
  }
  const std::string& content = judged->subject.content_id;
  const std::vector<std::string> shown = shown_findings(judged->findings);
  if (request.content != content)
    return error_response(
        409, "npm-gate: the release is not the one that was shown: its content is now " + content);
  if (!request.shown && request.seen.empty())
    return error_response(
        400, "npm-gate: an approval covers what was shown: send `shown` or `seen` as GET gave it");
  if ((request.shown && *request.shown != shown) ||
      (!request.seen.empty() && request.seen != seen_digest(content, shown)))
    return error_response(
        409, "npm-gate: its findings are not those that were shown; look again before approving");
  if (judged->verdict.action == Action::kBlock)
    return error_response(409,
                          "npm-gate: a block cannot be approved, only waived in the policy file");
  Decision decision;
  decision.name = request.name;
  decision.versions = request.version;
  decision.content_id = content;
  decision.findings = shown;
  decision.actor = request.actor;
  decision.reason = request.reason;
  decision.expires = request.expires;
  decision.at = deps_.clock.now();
  AuditEntry audit = audit_of(request, *rules);
  audit.content_id = content;
  auto id = deps_.store.add_decision(decision, audit);
  if (!id) return id.error();
  if (auto done = put_in_force(request.name); !done) return done.error();
  answer_askers(request, "approved");
  return show(snapshot, request.version, "");
}

Result<Response> Review::show(const SnapshotPtr& snapshot, const std::string& version,
                              const std::string& query) const {
  const std::shared_ptr<const PolicySnapshot> rules = deps_.active_policy.rules();
  Judge judge = deps_.packages.judging.judge(snapshot, *rules);
  const Judged* judged = judge.of(version);
  if (judged == nullptr) return error_response(404, "npm-gate: " + why_absent(*snapshot, version));
  const Judged* before = judged->baseline.empty() ? nullptr : judge.of(judged->baseline);
  boost::json::object out = release_json(*judged);
  ReleaseReport::Told told;
  told.judged = judged;
  told.baseline = before != nullptr ? before->release : nullptr;
  told.now = judge.now();
  if (const auto seen = snapshot->observations.find(version); seen != snapshot->observations.end())
    told.outside = &seen->second;
  if (deps_.report.json) {
    for (auto& [key, value] : deps_.report.json(told)) out[key] = std::move(value);
  }
  const std::vector<std::string> shown = shown_findings(judged->findings);
  out["shown"] = boost::json::value_from(shown);
  out["seen"] = seen_digest(judged->subject.content_id, shown);
  out["explain"] = explain_text(judged->subject, judged->verdict, judged->findings, judge.now());
  if (judged->evidence) out["evidence"] = to_json(*judged->evidence);
  out["ways_out"] =
      boost::json::value_from(remedies(judged->subject, judged->verdict, judge.now()));
  out["dist_tags"] = tags_json(judge, version);
  boost::json::array decisions;
  for (const Decision& decision : rules->of(snapshot->name))
    decisions.push_back(decision_json(decision));
  out["decisions"] = std::move(decisions);
  auto waiting = waiting_for(deps_.store, snapshot->name, version, judge.now());
  if (!waiting) return waiting.error();
  out["waiting"] = std::move(*waiting);
  const std::string instead =
      judged->served() || !snapshot->packument ? "" : nearest_served(judge.listing({}), version);
  out["served_instead"] = instead.empty() ? boost::json::value() : boost::json::value(instead);
  auto asked = requests_for(deps_.store, snapshot->name, version);
  if (!asked) return asked.error();
  out["requests"] = std::move(*asked);
  const std::string page = query_value(query, "page");
  if (!page.empty() && deps_.report.text) out["page"] = deps_.report.text(told, page == "colour");
  return json_response(200, boost::json::serialize(out));
}

// The newest snapshot, with the release inspected if it can be: a reviewer does not wait for
// somebody else to ask for its tarball.
Task<Result<SnapshotPtr>> Review::snapshot_for(PackageName name, std::string version) {
  auto snapshot = co_await deps_.packages.packuments.get(name);
  if (!snapshot) co_return snapshot;
  const SnapshotPtr current = *snapshot;
  const UpstreamConfig* upstream = route(deps_.config, name);
  const PackumentVersion* found = current->packument ? current->packument->find(version) : nullptr;
  const bool inspects = upstream != nullptr && upstream->inspect && found != nullptr &&
                        found->servable && !current->pins.contains(version);
  if (!inspects) co_return current;
  // As judging sees it: evidence whose outside facts are still asked for does not count yet, and
  // inspect() joins the asking.
  std::function<Result<bool>()> look = [this, current, version]() -> Result<bool> {
    Judge judge = deps_.packages.judging.judge(current, *deps_.active_policy.rules());
    const Judged* judged = judge.of(version);
    return judged != nullptr && !judged->evidence;
  };
  auto lacks = co_await deps_.pool.offload(std::move(look));
  if (!lacks) co_return lacks.error();
  if (!*lacks) co_return current;
  auto inspected =
      co_await deps_.packages.releases.inspect(current, version, deps_.config.inspection_timeout);
  // What is known without the tarball is told if it is not available.
  if (inspected) co_return inspected;
  co_return current;
}

Task<Response> Review::diff(std::string name_text, std::string version) {
  const auto name = PackageName::parse(name_text);
  if (!name)
    co_return error_response(400,
                             "npm-gate: '" + printable(name_text, 80) + "' is not a package name");
  auto snapshot = co_await snapshot_for(*name, version);
  if (!snapshot) co_return response_for(snapshot.error());
  const SnapshotPtr current = *snapshot;
  auto look = [this, current, version]() -> Result<ReleaseDiffs::Wanted> {
    Judge judge = deps_.packages.judging.judge(current, *deps_.active_policy.rules());
    return diff_wanted(judge, current, version, deps_.report);
  };
  auto wanted = co_await deps_.pool.offload(std::move(look));
  if (!wanted) co_return response_for(wanted.error());
  auto view = co_await deps_.diffs.view(std::move(*wanted));
  if (!view) co_return response_for(view.error());
  co_return json_response(200, boost::json::serialize(*view));
}

Task<Response> Review::release(std::string name_text, std::string version, std::string verb,
                               std::string query, std::string body, std::string actor) {
  const auto name = PackageName::parse(name_text);
  if (!name)
    co_return error_response(
        400, "npm-gate: '" + log::printable(name_text, 80) + "' is not a package name");
  Result<DecisionRequest> request = DecisionRequest();
  if (!verb.empty()) request = read_wish(*name, version, verb, body, actor);
  if (!request) co_return error_response(400, request.error().context);
  SnapshotPtr current;
  if (verb.empty() || verb == "approve") {
    auto snapshot = co_await snapshot_for(*name, version);
    if (!snapshot) co_return response_for(snapshot.error());
    current = *snapshot;
  }
  auto work = [&]() -> Result<Response> {
    if (verb == "reject") return reject(*request);
    if (verb == "reopen") return reopen(*request);
    return verb == "approve" ? approve(current, *request) : show(current, version, query);
  };
  auto response = co_await deps_.pool.offload(std::move(work));
  if (!response) co_return response_for(response.error());
  co_return std::move(*response);
}

}  // namespace npmgate
