// Lists of the review queue: what is held, what is urgent, who waits.
#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <map>
#include <set>

#include "proxy/admin/admin.h"
#include "proxy/admin/review.h"

namespace npmgate {
namespace {

// Refusals older than this make nobody wait any more.
constexpr auto kWaitingSince = std::chrono::hours(24 * 30);
constexpr int kMaxRefusals = 2000;

// What the fix question asks of each release of a package.
struct Listed {
  Version semver;
  std::string version;
  bool bad = false, served = false;
};
using ListedByName = std::map<std::string, std::vector<Listed>>;

struct Held {
  ReleaseRow row;
  Verdict verdict;
  std::set<std::string> replaces;
};

// Lower releases that are blocked or were withdrawn and have no served release between themselves
// and this one: whoever needs off them needs this one.
std::set<std::string> replaced_by(const ReleaseRow& row, const std::vector<Listed>& all) {
  std::set<std::string> bad;
  if (!row.subject.semver) return bad;
  std::optional<Version> highest_good;
  for (const Listed& other : all) {
    if (other.served && other.semver < *row.subject.semver &&
        (!highest_good || *highest_good < other.semver))
      highest_good = other.semver;
  }
  for (const Listed& other : all) {
    if (other.bad && other.semver < *row.subject.semver &&
        (!highest_good || *highest_good < other.semver))
      bad.insert(other.version);
  }
  return bad;
}

bool is_withdrawn(const ReleaseRow& row) {
  return std::any_of(row.findings.begin(), row.findings.end(),
                     [](const Finding& finding) { return finding.id == "release-withdrawn"; });
}

// Open requests: how many ask for each release.
Result<std::map<std::string, std::size_t>> asked_for(StateStore& store) {
  RequestFilter filter;
  filter.open = true;
  filter.limit = static_cast<int>(RequestStore::kMaxOpen);
  auto open = store.requests().requests(filter);
  if (!open) return open.error();
  std::map<std::string, std::size_t> asked;
  for (const ReleaseRequest& request : *open)
    asked[request.name + "@" + request.version] = request.askers.size();
  return asked;
}

// The more ask for it the smaller.
std::string rank_of(std::size_t askers) {
  const std::string digits = std::to_string(9'999 - std::min<std::size_t>(askers, 9'999));
  return std::string(4 - digits.size(), '0') + digits;
}

boost::json::object row_json(const Held& held, std::size_t waiting, std::size_t asked) {
  const ReleaseRow& row = held.row;
  boost::json::array findings, rules, replaces;
  for (const Finding& finding : row.findings) {
    findings.push_back(boost::json::object{{"id", finding.id},
                                           {"severity", to_string(finding.severity)},
                                           {"message", finding.message}});
  }
  // In monitor mode nothing counts but what would.
  const bool would = held.verdict.would > held.verdict.action;
  for (const Reason& reason : held.verdict.reasons) {
    if (reason.waived_by.empty() || (would && reason.action == held.verdict.would))
      rules.push_back(boost::json::string(reason.rule));
  }
  for (const std::string& version : held.replaces) replaces.push_back(boost::json::string(version));
  boost::json::object out{{"name", row.name},
                          {"version", row.version},
                          {"content", row.content_id},
                          {"verdict", to_string(held.verdict.action)},
                          {"would", to_string(held.verdict.would)},
                          {"inspected", row.subject.inspected},
                          {"lowest_risk", row.subject.lowest_risk},
                          {"seen", format_time(row.seen)},
                          {"served", row.served},
                          {"asked", asked},
                          {"waiting", waiting}};
  out["ends"] = held.verdict.ends ? boost::json::value(format_time(*held.verdict.ends))
                                  : boost::json::value();
  out["rules"] = std::move(rules);
  out["findings"] = std::move(findings);
  out["replaces"] = std::move(replaces);
  return out;
}

// Versions of a package that its upstream took back.
std::vector<Listed> withdrawn_of(SightingStore& store, const std::string& name) {
  std::vector<Listed> all;
  const auto record = store.package(name);
  if (!record) return all;
  for (const auto& [version, seen] : record->versions) {
    const auto semver = Version::parse_loose(version);
    if (seen.withdrawn && semver) all.push_back({*semver, version, true, false});
  }
  return all;
}

}  // namespace

