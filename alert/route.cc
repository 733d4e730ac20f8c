#include "alert/route.h"

#include <algorithm>

#include "registry/repository.h"

namespace npmgate {
namespace {

bool matches(const AlertRule& rule, const AlertEvent& event) {
  if (!rule.events.contains(event.kind)) return false;
  if (event.name.empty()) return rule.findings.none() && !rule.packages;
  if (rule.packages && !rule.packages->matches(event.name)) return false;
  if (rule.findings.none()) return true;
  // What is over has no findings any more, but who heard of them wants to hear of that.
  if (event.kind == EventKind::kCleared || event.kind == EventKind::kFixed) return true;
  if (event.kind == EventKind::kRequested) return true;  // somebody waits, for whatever reason
  return std::any_of(event.findings.begin(), event.findings.end(),
                     [&](const AlertFinding& finding) {
                       const auto index = finding_index(finding.id);
                       return index && rule.findings.test(*index);
                     });
}

void add(std::vector<Route>& routes, Route route) {
  if (std::find(routes.begin(), routes.end(), route) == routes.end())
    routes.push_back(std::move(route));
}

void add_github(std::vector<Route>& first, std::vector<Route>& rest, const SinkSettings& sink,
                const AlertEvent& event) {
  if (sink.subscribers) {
    for (const std::string& project : event.projects) {
      const std::string target = repository_below(sink.web, project);
      if (!target.empty()) add(first, {sink.name, target});
    }
  }
  for (const std::string& target : sink.repositories) add(rest, {sink.name, target});
  // A maintainer hears of findings in their package, not of who installed it or of the gate.
  if (sink.packages && !event.name.empty() && sink.packages->matches(event.name)) {
    const std::string target = repository_below(sink.web, event.repository);
    if (!target.empty()) add(rest, {sink.name, target});
  }
}

}  // namespace

AlertStore::News news_of(const AlertSettings& settings, const AlertEvent& event) {
  AlertStore::News news;
  news.event = outbox_event(event);
  for (const Route& route : routes_of(settings, event))
    news.to.push_back({route.sink, route.target});
  news.repeat = settings.repeat;
  return news;
}

std::string repository_below(const std::string& web, const std::string& url) {
  if (url.empty()) return "";
  const auto repository = parse_repository(url);
  if (!repository || std::count(repository->path.begin(), repository->path.end(), '/') != 1)
    return "";
  // The scheme is not compared: `git+ssh` and `https` name the same repository.
  const std::size_t scheme = web.find("://");
  const std::string wanted = scheme == std::string::npos ? web : web.substr(scheme + 3);
  return repository->host + "/" == wanted ? repository->path : "";
}

std::vector<Route> routes_of(const AlertSettings& settings, const AlertEvent& event) {
  std::vector<Route> first, rest;
  for (const AlertRule& rule : settings.rules) {
    if (!matches(rule, event)) continue;
    for (const std::string& name : rule.sinks) {
      const SinkSettings* sink = settings.sink(name);
      if (sink == nullptr) continue;
      // Who waits for a release is no maintainer's business, and no issue of its own.
      if (sink->type == SinkType::kGithub && event.kind == EventKind::kRequested) continue;
      if (sink->type == SinkType::kGithub)
        add_github(first, rest, *sink, event);
      else
        add(rest, {sink->name, ""});
    }
  }
  for (Route& route : rest) add(first, std::move(route));
  return first;
}

}  // namespace npmgate
