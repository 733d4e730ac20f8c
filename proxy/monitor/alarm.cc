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

Alarm::Alarm(const Gear& gear, Packages& packages, Sentinel::Subscribers subscribers,
             Patrol::Wanted wanted)
    : sentinel_(gear, packages, std::move(subscribers)),
      patrol_(
          gear, packages, std::move(wanted),
          [this](const std::string& name) { sentinel_.touched(name); }, random_chance()),
      mail_(1, kMaxQueuedMails),
      courier_(CourierGear{gear.config.alerts, pages_url(gear.config), gear.clock,
                           gear.store.alerts(), gear.upstream, gear.pool, mail_, gear.metrics,
                           random_chance()}) {
  packages.on_inspected([this](const std::string& name) { sentinel_.touched(name); });
}

void Alarm::uploaded(const std::string& repository,
                     std::vector<std::pair<std::string, std::string>> refused) {
  Sentinel::Upload upload;
  upload.repository = repository;
  upload.refused = std::move(refused);
  sentinel_.uploaded(std::move(upload));
}

void Alarm::start(const net::any_io_executor& executor) {
  spawn_detached(executor, "sentinel", [this] { return sentinel_.run(); });
  spawn_detached(executor, "courier", [this] { return courier_.run(); });
  spawn_detached(executor, "watch", [this] { return patrol_.run(); });
}

}  // namespace npmgate
