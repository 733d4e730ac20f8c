// Releases that developers asked for: who waits, and the answers that are no approval.
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/json_members.h"
#include "base/number.h"
#include "judge/nearest_served.h"
#include "proxy/admin/admin.h"
#include "proxy/admin/parameters.h"
#include "proxy/admin/requests.h"
#include "proxy/registry/release_requests.h"

namespace npmgate {
namespace {

namespace json = boost::json;

constexpr int kMostOpen = 1'000;  // of one package, that a decision answers

AuditEntry audit_of(const ReleaseRequest& request, const RequestStore::Answer& answer,
                    const ForSome& some = {}) {
  AuditEntry audit;
  audit.at = answer.at;
  audit.kind = "request";
  audit.actor = "admin:" + answer.by;
  audit.name = request.name;
  audit.version = request.version;
  audit.action = answer.answer;
  audit.detail = json::serialize(json::object{{"request", request.id},
                                              {"reason", answer.reason},
                                              {"instead", answer.instead},
                                              {"askers", request.askers.size()},
                                              {"token", some.token},
                                              {"project", some.project}});
  return audit;
}

// The request with this id, whatever its state; null if there is none.
Result<std::optional<ReleaseRequest>> request_of(StateStore& store, std::int64_t id) {
  RequestFilter filter;
  filter.before = id + 1;
  filter.limit = 1;
  auto found = store.requests().requests(filter);
  if (!found) return found.error();
  if (found->empty() || found->front().id != id) return std::optional<ReleaseRequest>();
  return std::optional(std::move(found->front()));
}

}  // namespace

std::string ForSome::text() const {
  if (project.empty()) return token.empty() ? "" : "token " + token;
  return (token.empty() ? "" : "token " + token + " of ") + "project " + project;
}

Result<void> answer_requests(StateStore& store, const std::string& name,
                             const std::string& versions, const RequestStore::Answer& answer,
                             const ForSome& some) {
  RequestFilter filter;
  filter.name = name;
  filter.open = true;
  filter.limit = kMostOpen;
  auto open = store.requests().requests(filter);
  if (!open) return open.error();
  const auto range = Range::parse(versions);
  for (const ReleaseRequest& request : *open) {
    const auto version = Version::parse_loose(request.version);
    const bool touched = request.version == versions || versions == "*" ||
                         (range && version && range->matches(*version, true));
    if (!touched) continue;
    const AuditEntry audit = audit_of(request, answer, some);
    Result<void> done;
    if (some.is_for_all()) {
      done = store.requests().answer(request.id, answer, audit);
    } else if (auto some_done = store.requests().approve_for(request.id, some.token, some.project,
                                                             answer, audit);
               !some_done) {
      done = some_done.error();
    }
    if (!done && done.error().code != Code::kNotFound) return done;
  }
  return {};
}

Result<Response> Admin::list_requests(const AdminCall& call) {
  RequestFilter filter;
  filter.name = query_value(call.query, "package");
  filter.version = query_value(call.query, "version");
  const std::string state = query_value(call.query, "state");
  if (!state.empty() && state != "open" && state != "all")
    return bad_request("state= is open or all");
  filter.open = state != "all";
  const auto limit = page_limit(call.query);
  if (!limit) return limit.error();
  filter.limit = *limit + 1;
  if (const std::string cursor = query_value(call.query, "cursor"); !cursor.empty()) {
    const auto before = whole_number<std::int64_t>(cursor);
    if (!before) return bad_request("cursor= must be the `next` of the page before");
    filter.before = *before;
  }
  auto found = deps_.store.requests().requests(filter);
  if (!found) return found.error();
  const bool more = found->size() > static_cast<std::size_t>(*limit);
  if (more) found->pop_back();
  json::array rows;
  for (const ReleaseRequest& request : *found) rows.push_back(to_json(request));
  json::object out;
  out["requests"] = std::move(rows);
  out["next"] = more ? json::value(std::to_string(found->back().id)) : json::value();
  return json_response(200, json::serialize(out));
}

Result<Response> Admin::decline_with(const ReleaseRequest& request, const std::string& reason,
                                     const std::string& instead, const std::string& actor) {
  RequestStore::Answer answer;
  answer.answer = instead.empty() ? "declined" : "instead";
  answer.by = actor;
  answer.reason = reason;
  answer.instead = instead;
  answer.at = deps_.clock.now();
  auto done = deps_.store.requests().answer(request.id, answer, audit_of(request, answer));
  if (!done && done.error().code == Code::kNotFound)
    return error_response(
        409, "npm-gate: request " + std::to_string(request.id) + " was answered already");
  if (!done) return done.error();
  auto now = request_of(deps_.store, request.id);
  if (!now) return now.error();
  return json_response(200, json::serialize(to_json(**now)));
}

// {"reason", "instead"?}: `instead` is a version of the package that is served now, or "nearest".
Task<Response> Admin::decline(AdminCall call) {
  boost::system::error_code ec;
  const json::value parsed =
      json::parse(call.request->body.empty() ? "{}" : call.request->body, ec);
  const auto id = whole_number<std::int64_t>(call.arguments["id"]);
  const std::string reason = ec || !parsed.is_object()
                                 ? ""
                                 : std::string(trimmed(text_member(parsed.get_object(), "reason")));
  std::string instead = ec ? "" : text_member(object_in(parsed), "instead");
  if (reason.empty())
    co_return error_response(400, "npm-gate: a reason is needed: {\"reason\": \"why\"}");
  auto find = [this, &id] { return request_of(deps_.store, id.value_or(0)); };
  auto request = co_await deps_.pool.offload(std::move(find));
  if (!request) co_return response_for(request.error());
  if (!*request)
    co_return error_response(404, "npm-gate: there is no such request; GET /api/v1/requests");
  SnapshotPtr snapshot;
  const auto name = PackageName::parse((*request)->name);
  if (!instead.empty() && name) {
    auto got = co_await deps_.packages.packuments.get(*name);
    if (!got) co_return response_for(got.error());
    snapshot = *got;
  }
  auto work = [&]() -> Result<Response> {
    if (snapshot) {
      Judge judge = deps_.packages.judging.judge(snapshot, *deps_.active_policy.rules());
      if (instead == "nearest") instead = nearest_served(judge.listing({}), (*request)->version);
      const Judged* judged = judge.of(instead);
      if (judged == nullptr || !judged->served())
        return error_response(409, "npm-gate: " + snapshot->name + "@" +
                                       log::printable(instead, 60) +
                                       " is not served: it cannot be taken instead");
    }
    return decline_with(**request, reason, instead, call.actor.name);
  };
  co_return co_await on_pool(std::move(work));
}

}  // namespace npmgate
