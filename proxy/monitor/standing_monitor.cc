#include "proxy/monitor/standing_monitor.h"

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "alert/route.h"

namespace npmgate {
namespace {

constexpr auto kMonitorTick = std::chrono::milliseconds(500);
constexpr auto kEverything = std::chrono::minutes(1);
constexpr int kLedgerRows = 10'000;
constexpr std::string_view kPrimed = "alerts-primed";

// A proof that is a whole file is read on the release's page.
constexpr std::size_t kProof = 8192;

std::string proof_text(const boost::json::object& proof) {
  std::string text = boost::json::serialize(proof);
  if (text.size() <= kProof) return text;
  return boost::json::serialize(boost::json::object{{"omitted_bytes", text.size()}});
}

std::vector<AlertFinding> for_alert(const std::vector<Finding>& findings) {
  std::vector<AlertFinding> out;
  for (const Finding& finding : findings)
    out.push_back({finding.id, std::string(to_string(finding.severity)), finding.message,
                   proof_text(finding.proof)});
  // What weighs most is read first.
  std::stable_sort(out.begin(), out.end(), [](const AlertFinding& a, const AlertFinding& b) {
    const auto weight = [](const AlertFinding& each) {
      for (const Severity severity : {Severity::kCritical, Severity::kHigh, Severity::kMedium,
                                      Severity::kLow, Severity::kInfo}) {
        if (to_string(severity) == each.severity) return static_cast<int>(severity);
      }
      return 0;
    };
    return weight(a) > weight(b);
  });
  return out;
}

}  // namespace

void StandingMonitor::touched(const std::string& name) {
  const std::lock_guard lock(mutex_);
  touched_.insert(name);
}

void StandingMonitor::uploaded(Upload upload) {
  const std::lock_guard lock(mutex_);
  uploads_.push_back(std::move(upload));
}

Task<void> StandingMonitor::run() {
  net::steady_timer tick(co_await net::this_coro::executor);
  auto next = std::chrono::steady_clock::now();
  while (true) {
    const auto now = std::chrono::steady_clock::now();
    const bool all = now >= next || deps_.active_policy.revision() != seen_revision_;
    if (all) next = now + kEverything;
    auto done = co_await look(all);
    if (!done) log::error("alerts", to_string(done.error()));
    co_await greet_all();
    tick.expires_after(kMonitorTick);
    const auto error = co_await wait_for(tick);
    if (error) co_return;
  }
}

Task<Result<int>> StandingMonitor::look(bool all) {
  std::set<std::string> names;
  {
    const std::lock_guard lock(mutex_);
    names.swap(touched_);
  }
  std::function<Result<std::vector<Change>>()> find = [this, &names,
                                                       all]() -> Result<std::vector<Change>> {
    if (auto done = load(); !done) return done.error();
    if (auto done = report_trouble(); !done) return done.error();
    return changes(names, all);
  };
  auto found = co_await deps_.pool.offload(std::move(find));
  if (!found) {
    // Nothing is forgotten because the disk was busy.
    const std::lock_guard lock(mutex_);
    touched_.insert(names.begin(), names.end());
    co_return found.error();
  }
  int count = 0;
  for (Change& change : *found) {
    auto told = co_await tell(std::move(change));
    if (!told) co_return told.error();
    ++count;
  }
  if (prime_) {
    std::function<Result<bool>()> remember = [this]() -> Result<bool> {
      if (auto done = deps_.store.put_setting(kPrimed, "1"); !done) return done.error();
      return true;
    };
    auto remembered = co_await deps_.pool.offload(std::move(remember));
    if (!remembered) co_return remembered.error();
    prime_ = false;
  }
  co_return count;
}

Result<bool> StandingMonitor::load() {
  if (loaded_) return true;
  auto known = deps_.store.alerts().standings();
  if (!known) return known.error();
  for (const KnownStanding& each : *known) {
    if (const auto standing = parse_standing(each.standing))
      known_[{each.name, each.version, each.content_id}] = *standing;
  }
  // The first start of a gate that alerts, on the data of one that did not: what it knows is no
  // news.
  const auto primed = deps_.store.setting(kPrimed);
  if (!primed) return primed.error();
  prime_ = !*primed;
  loaded_ = true;
  return true;
}

Result<bool> StandingMonitor::report_trouble() {
  const std::vector<Problem> problems = deps_.active_policy.problems();
  const std::string now = problems.empty() ? "" : problems.front().str();
  if (now == trouble_) return false;
  if (!now.empty()) {
    AlertEvent event;
    event.kind = EventKind::kGate;
    event.at = deps_.clock.now();
    event.sentence = "npm-gate refuses the policy file; the one before it stays in force: " + now;
    const AlertStore::News news = news_of(deps_.config.alerts, event);
    if (auto done = deps_.store.alerts().record(news); !done) return done.error();
  }
  trouble_ = now;
  return true;
}

Result<std::vector<StandingMonitor::Change>> StandingMonitor::changes(
    const std::set<std::string>& names, bool all) {
  std::vector<Change> out;
  const std::shared_ptr<const PolicySnapshot> rules = deps_.active_policy.rules();
  const Time now = deps_.clock.now();
  const auto visit = [&](const ReleaseRow& row) { consider(row, *rules, now, out); };
  if (all) {
    if (auto done = deps_.store.for_each_release(visit); !done) return done.error();
    seen_revision_ = rules->revision;
  } else {
    for (const std::string& name : names) {
      auto rows = deps_.store.releases_of(name);
      if (!rows) return rows.error();
      for (const ReleaseRow& row : *rows) visit(row);
    }
  }
  return out;
}

void StandingMonitor::consider(const ReleaseRow& row, const PolicySnapshot& rules, Time now,
                               std::vector<Change>& out) {
  if (row.content_id.empty()) return;  // listed by its metadata alone: its tarball comes
  Change change;
  change.findings = findings_now(row, rules.feed.get());
  change.verdict = decide(*rules.policy, row.subject, change.findings, rules.of(row.name), now);
  change.now = standing_of(change.verdict);
  const auto known = known_.find({row.name, row.version, row.content_id});
  if (known != known_.end()) change.before = known->second;
  if (is_bad(change.now) && withdrawn(row) && bad_while_listed(row, change.findings, rules, now))
    change.now = Standing::kWithdrawn;
  if (change.before == change.now) return;
  change.row = row;
  out.push_back(std::move(change));
}

// Whether it would be refused had the upstream kept it. Else its disappearing is the news: it was
// served, and what disappears young is mostly malware.
bool StandingMonitor::bad_while_listed(const ReleaseRow& row, std::vector<Finding> findings,
                                       const PolicySnapshot& rules, Time now) {
  const auto taken_back = [](const Finding& each) { return each.id == "release-withdrawn"; };
  if (std::erase_if(findings, taken_back) == 0) return true;
  return is_bad(standing_of(decide(*rules.policy, row.subject, findings, rules.of(row.name), now)));
}

bool StandingMonitor::withdrawn(const ReleaseRow& row) {
  const auto record = deps_.store.package(row.name);
  if (!record) return false;
  const auto seen = record->versions.find(row.version);
  return seen != record->versions.end() && seen->second.withdrawn.has_value();
}

std::string StandingMonitor::bad_below(const ReleaseRow& row) const {
  if (!row.subject.semver || row.subject.semver->is_prerelease()) return "";
  std::string found;
  std::optional<Version> highest;
  for (auto it = known_.lower_bound({row.name, "", ""});
       it != known_.end() && it->first.name == row.name; ++it) {
    const auto version = Version::parse_loose(it->first.version);
    if (!version || !(*version < *row.subject.semver)) continue;
    if (highest && *version < *highest) continue;
    highest = version;
    found = is_bad(it->second) ? it->first.version : "";
  }
  return found;
}

Task<Result<bool>> StandingMonitor::tell(Change change) {
  SnapshotPtr snapshot;
  const bool served_now = change.now == Standing::kClear || change.now == Standing::kWarned;
  if (served_now && (!change.before || *change.before == Standing::kWaiting))
    change.fixes = bad_below(change.row);
  const bool worth_it = !prime_ && (is_bad(change.now) || !change.fixes.empty() ||
                                    (change.before && is_bad(*change.before)));
  if (worth_it) snapshot = co_await snapshot_of(change.row.name);
  auto work = [this, &change, &snapshot]() -> Result<bool> {
    std::optional<AlertEvent> event;
    if (!prime_) {
      bool somebody = change.row.served;
      AlertEvent holders;
      holders.name = change.row.name;
      holders.version = change.row.version;
      if (is_bad(change.now)) {
        if (auto done = add_holders(holders, somebody); !done) return done.error();
      }
      auto kind = news(change.before, change.now, somebody);
      if (!change.fixes.empty()) kind = EventKind::kFixed;
      if (kind) {
        auto described = describe(change, *kind, snapshot);
        if (!described) return described.error();
        event = std::move(*described);
        event->holders = std::move(holders.holders);
        event->holder_count = holders.holder_count;
      }
    }
    return record(change, std::move(event));
  };
  co_return co_await deps_.pool.offload(std::move(work));
}

Result<AlertEvent> StandingMonitor::describe(const Change& change, EventKind kind,
                                             const SnapshotPtr& snapshot) {
  AlertEvent event;
  event.kind = kind;
  event.at = deps_.clock.now();
  event.name = change.row.name;
  event.version = change.row.version;
  event.content_id = change.row.content_id;
  event.action = to_string(change.verdict.action);
  event.publisher = change.row.subject.publisher;
  event.fixes = change.fixes;
  if (is_bad(change.now)) {
    event.sentence = refusal_sentence(change.row.subject, change.verdict, change.findings);
    event.findings = for_alert(change.findings);
    for (const Reason& reason : change.verdict.reasons) {
      if (reason.waived_by.empty()) event.rules.push_back(reason.rule);
    }
  } else if (change.now == Standing::kWithdrawn) {
    event.sentence = "the registry no longer lists it";
  } else if (!change.verdict.approved_by.empty()) {
    event.sentence = "it was reviewed and approved";
  }
  // Who locks the bad one wants to hear of the good one.
  const std::string& locked = event.fixes.empty() ? event.version : event.fixes;
  auto projects = subscribers_ ? subscribers_(event.name, locked)
                               : Result<std::vector<std::string>>(std::vector<std::string>{});
  if (!projects) return projects.error();
  event.projects = std::move(*projects);
  if (!snapshot) return event;
  Judge judge = packages_.judging.judge(snapshot, *deps_.active_policy.rules());
  event.baseline = judge.baseline_of(event.version);
  event.repository = repository_of(snapshot, event.version, event.baseline);
  return event;
}

// The last good release names the repository that the maintainers read; the bad one may name
// another. A withdrawn release is in no document any more: then the newest one that is left does.
std::string StandingMonitor::repository_of(const SnapshotPtr& snapshot, const std::string& version,
                                           const std::string& baseline) {
  if (!snapshot || !snapshot->packument) return "";
  for (const std::string& wanted : {baseline, version}) {
    const PackumentVersion* found = wanted.empty() ? nullptr : snapshot->packument->find(wanted);
    if (found != nullptr && found->release.manifest.repository)
      return found->release.manifest.repository->url;
  }
  const auto& all = snapshot->packument->versions();
  const auto newest = std::find_if(all.rbegin(), all.rend(), [](const PackumentVersion& each) {
    return each.release.manifest.repository.has_value();
  });
  return newest == all.rend() ? "" : newest->release.manifest.repository->url;
}

Result<void> StandingMonitor::add_holders(AlertEvent& event, bool& somebody) const {
  auto entries = deps_.store.downloads(event.name, kLedgerRows);
  if (!entries) return entries.error();
  for (const LedgerEntry& entry : *entries) {
    if (entry.version != event.version) continue;
    somebody = true;
    const bool told =
        std::any_of(event.holders.begin(), event.holders.end(), [&](const Holder& each) {
          return each.token == entry.token && each.address == entry.address &&
                 each.project == entry.project && each.command == entry.command;
        });
    if (told) continue;
    ++event.holder_count;
    if (event.holders.size() < kMaxHolders)
      event.holders.push_back(
          {entry.token, entry.address, entry.project, entry.command, entry.at, entry.reported});
  }
  return {};
}

Result<bool> StandingMonitor::record(const Change& change, std::optional<AlertEvent> event) {
  AlertStore::News news;
  const Time now = deps_.clock.now();
  news.standings.push_back({change.row.name, change.row.version, change.row.content_id,
                            std::string(to_string(change.now)), now});
  AuditEntry recall;
  if (event) {
    news.event = outbox_event(*event);
    auto to = addresses_of(*event);
    if (!to) return to.error();
    news.to = std::move(*to);
    news.repeat = deps_.config.alerts.repeat;
    if (event->kind == EventKind::kRecall) {
      recall.at = now;
      recall.kind = "recall";
      recall.actor = "gate";
      recall.name = event->name;
      recall.version = event->version;
      recall.content_id = event->content_id;
      recall.action = event->action;
      recall.policy_hash = deps_.active_policy.rules()->policy->hash;
      recall.detail = boost::json::serialize(
          boost::json::object{{"sentence", event->sentence}, {"holders", event->holder_count}});
      news.audit.push_back(&recall);
      log::warn("recall", event->sentence, {{"holders", event->holder_count}});
    }
    deps_.metrics.add("npm_gate_alert_events_total",
                      "kind=\"" + std::string(to_string(event->kind)) + "\"");
  }
  if (auto done = deps_.store.alerts().record(news); !done) return done.error();
  known_[{change.row.name, change.row.version, change.row.content_id}] = change.now;
  return true;
}

}  // namespace npmgate
