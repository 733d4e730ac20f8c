// The admin API's views across releases: search, one package's whole story, what each rule holds,
// and how the gate itself is doing.
#include <sys/statvfs.h>

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <map>
#include <sstream>

#include "base/json_members.h"
#include "base/text.h"
#include "proxy/admin/admin.h"
#include "proxy/admin/parameters.h"
#include "proxy/registry/release_requests.h"
#include "store/entry_json.h"

namespace npmgate {
namespace {

namespace json = boost::json;

constexpr std::size_t kFound = 50;  // of each kind that a search lists
constexpr std::size_t kMinQuery = 2, kMaxQuery = 200;
constexpr std::size_t kReleases = 200;  // of one package, newest first
constexpr std::size_t kWeeks = 4;       // that rules are looked back
constexpr int kVerdictsRead = 20'000;   // of the trail, the latest, for that
constexpr std::size_t kExamples = 10;   // releases that are named for each rule

// Releases that each rule began to hold, by week, this one first: what the trail says.
using HeldByWeek = std::map<std::string, std::array<std::size_t, kWeeks>, std::less<>>;
Result<HeldByWeek> held_by_week(AuditLog& trail, Time now) {
  constexpr auto kWeek = std::chrono::hours(24 * 7);
  AuditFilter filter;
  filter.kind = "verdict";
  filter.since = now - kWeek * kWeeks;
  filter.limit = kVerdictsRead;
  filter.latest = true;
  const auto entries = trail.audit_log(filter);
  if (!entries) return entries.error();
  HeldByWeek weeks;
  for (const AuditEntry& entry : *entries) {
    if (entry.action != "quarantine" && entry.action != "block") continue;
    boost::system::error_code ec;
    const json::value parsed = json::parse(entry.detail, ec);
    const std::string because = text_member(object_in(parsed), "because");
    const auto week = static_cast<std::size_t>((now - entry.at) / kWeek);
    if (week >= kWeeks) continue;
    std::istringstream rules(because);
    for (std::string rule; rules >> rule;) ++weeks[rule][week];
  }
  return weeks;
}

bool contains(const std::string& text, const std::string& part) {
  return lower_ascii(text).find(part) != std::string::npos;
}

json::object decided(const Decision& decision) {
  return {{"name", decision.name},
          {"versions", decision.versions},
          {"kind", decision.kind == Decision::Kind::kApprove ? "approve" : "reject"},
          {"actor", decision.actor},
          {"reason", decision.reason},
          {"time", format_time(decision.at)},
          {"reopened", decision.reopened},
          {"token", decision.token},
          {"project", decision.project}};
}

std::string provenance_of(const Release& release) {
  if (release.publisher && release.publisher->trusted_publisher)
    return "trusted publisher " + *release.publisher->trusted_publisher;
  return release.dist.attested() ? "attested" : "";
}

json::object of_version(Judge& judge, const PackumentVersion& listed) {
  const Judged* judged = judge.of(listed.version);
  json::object row{{"version", listed.version}, {"provenance", provenance_of(listed.release)}};
  row["published"] = listed.release.published ? json::value(format_time(*listed.release.published))
                                              : json::value();
  row["publisher"] =
      listed.release.publisher ? listed.release.publisher->person.name : std::string();
  row["deprecated"] = listed.release.manifest.deprecated.value_or("");
  row["verdict"] =
      std::string(to_string(judged != nullptr ? judged->verdict.action : Action::kBlock));
  row["inspected"] = judged != nullptr && judged->evidence != nullptr;
  row["baseline"] = judged != nullptr ? judged->baseline : std::string();
  json::array tags, findings;
  for (const auto& [tag, target] : judge.snapshot().packument->dist_tags()) {
    if (target == listed.version) tags.push_back(json::string(tag));
  }
  if (judged != nullptr) {
    for (const Finding& finding : judged->findings) findings.push_back(json::string(finding.id));
  }
  row["tags"] = std::move(tags);
  row["findings"] = std::move(findings);
  return row;
}

// The listed versions, the one published last first.
std::vector<const PackumentVersion*> newest_first(const Packument& packument) {
  std::vector<const PackumentVersion*> order;
  for (const PackumentVersion& version : packument.versions()) order.push_back(&version);
  std::reverse(order.begin(), order.end());
  std::stable_sort(
      order.begin(), order.end(), [](const PackumentVersion* a, const PackumentVersion* b) {
        return a->release.published.value_or(Time{}) > b->release.published.value_or(Time{});
      });
  return order;
}

}  // namespace

Result<Response> Admin::search(const AdminCall& call) {
  const std::string asked(trimmed(query_value(call.query, "q")));
  if (asked.size() < kMinQuery || asked.size() > kMaxQuery)
    return bad_request("q= has 2 to 200 characters");
  const std::string part = lower_ascii(asked);
  const std::shared_ptr<const PolicySnapshot> rules = deps_.active_policy.rules();
  const Time now = deps_.clock.now();
  json::array releases, decisions, downloads, requests;
  auto done = deps_.store.for_each_release([&](const ReleaseRow& row) {
    if (releases.size() == kFound || !contains(row.name + "@" + row.version, part)) return;
    const Verdict verdict = decide(*rules->policy, row.subject,
                                   findings_now(row, rules->feed.get()), rules->of(row.name), now);
    releases.push_back(json::object{{"name", row.name},
                                    {"version", row.version},
                                    {"verdict", to_string(verdict.action)},
                                    {"seen", format_time(row.seen)},
                                    {"served", row.served}});
  });
  if (!done) return done.error();
  for (auto each = rules->decisions.rbegin(); each != rules->decisions.rend(); ++each) {
    if (decisions.size() < kFound &&
        contains(each->name + "@" + each->versions + " " + each->actor + " " + each->reason, part))
      decisions.push_back(decided(*each));
  }
  LedgerFilter filter;
  filter.text = asked;
  auto entries = deps_.store.downloads(filter, static_cast<int>(kFound));
  if (!entries) return entries.error();
  for (const LedgerEntry& entry : *entries) downloads.push_back(entry_json(entry));
  RequestFilter wanted;
  wanted.limit = 1'000;
  auto asking = deps_.store.requests().requests(wanted);
  if (!asking) return asking.error();
  for (const ReleaseRequest& request : *asking) {
    if (requests.size() < kFound && contains(request.name + "@" + request.version, part))
      requests.push_back(to_json(request));
  }
  return json_response(200, json::serialize(json::object{{"q", asked},
                                                         {"releases", std::move(releases)},
                                                         {"decisions", std::move(decisions)},
                                                         {"downloads", std::move(downloads)},
                                                         {"requests", std::move(requests)}}));
}

Task<Response> Admin::package(AdminCall call) {
  const auto name = PackageName::parse(call.arguments["name"]);
  if (!name) co_return error_response(400, "npm-gate: not a package name");
  auto snapshot = co_await deps_.packages.packuments.get(*name);
  if (!snapshot) co_return response_for(snapshot.error());
  const SnapshotPtr current = *snapshot;
  auto work = [this, current]() -> Result<Response> {
    Judge judge = deps_.packages.judging.judge(current, *deps_.active_policy.rules());
    json::array releases, withdrawn, decisions, maintainers;
    const auto order = newest_first(*current->packument);
    for (const PackumentVersion* version : order) {
      if (releases.size() < kReleases) releases.push_back(of_version(judge, *version));
    }
    const StringMap served = judge.listing({}).dist_tags;
    json::object tags;
    for (const auto& [tag, target] : current->packument->dist_tags()) {
      const auto now = served.find(tag);
      tags[tag] =
          json::object{{"upstream", target}, {"served", now == served.end() ? "" : now->second}};
    }
    for (const auto& [version, seen] : current->record.versions) {
      if (!seen.withdrawn) continue;
      withdrawn.push_back(json::object{{"version", version},
                                       {"since", format_time(*seen.withdrawn)},
                                       {"first_seen", format_time(seen.first_seen)}});
    }
    for (const Decision& decision : deps_.active_policy.rules()->all_of(current->name))
      decisions.push_back(decided(decision));
    if (!order.empty() && order.front()->release.maintainers) {
      for (const Person& person : *order.front()->release.maintainers)
        maintainers.push_back(json::string(person.name));
    }
    const std::size_t versions = order.size();
    return json_response(200,
                         json::serialize(json::object{{"name", current->name},
                                                      {"upstream", current->upstream},
                                                      {"fetched", format_time(current->fetched)},
                                                      {"versions", versions},
                                                      {"maintainers", std::move(maintainers)},
                                                      {"dist_tags", std::move(tags)},
                                                      {"releases", std::move(releases)},
                                                      {"withdrawn", std::move(withdrawn)},
                                                      {"decisions", std::move(decisions)}}));
  };
  co_return co_await on_pool(std::move(work));
}

Result<Response> Admin::rules(const AdminCall&) {
  const std::shared_ptr<const PolicySnapshot> rules = deps_.active_policy.rules();
  const Time now = deps_.clock.now();
  struct Holding {
    std::size_t holds = 0, would = 0;
    json::array examples;
  };
  std::map<std::string, Holding, std::less<>> holding;
  auto weeks = held_by_week(deps_.store, now);
  if (!weeks) return weeks.error();
  auto done = deps_.store.for_each_release([&](const ReleaseRow& row) {
    const Verdict verdict = decide(*rules->policy, row.subject,
                                   findings_now(row, rules->feed.get()), rules->of(row.name), now);
    if (verdict.would < Action::kQuarantine) return;
    for (const Reason& reason : verdict.reasons) {
      if (reason.action < Action::kQuarantine) continue;
      Holding& held = holding[reason.rule];
      const bool holds = reason.waived_by.empty() && !verdict.served();
      ++(holds ? held.holds : held.would);
      if (holds && held.examples.size() < kExamples)
        held.examples.push_back(json::string(row.name + "@" + row.version));
    }
  });
  if (!done) return done.error();
  json::array rows;
  const auto add = [&](const std::string& id, std::string_view then, const std::string& at,
                       bool monitor) {
    Holding& held = holding[id];
    json::array by_week;
    const auto counted = weeks->find(id);
    for (std::size_t week = 0; week < kWeeks; ++week)
      by_week.emplace_back(counted == weeks->end() ? 0 : counted->second[week]);
    rows.push_back(json::object{{"id", id},
                                {"weeks", std::move(by_week)},
                                {"then", then},
                                {"at", at},
                                {"monitor", monitor},
                                {"holds", held.holds},
                                {"would", held.would},
                                {"examples", std::move(held.examples)}});
    holding.erase(id);
  };
  for (const Rule& rule : rules->policy->rules)
    add(rule.id, to_string(rule.then), rule.at.str(), rule.monitor);
  while (!holding.empty()) {  // the floor and decisions
    const std::string id = holding.begin()->first;
    add(id, "", "", false);
  }
  return json_response(200, json::serialize(json::object{{"hash", rules->policy->hash},
                                                         {"rules", std::move(rows)}}));
}

Result<Response> Admin::state(const AdminCall&) {
  const std::shared_ptr<const PolicySnapshot> rules = deps_.active_policy.rules();
  struct statvfs disk {};
  const bool known = ::statvfs(deps_.config.storage_path.c_str(), &disk) == 0;
  json::array upstreams, problems;
  for (const UpstreamConfig& upstream : deps_.config.upstreams)
    upstreams.push_back(json::object{{"name", upstream.name},
                                     {"url", upstream.url},
                                     {"inspect", upstream.inspect},
                                     {"writable", upstream.writable}});
  for (const Problem& problem : deps_.active_policy.problems())
    problems.push_back(json::string(problem.str()));
  RequestFilter open;
  open.open = true;
  open.limit = static_cast<int>(RequestStore::kMaxOpen);
  const auto requests = deps_.store.requests().requests(open);
  if (!requests) return requests.error();
  const FeedStatus feeds = deps_.feeds != nullptr ? deps_.feeds->status() : FeedStatus{};
  json::object out{{"version", NPM_GATE_VERSION},
                   {"time", format_time(deps_.clock.now())},
                   {"sandbox", deps_.inspector.sandbox()},
                   {"policy", rules->policy->hash},
                   {"monitor", rules->policy->monitor},
                   {"problems", std::move(problems)},
                   {"upstreams", std::move(upstreams)},
                   {"tarball_bytes", deps_.blobs.total_bytes()},
                   {"tarball_limit", deps_.config.max_tarballs},
                   {"jobs_waiting", deps_.pool.queued()},
                   {"requests_open", requests->size()},
                   {"watch", deps_.config.watch.enabled},
                   {"feed_records", feeds.counts.records},
                   {"feed_problem", feeds.problem}};
  json::array inspecting;
  const auto now = std::chrono::steady_clock::now();
  for (const RunningInspections::Running& one : deps_.packages.tarballs.running().now()) {
    const auto took = std::chrono::duration_cast<std::chrono::seconds>(now - one.since);
    inspecting.push_back(json::object{{"name", one.name},
                                      {"version", one.version},
                                      {"step", one.step},
                                      {"seconds", took.count()}});
  }
  out["inspecting"] = std::move(inspecting);
  out["feeds_loaded"] = feeds.loaded ? json::value(format_time(*feeds.loaded)) : json::value();
  out["disk_free"] = known ? json::value(static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize)
                           : json::value();
  return json_response(200, json::serialize(out));
}

}  // namespace npmgate
