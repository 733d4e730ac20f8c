// Decisions about releases as the admin API takes them: one, or many in one go.
#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <set>

#include "base/json_members.h"
#include "base/text.h"
#include "judge/verdict_log.h"
#include "proxy/admin/admin.h"
#include "proxy/admin/requests.h"
#include "proxy/admin/review.h"
#include "proxy/runtime/audit_writer.h"

namespace npmgate {
namespace {

namespace json = boost::json;

constexpr std::size_t kMostAtOnce = 100;
constexpr std::size_t kLongestProject = 200;

Error bad_body(std::string what) {
  return fail(Code::kMalformed, Origin::kClient, "npm-gate: " + std::move(what));
}

}  // namespace

// What one decision and many alike are sent with.
Result<Review::DecisionRequest> Review::read_common(const json::object& object,
                                                    const std::string& verb,
                                                    const std::string& actor) const {
  DecisionRequest request;
  request.verb = verb;
  request.actor = actor;
  request.reason = text_member(object, "reason");
  request.some.token = text_member(object, "token");
  request.some.project = trimmed(text_member(object, "project"));
  if (trimmed(request.reason).empty()) return bad_body("a reason is needed: {\"reason\": \"why\"}");
  if (const std::string expires = text_member(object, "expires"); !expires.empty()) {
    request.expires = parse_time(expires);
    if (!request.expires) return bad_body("expires must be a date or an RFC 3339 time");
    if (*request.expires <= deps_.clock.now())
      return bad_body("expires is over already: " + format_minute(*request.expires));
  }
  if (request.some.is_for_all()) return request;
  // A project is what a client says: whoever names another would not be refused.
  if (verb == "reject")
    return bad_body("a rejection is for everybody: token and project are for approvals");
  if (printable(request.some.project, kLongestProject) != request.some.project)
    return bad_body("project is one line of at most 200 bytes");
  if (verb != "approve" || request.some.token.empty()) return request;
  const auto tokens = deps_.store.tokens();
  if (!tokens) return tokens.error();
  const bool known = std::any_of(tokens->begin(), tokens->end(), [&](const TokenRecord& token) {
    return token.name == request.some.token && !token.revoked;
  });
  if (!known)
    return bad_body("there is no token '" + printable(request.some.token, 80) +
                    "' (npm-gate token list)");
  return request;
}

Result<Review::DecisionRequest> Review::read_wish(const PackageName& name,
                                                  const std::string& version,
                                                  const std::string& verb, const std::string& body,
                                                  const std::string& actor) const {
  boost::system::error_code ec;
  const json::value parsed = json::parse(body.empty() ? "{}" : body, ec);
  if (ec || !parsed.is_object()) return bad_body("the body must be a JSON object with a reason");
  const json::object& object = parsed.get_object();
  auto common = read_common(object, verb, actor);
  if (!common) return common.error();
  DecisionRequest request = std::move(*common);
  request.name = name.str();
  request.version = version;
  request.content = text_member(object, "content");
  request.seen = text_member(object, "seen");
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
  json::object detail{{"reason", request.reason}};
  if (request.expires) detail["expires"] = format_time(*request.expires);
  if (!request.some.token.empty()) detail["token"] = request.some.token;
  if (!request.some.project.empty()) detail["project"] = request.some.project;
  audit.detail = json::serialize(detail);
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
  if (auto done = answer_requests(deps_.store, request.name, request.version, told, request.some);
      !done)
    log::error("requests", to_string(done.error()));
}

// The decisions about the package, and what the releases that they touch are now.
json::object Review::standing(const DecisionRequest& request) const {
  const std::shared_ptr<const PolicySnapshot> rules = deps_.active_policy.rules();
  const std::vector<Decision> decisions = rules->of(request.name),
                              all = rules->all_of(request.name);
  json::object out{{"name", request.name}, {"versions", request.version}, {"verb", request.verb}};
  json::array list, releases;
  for (const Decision& decision : all) {
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
      releases.push_back(json::object{{"version", row.version},
                                      {"verdict", to_string(verdict.action)},
                                      {"served", row.served}});
    }
  }
  out["releases"] = std::move(releases);
  return out;
}

// What was judged a moment ago stands in the trail before the decision about it.
void Review::write_verdicts() const {
  deps_.audit_writer.flush();
}

Result<void> Review::add_rejection(const DecisionRequest& request,
                                   const PolicySnapshot& rules) const {
  Decision decision;
  decision.kind = Decision::Kind::kReject;
  decision.name = request.name;
  decision.versions = request.version;
  decision.actor = request.actor;
  decision.reason = request.reason;
  decision.expires = request.expires;
  decision.at = deps_.clock.now();
  auto id = deps_.store.add_decision(decision, audit_of(request, rules));
  if (!id) return id.error();
  return {};
}

Result<Response> Review::reject(const DecisionRequest& request) const {
  write_verdicts();
  if (auto done = add_rejection(request, *deps_.active_policy.rules()); !done) return done.error();
  if (auto done = put_in_force(request.name); !done) return done.error();
  answer_askers(request, "declined");
  return json_response(200, json::serialize(standing(request)));
}

