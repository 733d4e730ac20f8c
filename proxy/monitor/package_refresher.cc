#include "proxy/monitor/package_refresher.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <utility>

#include "base/text.h"
#include "judge/verdict_log.h"
#include "proxy/runtime/routes.h"

namespace npmgate {
namespace {

// Four looks a tick: 960 a minute at most, whatever the budget.
constexpr auto kRefreshTick = std::chrono::milliseconds(250);
constexpr auto kLearn = std::chrono::seconds(30);
// Looks at once: each may inspect releases, which clients must not wait behind.
constexpr std::size_t kUnderWay = 4;
constexpr int kRounds = 4;  // a pick that is held puts the next lower one in its place
constexpr std::size_t kInspections = 12;  // per look; the rest with the next one
constexpr auto kInspectLimit = std::chrono::minutes(6);
// Before the first look at a package its rhythm is not known.
constexpr Millis kFirstInterval = std::chrono::hours(1);
constexpr auto kLongPoll = std::chrono::seconds(50);
constexpr auto kFeedPause = std::chrono::seconds(30);
constexpr std::size_t kMaxChanges = std::size_t{32} << 20;

std::string feed_key(const UpstreamConfig& upstream) {
  return "changes:" + upstream.name;
}

// `since` as a query value: numbers and strings of CouchDB, percent-encoded.
std::string since_value(const std::string& json) {
  boost::system::error_code ec;
  const boost::json::value value = boost::json::parse(json, ec);
  const std::string text = !ec && value.is_string() ? std::string(value.get_string()) : json;
  return percent_encode(text);
}

}  // namespace

PackageRefresher::PackageRefresher(Dependencies deps, Packages& packages, Wanted wanted,
                                   std::function<void(const std::string&)> judged,
                                   std::function<double()> chance)
    : deps_(deps),
      packages_(packages),
      wanted_(std::move(wanted)),
      judged_(std::move(judged)),
      chance_(std::move(chance)),
      budget_(deps.config.watch.budget, deps.clock.now()) {}

Task<void> PackageRefresher::run() {
  if (!deps_.config.watch.enabled) co_return;
  auto executor = co_await net::this_coro::executor;
  for (const UpstreamConfig& upstream : deps_.config.upstreams) {
    if (upstream.changes.empty()) continue;
    spawn_detached(executor, "changes feed", [this, &upstream] { return follow(upstream); });
  }
  net::steady_timer tick(executor);
  const auto pause =
      std::min<std::chrono::steady_clock::duration>(kRefreshTick, deps_.config.watch.min_interval);
  while (true) {
    auto done = co_await step();
    if (!done) log::error("watch", to_string(done.error()));
    tick.expires_after(pause);
    const auto error = co_await wait_for(tick);
    if (error) co_return;
  }
}

// Packages that became known since: asked for by clients, subscribed to, listed. The queue is this
// loop's alone: the pool is told which names are new, and does not look.
Task<Result<bool>> PackageRefresher::learn() {
  const Time now = deps_.clock.now();
  const auto often = std::min<Millis>(kLearn, deps_.config.watch.min_interval);
  if (learned_ && now - *learned_ < often) co_return false;
  std::function<Result<Known>()> read = [this] { return read_known(); };
  auto known = co_await deps_.pool.offload(std::move(read));
  if (!known) co_return known.error();
  listed_ = std::move(known->listed);
  std::vector<std::string> fresh;
  for (const std::string& name : known->names) {
    if (!queue_.knows(name) && !under_way_.contains(name)) fresh.push_back(name);
  }
  using Looks = std::vector<std::pair<std::string, std::optional<Time>>>;
  std::function<Result<Looks>()> look = [this, fresh]() -> Result<Looks> {
    Looks looks;
    for (const std::string& name : fresh) {
      auto record = deps_.store.package(name);
      if (!record) return record.error();
      looks.emplace_back(name, record->last_look);
    }
    return looks;
  };
  auto looks = co_await deps_.pool.offload(std::move(look));
  if (!looks) co_return looks.error();
  const auto& watch = deps_.config.watch;
  const Millis first = std::clamp(kFirstInterval, watch.min_interval, watch.max_interval);
  for (const auto& [name, last] : *looks)
    queue_.put(name, last.value_or(now - first * 2), first, chance_());
  learned_ = now;
  deps_.metrics.set("npm_gate_watched_packages", "", static_cast<double>(watched()));
  co_return true;
}

// A package that is being looked at is in the queue again before the look has ended.
std::size_t PackageRefresher::watched() const {
  const auto waits = [this](const std::string& name) { return queue_.knows(name); };
  const auto away =
      under_way_.size() - static_cast<std::size_t>(std::ranges::count_if(under_way_, waits));
  return queue_.size() + away;
}

Result<PackageRefresher::Known> PackageRefresher::read_known() const {
  Known known;
  auto names = deps_.store.package_names();
  if (!names) return names.error();
  known.names.insert(names->begin(), names->end());
  known.listed.insert(deps_.config.watch.packages.begin(), deps_.config.watch.packages.end());
  if (wanted_) {
    auto wanted = wanted_();
    if (!wanted) return wanted.error();
    known.listed.insert(wanted->begin(), wanted->end());
  }
  known.names.insert(known.listed.begin(), known.listed.end());
  return known;
}

Task<Result<int>> PackageRefresher::step() {
  auto learned = co_await learn();
  if (!learned) co_return learned.error();
  const Time now = deps_.clock.now();
  const std::size_t free = kUnderWay - std::min(kUnderWay, under_way_.size());
  const auto allowed = static_cast<std::size_t>(budget_.available(now));
  const std::vector<std::string> due = queue_.take(now, std::min(free, allowed));
  budget_.spend(static_cast<int>(due.size()));
  auto executor = co_await net::this_coro::executor;
  for (const std::string& name : due) {
    under_way_.insert(name);
    spawn_detached(executor, "watch of " + name, [this, name] { return visit(name); });
  }
  co_return static_cast<int>(due.size());
}

Task<void> PackageRefresher::visit(std::string name) {
  struct Leave {
    std::set<std::string, std::less<>>& under_way;
    std::string name;
    Leave(std::set<std::string, std::less<>>& u, std::string n)
        : under_way(u), name(std::move(n)) {}
    ~Leave() { under_way.erase(name); }
  } leave(under_way_, name);
  const auto parsed = PackageName::parse(name);
  const UpstreamConfig* upstream = parsed ? route(deps_.config, *parsed) : nullptr;
  // Releases of an upstream that is not inspected have no verdict that could change.
  if (upstream == nullptr || !upstream->inspect) {
    queue_.put(name, deps_.clock.now(), deps_.config.watch.max_interval, chance_());
    co_return;
  }
  auto done = co_await look_at(*parsed);
  if (done) {
    deps_.metrics.add("npm_gate_watch_looks_total", R"(result="ok")");
    co_return;
  }
  deps_.metrics.add("npm_gate_watch_looks_total", R"(result="failed")");
  log::debug("watch", to_string(done.error()), {{"package", name}});
  queue_.put(name, deps_.clock.now(), deps_.config.watch.max_interval, chance_());
}

Task<Result<bool>> PackageRefresher::look_at(PackageName name) {
  SnapshotPtr before;
  auto known = co_await packages_.cache.kept(name);
  if (known) before = *known;
  auto fresh = co_await packages_.packuments.refresh(name);
  if (!fresh) co_return fresh.error();
  const Time now = deps_.clock.now();
  plan(name.str(), *fresh, now);
  bool unfinished = false;
  auto inspected = co_await inspect_new(*fresh, unfinished);
  if (!inspected) co_return inspected.error();
  if (unfinished) queue_.put(name.str(), now, deps_.config.watch.min_interval, chance_());
  auto asked = co_await ask_again(*inspected);
  if (!asked) co_return asked.error();
  SnapshotPtr current = *asked;
  std::function<Result<bool>()> judge = [this, current]() -> Result<bool> {
    auto changed = packages_.judging.rejudge(current);
    if (!changed) return changed;
    auto told =
        record_changed_verdicts(deps_.store, deps_.active_policy, deps_.clock.now(), current->name);
    if (!told) return told.error();
    return changed;
  };
  auto judged = co_await deps_.pool.offload(std::move(judge));
  if (!judged) co_return judged.error();
  note_delays(before, current, deps_.clock.now());
  judged_(name.str());
  co_return true;
}

// What a resolver would pick first, then the other recent ones. One at least, whatever is left of
// the budget: a package whose looks never inspected anything would never be known.
Task<Result<SnapshotPtr>> PackageRefresher::inspect_new(SnapshotPtr snapshot, bool& unfinished) {
  SnapshotPtr current = snapshot;
  std::set<std::string, std::less<>> tried;
  std::size_t left = kInspections;
  for (int round = 0; round < kRounds && left > 0; ++round) {
    const std::shared_ptr<const PolicySnapshot> rules = deps_.active_policy.rules();
    std::function<Result<std::vector<std::string>>()> choose =
        [this, current, rules, &tried]() -> Result<std::vector<std::string>> {
      Judge judge = packages_.judging.judge(current, *rules);
      std::vector<std::string> work = judge.picks_to_inspect(tried);
      for (std::string& each : judge.background_work()) work.push_back(std::move(each));
      std::erase_if(work, [&](const std::string& each) { return tried.contains(each); });
      return work;
    };
    auto work = co_await deps_.pool.offload(std::move(choose));
    if (!work) co_return work.error();
    if (work->empty() || unfinished) break;
    for (const std::string& version : *work) {
      const bool affordable = tried.empty() || budget_.available(deps_.clock.now()) > 0;
      unfinished |= left == 0 || !affordable;
      if (left == 0 || !affordable || !tried.insert(version).second) continue;
      --left;
      budget_.spend(1);
      auto next = co_await packages_.releases.inspect(current, version, kInspectLimit);
      if (next) {
        current = *next;
        judged_(current->name);
      }
    }
  }
  co_return current;
}

// Tags and branches that were missing, attestations that were not there yet or were not available.
Task<Result<SnapshotPtr>> PackageRefresher::ask_again(SnapshotPtr snapshot) {
  const std::shared_ptr<const PolicySnapshot> rules = deps_.active_policy.rules();
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  std::function<Result<Pairs>()> choose = [this, snapshot, rules]() -> Result<Pairs> {
    Pairs open;
    Judge judge = packages_.judging.judge(snapshot, *rules);
    for (const auto& [version, observed] : snapshot->observations) {
      const Judged* judged = judge.of(version);
      if (judged == nullptr || !judged->recent || !judged->evidence) continue;
      const bool tag_open = observed.tag && (observed.tag->state == TagEvidence::State::kMissing ||
                                             observed.tag->state == TagEvidence::State::kUnknown);
      const bool branch_open =
          observed.branch && observed.branch->state == BranchEvidence::State::kOnNone;
      const PackumentVersion* listed = snapshot->packument->find(version);
      const bool attestation_open =
          listed != nullptr && has_unread_attestation(observed, listed->release);
      if (tag_open || branch_open || attestation_open) open.emplace_back(version, judged->baseline);
    }
    return open;
  };
  auto open = co_await deps_.pool.offload(std::move(choose));
  if (!open) co_return open.error();
  SnapshotPtr current = snapshot;
  for (std::size_t i = 0; i < open->size() && i < kInspections; ++i)
    current =
        co_await packages_.evidence.observe_again(current, (*open)[i].first, (*open)[i].second);
  co_return current;
}

void PackageRefresher::plan(const std::string& name, const SnapshotPtr& snapshot, Time now) {
  WatchFacts facts;
  if (snapshot->packument) {
    for (const PackumentVersion& version : snapshot->packument->versions()) {
      if (version.release.published) facts.releases.push_back(*version.release.published);
    }
  }
  const auto popular = popular_packages();
  facts.popular = std::binary_search(popular.begin(), popular.end(), name);
  facts.wanted = listed_.contains(name);
  const auto& watch = deps_.config.watch;
  queue_.put(name, now, watch_interval(facts, now, watch.min_interval, watch.max_interval),
             chance_());
}

void PackageRefresher::note_delays(const SnapshotPtr& before, const SnapshotPtr& after, Time now) {
  if (!before || !before->packument || !after->times_real) return;
  for (const PackumentVersion& version : after->packument->versions()) {
    if (!version.release.published || before->packument->find(version.version) != nullptr) continue;
    if (!current_evidence(*after, version)) continue;
    const std::chrono::duration<double> delay = now - *version.release.published;
    if (delay.count() >= 0)
      deps_.metrics.observe_long("npm_gate_detection_delay_seconds", "", delay.count());
  }
}

Task<Result<Changes>> PackageRefresher::ask_changes(const UpstreamConfig& upstream,
                                                    std::string since, bool poll) {
  FetchRequest request;
  const std::string wait = std::to_string(std::chrono::milliseconds(kLongPoll).count());
  request.url = upstream.changes + "?" + (poll ? "feed=longpoll&timeout=" + wait + "&" : "") +
                "limit=1000&since=" + since;
  request.headers.emplace_back("Accept", "application/json");
  if (!upstream.token.empty()) {
    const auto feed = parse_url(upstream.changes), registry = parse_url(upstream.url);
    // The token is for the upstream; a feed may lie on another host.
    if (feed && registry && feed->origin() == registry->origin())
      request.authorization = upstream.authorization();
  }
  request.ca_file = upstream.ca;
  request.max_body = kMaxChanges;
  request.limit = kLongPoll + std::chrono::seconds(20);
  deps_.metrics.add("npm_gate_upstream_requests_total", R"(kind="changes")");
  auto reply = co_await deps_.upstream.fetch(std::move(request));
  if (!reply) co_return reply.error();
  if (reply->status != 200)
    co_return fail(
        Code::kUnavailable, Origin::kUpstream,
        "the changes feed of " + upstream.name + " answered " + std::to_string(reply->status),
        true);
  co_return parse_changes(reply->body);
}

Task<void> PackageRefresher::keep_place(const UpstreamConfig& upstream, std::string last_seq) {
  const std::string key = feed_key(upstream);
  std::function<Result<bool>()> keep = [this, key, last_seq]() -> Result<bool> {
    if (auto done = deps_.store.put_setting(key, last_seq); !done) return done.error();
    return true;
  };
  auto kept = co_await deps_.pool.offload(std::move(keep));
  if (!kept) log::error("watch", to_string(kept.error()));
}

Task<void> PackageRefresher::follow(const UpstreamConfig& upstream) {
  net::steady_timer pause(co_await net::this_coro::executor);
  const std::string key = feed_key(upstream);
  std::function<Result<std::optional<std::string>>()> read = [this, key] {
    return deps_.store.setting(key);
  };
  auto stored = co_await deps_.pool.offload(std::move(read));
  // A place to go on from is kept from the first answer on: what changes while the gate is down
  // later must not be missed because nothing had changed before.
  bool placed = stored && *stored;
  std::string since = placed ? since_value(**stored) : "now";
  while (true) {
    const auto asked = std::chrono::steady_clock::now();
    auto changes = co_await ask_changes(upstream, since, placed);
    if (changes) {
      const Time now = deps_.clock.now();
      for (const std::string& name : changes->names) queue_.hurry(name, now);
      deps_.metrics.add("npm_gate_changes_total", "", static_cast<double>(changes->names.size()));
      since = since_value(changes->last_seq);
      co_await keep_place(upstream, changes->last_seq);
      if (!std::exchange(placed, true)) continue;
    } else {
      log::warn("changes-feed", to_string(changes.error()), {{"upstream", upstream.name}});
    }
    // A feed that answers at once although nothing has changed does no long polling: asked by
    // interval.
    const bool idle = changes && changes->names.empty() &&
                      std::chrono::steady_clock::now() - asked < std::chrono::seconds(1);
    if (changes && !idle) continue;
    pause.expires_after(changes ? std::min<std::chrono::steady_clock::duration>(
                                      kFeedPause, deps_.config.watch.min_interval)
                                : std::chrono::steady_clock::duration(kFeedPause));
    const auto error = co_await wait_for(pause);
    if (error) co_return;
  }
}

}  // namespace npmgate
