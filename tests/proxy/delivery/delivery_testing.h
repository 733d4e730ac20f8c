// A courier on a fake clock and a scripted network.
#pragma once

#include <boost/json/parse.hpp>

#include "proxy/delivery/alert_dispatcher.h"
#include "store/sqlite/open_state_store.h"
#include "tests/alert/alert_testing.h"
#include "tests/support/fakes.h"
#include "tests/support/run_task.h"

namespace npmgate::test {

using testing::FakeClock;
using testing::FakeUpstream;
using testing::run_task;

// One outbox and everything around it.
class Delivering : public ::testing::Test {
 protected:
  Delivering() {
    network.otherwise = FakeUpstream::reply(200);
    SinkSettings hook;
    hook.name = "hook";
    hook.url = "https://hooks.corp.example/x";
    hook.secret = "s";
    hook.rate = 5;
    settings.sinks.push_back(hook);
    SinkSettings github;
    github.name = "issues";
    github.type = SinkType::kGithub;
    github.url = "https://api.git.example/";
    github.secret = "token";
    settings.sinks.push_back(github);
    restart();
  }

  // A new process on the same data.
  void restart() {
    dispatcher.emplace(DispatcherDependencies{settings, "https://npm.corp.example/", clock,
                                              store->alerts(), network, pool, pool, metrics,
                                              [] { return 1.0; }});
  }

  void tell(const AlertEvent& sample, std::vector<OutboxAddress> to = {{"hook", ""}}) {
    AlertEvent event = sample;
    event.at = clock.now();
    AlertStore::News news;
    news.event = outbox_event(event);
    news.to = std::move(to);
    ASSERT_TRUE(store->alerts().record(news));
  }

  // One step and every delivery that it starts: they are detached, so the loop runs until it has
  // nothing left to do.
  int step() {
    net::io_context loop{1};
    std::optional<Result<int>> made;
    spawn_detached(loop.get_executor(), "a step",
                   [&]() -> Task<void> { made.emplace(co_await dispatcher->step()); });
    loop.run();
    return made->value();
  }

  std::vector<std::string> states() {
    std::vector<std::string> out;
    const std::vector<Delivery> all = store->alerts().deliveries(100).value();
    for (const Delivery& each : all) out.push_back(each.state);
    return out;
  }

  AlertSettings settings;
  FakeClock clock{parse_time("2026-01-01T00:00:00Z").value()};
  FakeUpstream network;
  Metrics metrics;
  Pool pool{1, 100};
  std::unique_ptr<StateStore> store = std::move(open_memory_state_store().value());
  std::optional<AlertDispatcher> dispatcher;
};

}  // namespace npmgate::test