// Those that a reopen ends: about exactly this version or range, and for these alone if it says so.
std::vector<Decision> Review::ended_by(const DecisionRequest& request,
                                       const PolicySnapshot& rules) const {
  std::vector<Decision> ended;
  for (Decision& old : rules.all_of(request.name)) {
    const bool meant = request.some.is_for_all() ||
                       (old.token == request.some.token && old.project == request.some.project);
    if (old.versions == request.version && !old.reopened && meant) ended.push_back(std::move(old));
  }
  return ended;
}

Result<void> Review::end_decisions(const DecisionRequest& request,
                                   const PolicySnapshot& rules) const {
  for (const Decision& old : ended_by(request, rules)) {
    auto done = deps_.store.reopen(old.id, audit_of(request, rules));
    if (!done && done.error().code != Code::kNotFound) return done.error();
  }
  return {};
}

Result<Response> Review::reopen(const DecisionRequest& request) const {
  const std::shared_ptr<const PolicySnapshot> rules = deps_.active_policy.rules();
  if (ended_by(request, *rules).empty()) {
    return error_response(404, "npm-gate: no decision about " + request.name + "@" +
                                   printable(request.version, 60) +
                                   " is in force; reopen takes the version or range as decided");
  }
  write_verdicts();
  if (auto done = end_decisions(request, *rules); !done) return done.error();
  if (auto done = put_in_force(request.name); !done) return done.error();
  return json_response(200, json::serialize(standing(request)));
}

// Why the release is not the one that was shown; "" if it is.
std::string Review::changed_since(const Judged& judged, const DecisionRequest& request) {
  const std::string& content = judged.subject.content_id;
  const std::vector<std::string> shown = shown_findings(judged.findings);
  if (request.content != content)
    return "the release is not the one that was shown: its content is now " + content;
  if ((request.shown && *request.shown != shown) ||
      (!request.seen.empty() && request.seen != seen_digest(content, shown)))
    return "its findings are not those that were shown; look again before approving";
  return "";
}

// What cannot be approved, as it would be answered; status 0 if it can.
std::pair<int, std::string> Review::cannot_approve(const Judged* judged,
                                                   const PackageSnapshot& snapshot,
                                                   const DecisionRequest& request) {
  if (judged == nullptr) return {404, why_absent(snapshot, request.version)};
  if (!judged->evidence) {
    return {404, request.name + "@" + printable(request.version, 60) +
                     " was not inspected yet: nothing to approve"};
  }
  if (request.content == judged->subject.content_id && !request.shown && request.seen.empty())
    return {400, "an approval covers what was shown: send `shown` or `seen` as GET gave it"};
  if (std::string why = changed_since(*judged, request); !why.empty()) return {409, std::move(why)};
  if (judged->verdict.action == Action::kBlock)
    return {409, "a block cannot be approved, only waived in the policy file"};
  return {0, ""};
}

Result<void> Review::add_approval(const Judged& judged, const DecisionRequest& request,
                                  const PolicySnapshot& rules) const {
  Decision decision;
  decision.name = request.name;
  decision.versions = request.version;
  decision.content_id = judged.subject.content_id;
  decision.findings = shown_findings(judged.findings);
  decision.actor = request.actor;
  decision.reason = request.reason;
  decision.expires = request.expires;
  decision.token = request.some.token;
  decision.project = request.some.project;
  decision.at = deps_.clock.now();
  AuditEntry audit = audit_of(request, rules);
  audit.content_id = decision.content_id;
  auto id = deps_.store.add_decision(decision, audit);
  if (!id) return id.error();
  return {};
}

Result<Response> Review::approve(const SnapshotPtr& snapshot,
                                 const DecisionRequest& request) const {
  const std::shared_ptr<const PolicySnapshot> rules = deps_.active_policy.rules();
  Judge judge = deps_.packages.judging.judge(snapshot, *rules);
  const Judged* judged = judge.of(request.version);
  const auto [status, why] = cannot_approve(judged, *snapshot, request);
  if (status != 0) return error_response(status, "npm-gate: " + why);
  deps_.audit_writer.judged(*judged, rules->policy->hash, rules->revision);
  write_verdicts();
  if (auto done = add_approval(*judged, request, *rules); !done) return done.error();
  if (auto done = put_in_force(request.name); !done) return done.error();
  answer_askers(request, "approved");
  return show(snapshot, request.version, "");
}

// ---- many in one go

