// What a project hears besides news: of releases that were refused before it subscribed, and that
// an issue is over because it no longer locks the release.
#include <algorithm>

#include "alert/route.h"
#include "judge/refused_releases.h"
#include "proxy/monitor/standing_monitor.h"

namespace npmgate {
namespace {

std::vector<std::string> bad_news() {
  return {"held", "blocked", "recall"};
}

bool contains(const std::vector<std::string>& texts, const std::string& text) {
  return std::find(texts.begin(), texts.end(), text) != texts.end();
}

}  // namespace

Task<SnapshotPtr> StandingMonitor::snapshot_of(std::string name) {
  SnapshotPtr snapshot;
  const auto parsed = PackageName::parse(name);
  if (!parsed) co_return snapshot;
  auto got = co_await packages_.packuments.get(*parsed);
  if (got) snapshot = *got;
  co_return snapshot;
}

// An issue that was opened is also told that it is over, whoever subscribes by then and whatever
// the rules say of the event.
Result<std::vector<OutboxAddress>> StandingMonitor::addresses_of(const AlertEvent& event) const {
  std::vector<OutboxAddress> to;
  for (const Route& route : routes_of(deps_.config.alerts, event))
    to.push_back({route.sink, route.target});
  if (event.kind != EventKind::kCleared) return to;
  const auto told = deps_.store.alerts().told(event.name, event.version);
  if (!told) return told.error();
  for (const OutboxAddress& each : *told) {
    const SinkSettings* sink = deps_.config.alerts.sink(each.sink);
    const bool issue = sink != nullptr && sink->type == SinkType::kGithub;
    if (issue && std::find(to.begin(), to.end(), each) == to.end()) to.push_back(each);
  }
  return to;
}

std::vector<StandingMonitor::Project> StandingMonitor::trackers_of(
    const std::string& repository) const {
  std::vector<Project> found;
  for (const SinkSettings& sink : deps_.config.alerts.sinks) {
    if (sink.type != SinkType::kGithub || !sink.subscribers) continue;
    Project project;
    project.url = repository;
    project.sink = &sink;
    project.address = {sink.name, repository_below(sink.web, repository)};
    if (!project.address.target.empty()) found.push_back(std::move(project));
  }
  return found;
}

// What fails is tried again with the next upload.
Task<void> StandingMonitor::greet_all() {
  std::vector<Upload> uploads;
  {
    const std::lock_guard lock(mutex_);
    uploads.swap(uploads_);
  }
  for (Upload& upload : uploads) {
    auto greeted = co_await greet(std::move(upload));
    if (!greeted) log::error("alerts", to_string(greeted.error()));
  }
}

Task<Result<int>> StandingMonitor::greet(Upload upload) {
  int events = 0;
  for (const Project& project : trackers_of(upload.repository)) {
    for (const auto& [name, version] : upload.refused) {
      auto told = co_await tell_project(project, name, version);
      if (!told) co_return told.error();
      events += *told;
    }
    std::function<Result<std::vector<StoredIssue>>()> find = [this, &project] {
      return dropped(project);
    };
    auto over = co_await deps_.pool.offload(std::move(find));
    if (!over) co_return over.error();
    for (const StoredIssue& issue : *over) {
      auto ended = co_await end_dropped(project, issue.name, issue.version);
      if (!ended) co_return ended.error();
      events += *ended;
    }
  }
  co_return events;
}

// What stands in the way of this version, if it is not served. One that is known by its
// metadata alone has no content that the news could be kept under.
Result<std::optional<StandingMonitor::Change>> StandingMonitor::refusal_of(
    const std::string& name, const std::string& version) {
  const std::shared_ptr<const PolicySnapshot> rules = deps_.active_policy.rules();
  RefusedReleaseQuery held(deps_.store, deps_.store, *rules, deps_.clock.now());
  bool known = false;
  auto found = held.refused({name, version, ""}, known);
  if (!found) return found.error();
  std::optional<Change> change;
  if (found->empty() || found->front().row->content_id.empty()) return change;
  change.emplace();
  change->row = *found->front().row;
  change->findings = std::move(found->front().findings);
  change->verdict = std::move(found->front().verdict);
  change->now = standing_of(change->verdict);
  if (!is_bad(change->now)) change.reset();  // it waits for its age only: no news
  return change;
}

Task<Result<int>> StandingMonitor::tell_project(Project project, std::string name,
                                                std::string version) {
  std::function<Result<std::optional<Change>>()> look =
      [this, &project, &name, &version]() -> Result<std::optional<Change>> {
    const auto last = deps_.store.alerts().last_told(project.address, name, version);
    if (!last) return last.error();
    if (contains(bad_news(), *last)) return std::optional<Change>();
    return refusal_of(name, version);
  };
  auto change = co_await deps_.pool.offload(std::move(look));
  if (!change) co_return change.error();
  if (!*change) co_return 0;
  SnapshotPtr snapshot = co_await snapshot_of(name);
  std::function<Result<int>()> write = [this, &project, &change, &snapshot]() -> Result<int> {
    const EventKind kind =
        (*change)->now == Standing::kBlocked ? EventKind::kBlocked : EventKind::kHeld;
    auto event = describe(**change, kind, snapshot);
    if (!event) return event.error();
    event->projects = {project.url};
    const auto routes = routes_of(deps_.config.alerts, *event);
    const Route wanted{project.address.sink, project.address.target};
    if (std::find(routes.begin(), routes.end(), wanted) == routes.end()) return 0;
    AlertStore::News news;
    news.event = outbox_event(*event);
    news.to = {project.address};
    news.skip_after = bad_news();
    return deps_.store.alerts().record(news);
  };
  co_return co_await deps_.pool.offload(std::move(write));
}

// Open issues in the project's repository about releases that none of its subscriptions holds. Not
// those that the repository would have without any: the team's own, and those of the package.
Result<std::vector<StoredIssue>> StandingMonitor::dropped(const Project& project) {
  std::vector<StoredIssue> over;
  if (!subscribers_ || contains(project.sink->repositories, project.address.target)) return over;
  auto issues = deps_.store.alerts().issues(project.address.target);
  if (!issues) return issues.error();
  for (StoredIssue& issue : *issues) {
    if (issue.state != "open") continue;
    auto holders = subscribers_(issue.name, issue.version);
    if (!holders) return holders.error();
    if (!contains(*holders, project.url)) over.push_back(std::move(issue));
  }
  return over;
}

Task<Result<int>> StandingMonitor::end_dropped(Project project, std::string name,
                                               std::string version) {
  SnapshotPtr snapshot;
  if (project.sink->packages && project.sink->packages->matches(name))
    snapshot = co_await snapshot_of(name);
  if (repository_below(project.sink->web, repository_of(snapshot, version, "")) ==
      project.address.target)
    co_return 0;
  std::function<Result<int>()> write = [this, &project, &name, &version]() -> Result<int> {
    AlertEvent event;
    event.kind = EventKind::kDropped;
    event.at = deps_.clock.now();
    event.name = name;
    event.version = version;
    event.projects = {project.url};
    AlertStore::News news;
    news.event = outbox_event(event);
    news.to = {project.address};
    news.skip_after = {"", "dropped", "cleared"};
    return deps_.store.alerts().record(news);
  };
  co_return co_await deps_.pool.offload(std::move(write));
}

}  // namespace npmgate