Result<boost::json::array> waiting_for(AuditLog& store, const std::string& name,
                                       const std::string& version, Time now) {
  AuditFilter filter;
  filter.kind = "refused";
  filter.name = name;
  filter.version = version;
  filter.since = now - kWaitingSince;
  filter.limit = kMaxRefusals;
  auto entries = store.audit_log(filter);
  if (!entries) return entries.error();
  struct Waiter {
    std::string client, project, user_agent, command;
    std::int64_t times = 0;
    Time last{};
  };
  std::map<std::string, Waiter> waiters;
  for (const AuditEntry& entry : *entries) {
    boost::system::error_code ec;
    const boost::json::value detail = boost::json::parse(entry.detail, ec);
    const auto* object = ec ? nullptr : detail.if_object();
    const auto field = [&](std::string_view key) {
      const auto* value = object != nullptr ? object->if_contains(key) : nullptr;
      return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
    };
    // Refusals alike within an hour are one entry, which says how many.
    const auto* many = object != nullptr ? object->if_contains("times") : nullptr;
    Waiter waiter{entry.client, field("project"), field("user_agent"), field("command")};
    Waiter& known = waiters
                        .try_emplace(waiter.client + "\n" + waiter.project + "\n" +
                                         waiter.user_agent + "\n" + waiter.command,
                                     waiter)
                        .first->second;
    known.times += many != nullptr && many->is_int64() ? many->get_int64() : 1;
    known.last = std::max(known.last, entry.at);
  }
  std::vector<const Waiter*> order;
  for (const auto& [key, waiter] : waiters) order.push_back(&waiter);
  std::stable_sort(order.begin(), order.end(),
                   [](const Waiter* a, const Waiter* b) { return a->last > b->last; });
  boost::json::array out;
  for (const Waiter* waiter : order) {
    out.push_back(boost::json::object{{"client", waiter->client},
                                      {"project", waiter->project},
                                      {"user_agent", waiter->user_agent},
                                      {"command", waiter->command},
                                      {"times", waiter->times},
                                      {"last", format_time(waiter->last)}});
  }
  return out;
}

Result<Response> Review::list(const std::string& query) const {
  const std::string wanted = query_value(query, "verdict"), package = query_value(query, "package"),
                    cursor = query_value(query, "cursor");
  const auto limit_given = page_limit(query);
  if (!limit_given) return limit_given.error();
  const auto limit = static_cast<std::size_t>(*limit_given);
  if (!wanted.empty() && wanted != "allow" && wanted != "warn" && wanted != "quarantine" &&
      wanted != "block") {
    return fail(Code::kMalformed, Origin::kClient,
                "verdict= is one of allow, warn, quarantine, block");
  }
  const std::shared_ptr<const PolicySnapshot> rules = deps_.active_policy.rules();
  const Time now = deps_.clock.now();
  const auto asked = asked_for(deps_.store);
  if (!asked) return asked.error();
  ListedByName standings;
  std::vector<Held> held;            // whose rank the whole package decides
  std::map<std::string, Held> page;  // by rank, name and version: also what a cursor is
  const auto place = [&](Held one) {
    const std::string release = one.row.name + "@" + one.row.version;
    const auto askers = asked->find(release);
    std::string key =
        std::string(one.replaces.empty() ? "1" : "0") + (one.row.subject.lowest_risk ? "0" : "1") +
        rank_of(askers == asked->end() ? 0 : askers->second) + release + "#" + one.row.content_id;
    if (!cursor.empty() && key <= cursor) return;
    page.emplace(std::move(key), std::move(one));
    if (page.size() > limit + 1) page.erase(std::prev(page.end()));
  };
  auto done = deps_.store.for_each_release([&](const ReleaseRow& stored) {
    if (!package.empty() && !glob_match(package, stored.name)) return;
    ReleaseRow row = stored;
    row.findings = findings_now(stored, rules->feed.get());
    Verdict verdict = decide(*rules->policy, row.subject, row.findings, rules->of(row.name), now);
    if (row.subject.semver) {
      const bool bad = verdict.action == Action::kBlock || is_withdrawn(row);
      standings[row.name].push_back(
          {*row.subject.semver, row.version, bad, !bad && verdict.served()});
    }
    const bool would = to_string(verdict.would) == wanted && verdict.would > verdict.action;
    if (!wanted.empty() && to_string(verdict.action) != wanted && !would) return;
    if (verdict.action == Action::kQuarantine) {
      held.push_back({row, std::move(verdict), {}});
    } else {
      place({row, std::move(verdict), {}});
    }
  });
  if (!done) return done.error();
  std::set<std::string> looked_at;
  for (Held& one : held) {
    std::vector<Listed>& all = standings[one.row.name];
    if (looked_at.insert(one.row.name).second) {
      for (Listed& withdrawn : withdrawn_of(deps_.store, one.row.name)) {
        std::erase_if(all, [&](const Listed& s) { return s.version == withdrawn.version; });
        all.push_back(std::move(withdrawn));
      }
    }
    one.replaces = replaced_by(one.row, all);
    place(std::move(one));
  }
  boost::json::array rows;
  std::string last;
  for (const auto& [key, one] : page) {
    if (rows.size() == limit) break;
    std::size_t waiting = 0;
    if (!one.verdict.served()) {
      auto who = waiting_for(deps_.store, one.row.name, one.row.version, now);
      if (!who) return who.error();
      waiting = who->size();
    }
    const auto askers = asked->find(one.row.name + "@" + one.row.version);
    rows.push_back(row_json(one, waiting, askers == asked->end() ? 0 : askers->second));
    last = key;
  }
  boost::json::object out;
  out["next"] = page.size() > rows.size() ? boost::json::value(last) : boost::json::value();
  out["releases"] = std::move(rows);
  return json_response(200, boost::json::serialize(out));
}

}  // namespace npmgate