Result<std::vector<Review::DecisionRequest>> Review::read_all(const std::string& body,
                                                              const std::string& actor) const {
  boost::system::error_code ec;
  const json::value parsed = json::parse(body.empty() ? "{}" : body, ec);
  if (ec || !parsed.is_object()) return bad_body("the body must be a JSON object");
  const json::object& object = parsed.get_object();
  const std::string verb = text_member(object, "verb");
  if (verb != "approve" && verb != "reject" && verb != "reopen")
    return bad_body("verb is one of approve, reject, reopen");
  auto common = read_common(object, verb, actor);
  if (!common) return common.error();
  const json::array& releases = list_member(object, "releases");
  if (releases.empty() || releases.size() > kMostAtOnce)
    return bad_body("releases has 1 to " + std::to_string(kMostAtOnce) + " entries");
  std::vector<DecisionRequest> all;
  for (const json::value& each : releases) {
    const json::object& release = object_in(each);
    DecisionRequest one = *common;
    const auto name = PackageName::parse(text_member(release, "name"));
    one.version = text_member(release, "version");
    one.content = text_member(release, "content");
    one.seen = text_member(release, "seen");
    if (!name || !Version::parse_loose(one.version))
      return bad_body("releases: each has a name and one version");
    if (verb == "approve" && (one.content.empty() || one.seen.empty()))
      return bad_body("releases: an approval covers what was shown: send content and seen");
    one.name = name->str();
    all.push_back(std::move(one));
  }
  return all;
}

// "" if the decision is about what is there.
std::string Review::why_not(const DecisionRequest& request, const SnapshotPtr& snapshot,
                            const PolicySnapshot& rules) const {
  if (request.verb == "reopen" && ended_by(request, rules).empty())
    return "no decision about it is in force";
  if (request.content.empty() || !snapshot) return "";
  Judge judge = deps_.packages.judging.judge(snapshot, rules);
  const Judged* const judged = judge.of(request.version);
  if (request.verb == "approve") {
    std::string why = cannot_approve(judged, *snapshot, request).second;
    if (why.empty()) deps_.audit_writer.judged(*judged, rules.policy->hash, rules.revision);
    return why;
  }
  return judged == nullptr ? why_absent(*snapshot, request.version)
                           : changed_since(*judged, request);
}

// Approvals name content and findings: what changes between the look and the write is not covered.
Result<void> Review::write_decision(const DecisionRequest& request, const SnapshotPtr& snapshot,
                                    const PolicySnapshot& rules) const {
  if (request.verb == "reject") return add_rejection(request, rules);
  if (request.verb == "reopen") return end_decisions(request, rules);
  Judge judge = deps_.packages.judging.judge(snapshot, rules);
  return add_approval(*judge.of(request.version), request, rules);
}

Result<Response> Review::decide_these(const std::vector<DecisionRequest>& all,
                                      const std::vector<SnapshotPtr>& snapshots) const {
  const std::shared_ptr<const PolicySnapshot> rules = deps_.active_policy.rules();
  json::array changed, decided;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::string why = why_not(all[i], snapshots[i], *rules);
    if (!why.empty())
      changed.push_back(
          json::object{{"name", all[i].name}, {"version", all[i].version}, {"why", why}});
  }
  if (!changed.empty()) {
    Response refused = json_response(
        409, json::serialize(json::object{
                 {"error", "npm-gate: nothing was decided: " + std::to_string(changed.size()) +
                               " of the releases are not as they were shown"},
                 {"changed", std::move(changed)}}));
    return refused;
  }
  write_verdicts();
  std::set<std::string> names;
  Result<void> done;
  std::size_t written = 0;
  for (; written < all.size() && done; ++written) {
    done = write_decision(all[written], snapshots[written], *rules);
    if (done) names.insert(all[written].name);
  }
  for (const std::string& name : names) {
    if (auto forced = put_in_force(name); !forced) return forced.error();
  }
  for (std::size_t i = 0; i < all.size() && (done || i + 1 < written); ++i) {
    if (all[i].verb != "reopen")
      answer_askers(all[i], all[i].verb == "approve" ? "approved" : "declined");
    decided.push_back(json::object{{"name", all[i].name}, {"version", all[i].version}});
  }
  if (!done) return done.error();
  return json_response(200, json::serialize(json::object{{"verb", all.front().verb},
                                                         {"decided", std::move(decided)}}));
}

Task<Response> Review::decide_all(std::string body, std::string actor) {
  auto read = [this, &body, &actor] { return read_all(body, actor); };
  auto all = co_await deps_.pool.offload(std::move(read));
  if (!all)
    co_return error_response(all.error().code == Code::kMalformed ? 400 : 503, all.error().context);
  std::vector<SnapshotPtr> snapshots(all->size());
  for (std::size_t i = 0; i < all->size(); ++i) {
    if ((*all)[i].content.empty()) continue;  // about whatever it is
    const auto name = PackageName::parse((*all)[i].name);
    auto snapshot = co_await deps_.packages.packuments.get(*name);
    if (!snapshot) co_return response_for(snapshot.error());
    snapshots[i] = *snapshot;
  }
  auto work = [this, &all, &snapshots] { return decide_these(*all, snapshots); };
  auto response = co_await deps_.pool.offload(std::move(work));
  if (!response) co_return response_for(response.error());
  co_return std::move(*response);
}

}  // namespace npmgate
