#include "proxy/registry/release_requests.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "alert/route.h"
#include "base/json_members.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/url.h"
#include "judge/active_policy.h"
#include "judge/judge.h"
#include "proxy/net/query.h"
#include "proxy/registry/page_template.h"
#include "proxy/registry/pages.h"
#include "proxy/runtime/request_record.h"

namespace npmgate {
namespace {

namespace json = boost::json;

constexpr auto kHour = std::chrono::hours(1);
constexpr std::size_t kMaxTracked = 10'000;  // askers whose rate is remembered
constexpr int kShown = 5;                    // requests about one release

Error bad(std::string what) {
  return fail(Code::kMalformed, Origin::kClient, std::move(what));
}

// Browsers state where a form stands (Fetch standard); what states nothing is no browser.
bool is_foreign(const Request& request) {
  const std::string_view origin = request.headers.get("origin");
  if (origin.empty()) return false;
  const auto own = parse_url(request.base_url), from = parse_url(std::string(origin) + "/");
  return !own || !from || own->origin() != from->origin();
}

bool same_asker(const Asker& asker, const Request& request) {
  return request.client.empty() ? asker.token.empty() && asker.address == request.peer
                                : asker.token == request.client;
}

json::value time_or_null(const std::optional<Time>& time) {
  return time ? json::value(format_time(*time)) : json::value();
}

std::string state_of(const ReleaseRequest& request) {
  return request.answer.empty() ? "open" : request.answer;
}

// A date means the whole day.
Result<std::optional<Time>> read_until(const std::string& text, Time now) {
  if (text.empty()) return std::optional<Time>();
  auto time = parse_time(text);
  if (!time) return bad("needed_until is a date or an RFC 3339 time");
  if (text.size() == 10) *time += std::chrono::hours(24) - std::chrono::seconds(1);
  if (*time <= now) return bad("needed_until is over already: " + format_minute(*time));
  return time;
}

}  // namespace

std::string asker_text(const Asker& asker) {
  if (asker.token.empty()) return asker.address;
  // Whom a provider signed in has a name, and no token.
  return asker.token.starts_with("sso:") ? asker.token.substr(4) + " (signed in)"
                                         : "token " + asker.token;
}

json::object to_json(const ReleaseRequest& request) {
  json::array askers;
  for (const Asker& asker : request.askers) {
    askers.push_back(json::object{{"who", asker_text(asker)},
                                  {"token", asker.token},
                                  {"address", asker.address},
                                  {"project", asker.project},
                                  {"reason", asker.reason},
                                  {"needed_until", time_or_null(asker.needed_until)},
                                  {"asked", format_time(asker.asked)},
                                  {"approved", time_or_null(asker.approved)},
                                  {"approved_by", asker.approved_by},
                                  {"approved_reason", asker.approved_reason}});
  }
  return {{"id", request.id},           {"name", request.name},
          {"version", request.version}, {"opened", format_time(request.opened)},
          {"state", state_of(request)}, {"answered", time_or_null(request.answered)},
          {"by", request.answered_by},  {"reason", request.reason},
          {"instead", request.instead}, {"askers", std::move(askers)}};
}

bool ReleaseRequests::may_ask(const Request& request) const {
  using Who = Config::Requests;
  if (deps_.config.requests == Who::kOff) return false;
  return deps_.config.requests == Who::kAnybody || !request.client.empty();
}

Result<ReleaseRequests::Question> ReleaseRequests::read(const Request& request) const {
  Question question;
  const std::string_view type = request.headers.get("content-type");
  std::string reason, until, project;
  if (type.starts_with("application/x-www-form-urlencoded")) {
    question.form = true;
    reason = query_value(request.body, "reason");
    until = query_value(request.body, "needed_until");
    project = query_value(request.body, "project");
  } else if (type.starts_with("application/json")) {
    boost::system::error_code ec;
    const json::value parsed = json::parse(request.body, ec);
    if (ec || !parsed.is_object()) return bad("the body must be a JSON object with a reason");
    reason = text_member(parsed.get_object(), "reason");
    until = text_member(parsed.get_object(), "needed_until");
    project = text_member(parsed.get_object(), "project");
  } else {
    return bad("send application/json: {\"reason\": \"why it is needed\"}");
  }
  reason = trimmed(reason);
  project = trimmed(project);
  if (reason.empty()) return bad("a reason is needed: reviewers read it");
  if (reason.size() > kMaxReason || project.size() > kMaxProject)
    return bad("the reason has at most 1000 bytes, the project 200");
  if (!is_utf8(reason) || !is_utf8(project)) return bad("reason and project are UTF-8 text");
  const LedgerEntry who = ledger_entry(request, deps_.clock.now());
  question.asker.token = who.token;
  // People move; their token stays.
  question.asker.address = who.token.empty() ? who.address : "";
  question.asker.project = project.empty() ? who.project : project;
  question.asker.reason = std::move(reason);
  question.asker.asked = who.at;
  auto needed = read_until(until, who.at);
  if (!needed) return needed.error();
  question.asker.needed_until = *needed;
  return question;
}

bool ReleaseRequests::too_many(const Request& request) {
  const Time now = deps_.clock.now();
  const std::string who = request.client.empty() ? request.peer : "token " + request.client;
  const std::lock_guard lock(mutex_);
  if (asking_.size() >= kMaxTracked) asking_.clear();
  Asking& asking = asking_[who];
  if (now - asking.since >= kHour) asking = {now, 0};
  return ++asking.count > kPerHour;
}

Result<void> ReleaseRequests::tell_reviewers(const Judged& judged, const RequestStore::Asked& asked,
                                             const Asker& asker) {
  AlertEvent event;
  event.kind = EventKind::kRequested;
  event.at = asker.asked;
  event.name = judged.subject.name;
  event.version = judged.version;
  // What makes it another request than the last one about this release.
  event.content_id = "request-" + std::to_string(asked.id);
  event.action = to_string(judged.verdict.action);
  event.baseline = judged.baseline;
  event.publisher = judged.subject.publisher;
  event.sentence = asker_text(asker) + " asks for " + event.release();
  if (!asker.project.empty()) event.sentence += ", project " + asker.project;
  if (asker.needed_until) event.sentence += ", needed until " + format_minute(*asker.needed_until);
  event.sentence += ": " + asker.reason;
  const AlertStore::News news = news_of(deps_.config.alerts, event);
  if (auto done = deps_.store.alerts().record(news); !done) return done.error();
  deps_.metrics.add("npm_gate_alert_events_total", "kind=\"requested\"");
  return {};
}

Result<Response> ReleaseRequests::record(const SnapshotPtr& snapshot, const std::string& version,
                                         const Question& question, const Request& request) {
  const std::shared_ptr<const PolicySnapshot> rules = deps_.active_policy.rules();
  // Of the project that the asker names, whether its client states it or not.
  const Audience audience{question.asker.token, question.asker.project};
  Judge judge = packages_.judging.judge_for(snapshot, *rules, audience);
  const Judged* judged = judge.for_asker(version);
  if (judged == nullptr) return error_response(404, "npm-gate: " + why_absent(*snapshot, version));
  const std::string release = snapshot->name + "@" + version;
  if (judged->served())
    return error_response(409, "npm-gate: " + release + " is served: nothing to ask for");
  AuditEntry audit = audit_entry("request", snapshot->name, version, request, deps_.clock.now());
  audit.content_id = judged->subject.content_id;
  audit.action = "ask";
  audit.policy_hash = rules->policy->hash;
  json::object detail{{"reason", question.asker.reason}, {"project", question.asker.project}};
  detail["needed_until"] = time_or_null(question.asker.needed_until);
  audit.detail = json::serialize(detail);
  auto asked = deps_.store.requests().ask(snapshot->name, version, question.asker, audit);
  if (!asked) return asked.error();
  if (asked->opened) {
    // The request stands whether the outbox has room or not.
    if (auto told = tell_reviewers(*judged, *asked, question.asker); !told)
      log::error("alerts", to_string(told.error()));
  }
  const std::string page = release_link(request.base_url, snapshot->name, version);
  if (question.form) {
    Response seen = text_response(303, "");
    seen.set("location", page);
    seen.set("cache-control", "no-store");
    return seen;
  }
  return json_response(asked->opened ? 201 : 200,
                       json::serialize(json::object{{"id", asked->id},
                                                    {"name", snapshot->name},
                                                    {"version", version},
                                                    {"state", "open"},
                                                    {"joined", !asked->opened},
                                                    {"page", page}}));
}

Task<Response> ReleaseRequests::ask(PackageName name, std::string version, const Request& request) {
  if (!may_ask(request)) {
    co_return error_response(403, deps_.config.requests == Config::Requests::kOff
                                      ? "npm-gate: this gate takes no requests; ask its admins"
                                      : "npm-gate: a token is needed to ask for a release");
  }
  if (is_foreign(request))
    co_return error_response(403, "npm-gate: this did not come from a page of this gate");
  auto question = read(request);
  if (!question) co_return error_response(400, "npm-gate: " + question.error().context);
  if (too_many(request)) {
    Response later = error_response(429, "npm-gate: you asked often; try again in an hour");
    later.set("retry-after", "3600");
    co_return later;
  }
  auto snapshot = co_await packages_.packuments.get(name);
  if (!snapshot) co_return response_for(snapshot.error());
  const SnapshotPtr current = *snapshot;
  auto work = [this, current, &version, &question, &request] {
    return record(current, version, *question, request);
  };
  auto response = co_await deps_.pool.offload(std::move(work));
  if (!response) co_return response_for(response.error());
  co_return std::move(*response);
}

Result<json::array> ReleaseRequests::about(const std::string& name, const std::string& version,
                                           const Request& request) const {
  RequestFilter filter;
  filter.name = name;
  filter.version = version;
  filter.limit = kShown;
  auto found = deps_.store.requests().requests(filter);
  if (!found) return found.error();
  json::array out;
  for (const ReleaseRequest& each : *found) {
    const Asker* yours = nullptr;
    const Asker* approved = nullptr;
    for (const Asker& asker : each.askers) {
      if (!same_asker(asker, request)) continue;
      (asker.approved ? approved : yours) = &asker;
    }
    // Of several projects of one asker, the one that waits decides.
    const bool covered = each.answer.empty() && yours == nullptr && approved != nullptr;
    out.push_back(
        json::object{{"id", each.id},
                     {"state", covered ? std::string("approved") : state_of(each)},
                     {"opened", format_time(each.opened)},
                     {"askers", each.askers.size()},
                     {"yours", yours != nullptr || approved != nullptr},
                     {"only", approved == nullptr ? std::string() : approved->project},
                     {"answered", time_or_null(covered ? approved->approved : each.answered)},
                     {"by", covered ? approved->approved_by : each.answered_by},
                     {"reason", covered ? approved->approved_reason : each.reason},
                     {"instead", each.instead}});
  }
  return out;
}

}  // namespace npmgate
