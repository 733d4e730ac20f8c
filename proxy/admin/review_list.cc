// Lists of the review queue: what is held, what is urgent, who waits.
#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <map>
#include <set>

#include "base/json_members.h"
#include "proxy/admin/admin.h"
#include "proxy/admin/parameters.h"
#include "proxy/admin/queue_order.h"
#include "proxy/admin/review.h"

namespace npmgate {
namespace {

// Refusals older than this make nobody wait any more.
constexpr auto kWaitingSince = std::chrono::hours(24 * 30);
constexpr int kMaxRefusals = 2000;
constexpr int kMaxRefusalsOfAll = 10'000;  // the latest, that a queue counts

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

// Who needs a release: people who asked, clients that were refused, projects of both and those that
// lock it.
struct Needed {
  std::size_t asked = 0;
  std::set<std::string> clients, projects;
};
using NeededByRelease = std::map<std::string, Needed>;

Result<NeededByRelease> asked_for(StateStore& store) {
  RequestFilter filter;
  filter.open = true;
  filter.limit = static_cast<int>(RequestStore::kMaxOpen);
  auto open = store.requests().requests(filter);
  if (!open) return open.error();
  NeededByRelease needed;
  for (const ReleaseRequest& request : *open) {
    Needed& one = needed[request.name + "@" + request.version];
    for (const Asker& asker : request.askers) {
      if (asker.approved) continue;
      ++one.asked;
      if (!asker.project.empty()) one.projects.insert(asker.project);
    }
  }
  return needed;
}

// One refusal of the audit trail: who it was refused to.
struct Waiter {
  std::string client, project, user_agent, command;
  std::int64_t times = 0;
  Time last{};
  std::string key() const { return client + "\n" + project + "\n" + user_agent + "\n" + command; }
};

Waiter waiter_of(const AuditEntry& entry) {
  boost::system::error_code ec;
  const boost::json::value parsed = boost::json::parse(entry.detail, ec);
  const boost::json::object& detail = object_in(parsed);
  Waiter waiter{entry.client,
                text_member(detail, "project"),
                text_member(detail, "user_agent"),
                text_member(detail, "command"),
                1,
                entry.at};
  // Refusals alike within an hour are one entry, which says how many.
  const boost::json::value& times = member_of(detail, "times");
  if (times.is_int64()) waiter.times = times.get_int64();
  return waiter;
}

Result<void> add_refused(AuditLog& store, Time now, NeededByRelease& needed) {
  AuditFilter filter;
  filter.kind = "refused";
  filter.since = now - kWaitingSince;
  filter.limit = kMaxRefusalsOfAll;
  filter.latest = true;
  auto entries = store.audit_log(filter);
  if (!entries) return entries.error();
  for (const AuditEntry& entry : *entries) {
    const Waiter waiter = waiter_of(entry);
    Needed& one = needed[entry.name + "@" + entry.version];
    one.clients.insert(waiter.key());
    if (!waiter.project.empty()) one.projects.insert(waiter.project);
  }
  return {};
}

// Projects that lock it, told by the lockfiles that they uploaded.
Result<void> add_locking(StateStore& store, const ReleaseRow& row,
                         const std::set<std::string>& locked, Needed& needed) {
  if (!locked.contains(row.name)) return {};
  const auto holders = store.subscriptions().holders(row.name);
  if (!holders) return holders.error();
  for (const Subscription& each : who_has(*holders, row.version))
    needed.projects.insert(each.project.empty() ? each.repository : each.project);
  return {};
}

Severity gravest_of(const std::vector<Finding>& findings) {
  Severity gravest = Severity::kInfo;
  for (const Finding& finding : findings) gravest = std::max(gravest, finding.severity);
  return gravest;
}

QueueFacts facts_of(const Held& held, const Needed& needed) {
  const ReleaseRow& row = held.row;
  QueueFacts facts;
  facts.fixes = !held.replaces.empty();
  facts.asked = needed.asked;
  facts.projects = needed.projects.size();
  facts.waiting = needed.clients.size();
  facts.gravest = gravest_of(row.findings);
  for (const Finding& finding : row.findings) facts.findings += finding.severity > Severity::kInfo;
  facts.lowest_risk = row.subject.lowest_risk;
  facts.runs_on_install = row.subject.has_install_script;
  facts.seen = row.seen;
  facts.release = row.name + "@" + row.version + "#" + row.content_id;
  return facts;
}

bool by_rule(const Verdict& verdict, const std::string& rule) {
  return rule.empty() || std::any_of(verdict.reasons.begin(), verdict.reasons.end(),
                                     [&](const Reason& reason) { return reason.rule == rule; });
}

boost::json::object row_json(const Held& held, const Needed& needed) {
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
                          {"seen", format_time(row.seen)},
                          {"served", row.served},
                          {"asked", needed.asked},
                          {"waiting", needed.clients.size()},
                          {"runs_on_install", row.subject.has_install_script},
                          {"publisher", row.subject.publisher}};
  boost::json::array projects;
  for (const std::string& project : needed.projects)
    projects.push_back(boost::json::string(project));
  out["projects"] = std::move(projects);
  // What an approval of this row covers.
  out["shown"] = seen_digest(row.content_id, shown_findings(row.findings));
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
  std::map<std::string, Waiter> waiters;
  for (const AuditEntry& entry : *entries) {
    Waiter waiter = waiter_of(entry);
    const auto [known, is_new] = waiters.try_emplace(waiter.key(), waiter);
    if (is_new) continue;
    known->second.times += waiter.times;
    known->second.last = std::max(known->second.last, waiter.last);
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

namespace {

// The rows of one page, in the queue's order.
struct QueuePage {
  QueuePage(StateStore& store, Time now) : store_(store), now_(now) {}

  Result<void> open(const std::string& query) {
    auto parsed = QueueFilter::parse(query);
    if (!parsed) return parsed.error();
    filter = std::move(*parsed);
    const auto wanted = parse_queue_sort(query_value(query, "sort"));
    if (!wanted) return bad_request("sort= is one of urgency, projects, risk, age, name");
    sort_ = *wanted;
    cursor_ = query_value(query, "cursor");
    const auto given = page_limit(query);
    if (!given) return given.error();
    limit = static_cast<std::size_t>(*given);
    auto needed = asked_for(store_);
    if (!needed) return needed.error();
    needed_ = std::move(*needed);
    if (auto done = add_refused(store_, now_, needed_); !done) return done;
    auto locked = store_.subscriptions().names();
    if (!locked) return locked.error();
    locked_.insert(locked->begin(), locked->end());
    return {};
  }

  Result<void> place(Held one) {
    Needed& needed = needed_[one.row.name + "@" + one.row.version];
    if (auto done = add_locking(store_, one.row, locked_, needed); !done) return done;
    const QueueFacts facts = facts_of(one, needed);
    if (!filter.fits(facts)) return {};
    std::string key = queue_key(sort_, facts);
    if (!cursor_.empty() && key <= cursor_) return {};
    rows_.emplace(std::move(key), std::move(one));
    if (rows_.size() > limit + 1) rows_.erase(std::prev(rows_.end()));
    return {};
  }

  boost::json::object json() const {
    boost::json::array listed;
    std::string last;
    for (const auto& [key, one] : rows_) {
      if (listed.size() == limit) break;
      const auto needed = needed_.find(one.row.name + "@" + one.row.version);
      listed.push_back(row_json(one, needed == needed_.end() ? Needed() : needed->second));
      last = key;
    }
    boost::json::object out;
    out["next"] = rows_.size() > listed.size() ? boost::json::value(last) : boost::json::value();
    out["releases"] = std::move(listed);
    return out;
  }

  QueueFilter filter;
  std::size_t limit = 0;

 private:
  StateStore& store_;
  const Time now_;
  QueueSort sort_ = QueueSort::kUrgency;
  std::string cursor_;
  NeededByRelease needed_;
  std::set<std::string> locked_;      // packages that some project locks
  std::map<std::string, Held> rows_;  // by key
};

}  // namespace

Result<Response> Review::list(const std::string& query) const {
  const std::shared_ptr<const PolicySnapshot> rules = deps_.active_policy.rules();
  const Time now = deps_.clock.now();
  QueuePage page(deps_.store, now);
  if (auto opened = page.open(query); !opened) return opened.error();
  const QueueFilter& filter = page.filter;
  ListedByName standings;
  std::vector<Held> wanted;  // held: those of one package decide together what replaces what
  Result<void> placed;
  auto done = deps_.store.for_each_release([&](const ReleaseRow& stored) {
    if (!filter.package.empty() && !glob_match(filter.package, stored.name)) return;
    ReleaseRow row = stored;
    row.findings = findings_now(stored, rules->feed.get());
    Verdict verdict = decide(*rules->policy, row.subject, row.findings, rules->of(row.name), now);
    if (row.subject.semver) {
      const bool bad = verdict.action == Action::kBlock || is_withdrawn(row);
      standings[row.name].push_back(
          {*row.subject.semver, row.version, bad, !bad && verdict.served()});
    }
    const bool would = to_string(verdict.would) == filter.verdict && verdict.would > verdict.action;
    if (!filter.verdict.empty() && to_string(verdict.action) != filter.verdict && !would) return;
    if (!by_rule(verdict, filter.rule)) return;
    if (verdict.action == Action::kQuarantine) {
      wanted.push_back({row, std::move(verdict), {}});
    } else if (placed) {
      placed = page.place({row, std::move(verdict), {}});
    }
  });
  if (!done) return done.error();
  if (!placed) return placed.error();
  std::set<std::string> looked_at;
  for (Held& one : wanted) {
    std::vector<Listed>& all = standings[one.row.name];
    if (looked_at.insert(one.row.name).second) {
      for (Listed& withdrawn : withdrawn_of(deps_.store, one.row.name)) {
        std::erase_if(all, [&](const Listed& s) { return s.version == withdrawn.version; });
        all.push_back(std::move(withdrawn));
      }
    }
    one.replaces = replaced_by(one.row, all);
    placed = page.place(std::move(one));
    if (!placed) return placed.error();
  }
  return json_response(200, boost::json::serialize(page.json()));
}

}  // namespace npmgate
