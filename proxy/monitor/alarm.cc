#include "proxy/monitor/alarm.h"

#include <random>

namespace npmgate {
namespace {

constexpr std::size_t kMaxQueuedMails = 100;

// In [0, 1), for spreading retries and looks; nothing secret hangs on it. For one loop.
std::function<double()> random_chance() {
  auto engine = std::make_shared<std::minstd_rand>(std::random_device{}());
  return [engine] { return std::uniform_real_distribution<double>(0, 1)(*engine); };
}

std::string pages_url(const Config& config) {
  return config.public_urls.empty() ? "" : config.public_urls.front();
}

}  // namespace

Alarm::Alarm(const Dependencies& deps, Packages& packages, StandingMonitor::Subscribers subscribers,
             PackageRefresher::Wanted wanted)
    : standing_monitor_(deps, packages, std::move(subscribers)),
      refresher_(
          deps, packages, std::move(wanted),
          [this](const std::string& name) { standing_monitor_.touched(name); }, random_chance()),
      mail_(1, kMaxQueuedMails),
      dispatcher_(DispatcherDependencies{deps.config.alerts, pages_url(deps.config), deps.clock,
                                         deps.store.alerts(), deps.upstream, deps.pool, mail_,
                                         deps.metrics, random_chance()}) {
  packages.on_inspected([this](const std::string& name) { standing_monitor_.touched(name); });
}

void Alarm::uploaded(const std::string& repository,
                     std::vector<std::pair<std::string, std::string>> refused) {
  StandingMonitor::Upload upload;
  upload.repository = repository;
  upload.refused = std::move(refused);
  standing_monitor_.uploaded(std::move(upload));
}

void Alarm::start(const net::any_io_executor& executor) {
  spawn_detached(executor, "sentinel", [this] { return standing_monitor_.run(); });
  spawn_detached(executor, "courier", [this] { return dispatcher_.run(); });
  spawn_detached(executor, "watch", [this] { return refresher_.run(); });
}

}  // namespace npmgate
