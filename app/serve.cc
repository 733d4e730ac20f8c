// `npm-gate serve`: the composition root of the running gate. Read top to bottom it is the bill of
// materials.
#include "app/serve.h"

#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/json/array.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <thread>

#include "app/cli.h"
#include "app/inspector.h"
#include "app/report.h"
#include "app/workbench.h"
#include "certs/tls_context.h"
#include "proxy/admin.h"
#include "proxy/alarm.h"
#include "proxy/feed_watch.h"
#include "proxy/gate.h"
#include "proxy/git_tags.h"
#include "proxy/http_client.h"
#include "proxy/maintenance.h"
#include "proxy/observer.h"
#include "proxy/server.h"
#include "proxy/subscriptions.h"
#include "proxy/watcher.h"
#include "store/blob_store.h"
#include "store/state_store.h"

namespace npmgate {
namespace {

// Jobs that may wait for the pool before new ones are refused with 503: some seconds of work, some
// MB of memory.
constexpr std::size_t kMaxQueuedJobs = 4096;

void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

struct Loops {
  explicit Loops(unsigned count) {
    for (unsigned i = 0; i < count; ++i) contexts.push_back(std::make_unique<net::io_context>(1));
  }
  std::vector<net::io_context*> pointers() const {
    std::vector<net::io_context*> all;
    for (const auto& context : contexts) all.push_back(context.get());
    return all;
  }
  void run() {
    for (std::size_t i = 1; i < contexts.size(); ++i) {
      threads.emplace_back([context = contexts[i].get()] { context->run(); });
    }
    contexts.front()->run();
    for (std::thread& thread : threads) thread.join();
  }
  std::vector<std::unique_ptr<net::io_context>> contexts;
  std::vector<std::thread> threads;
};

std::string policy_name(const Rulebook& rulebook) {
  return rulebook.file().empty() ? "built-in default" : rulebook.file();
}

ReportInput report_input(const Judged& judged, const Release* baseline, Time now, bool colour) {
  ReportInput input;
  input.judged = &judged;
  input.baseline = baseline;
  input.now = now;
  input.colour = colour;
  return input;
}

ReleaseReport told_by_report() {
  ReleaseReport report;
  report.text = [](const Judged& judged, const Release* baseline, Time now, bool colour) {
    return report_text(report_input(judged, baseline, now, colour));
  };
  report.json = [](const Judged& judged, const Release* baseline, Time now) {
    return report_json(report_input(judged, baseline, now, false));
  };
  return report;
}

int run_gate(const Config& config) {
  log::configure(config.log_level, config.log_format);
  raise_descriptor_limit();
  std::signal(SIGPIPE, SIG_IGN);

  std::error_code made;
  std::filesystem::create_directories(config.storage_path, made);
  auto store = open_state_store(config.storage_path);
  if (!store) return report(store.error());
  auto blobs = open_blob_store(config.storage_path);
  if (!blobs) return report(blobs.error());

  const SystemClock clock;
  Metrics metrics;
  Rulebook rulebook(config.policy_file, clock, **store, metrics);
  if (auto loaded = rulebook.load(); !loaded) return report(loaded.error());

  FeedWatch feeds(config.feeds, rulebook, clock, metrics);
  if (auto loaded = feeds.load(); !loaded) {
    report(loaded.error());
    return kUsage;
  }

  const auto client_options = client_options_here();
  if (!client_options) return report(client_options.error());
  const std::unique_ptr<Upstream> upstream = make_http_client(*client_options);
  const unsigned cores = std::max(1u, std::thread::hardware_concurrency());
  Pool pool(std::max(config.workers, 2u), kMaxQueuedJobs);
  GitTagSource tags(git_options(config), *upstream, clock);
  Loops loops(config.loops != 0 ? config.loops : cores);
  auto inspector = make_inspector(config, loops.contexts.front()->get_executor(), pool, metrics);
  if (!inspector) return report(inspector.error());
  OutsideObserver observer(tags, *upstream, **store, pool, clock);
  const Gear gear{config, clock, *upstream, **store, **blobs, pool, rulebook, metrics, **inspector};
  Gate gate(gear, &observer);
  observer.attach(gate.packages());
  Subscriptions subscriptions({config, clock, **store, rulebook});
  Alarm alarm(
      gear, gate.packages(),
      [&](const std::string& name, const std::string& version) {
        return subscriptions.repositories_with(name, version);
      },
      [&] { return subscriptions.names(); });
  Admin admin(AdminGear{config, clock, **store, rulebook, metrics, gate.packages(), pool, **blobs,
                        gate.recorder(), told_by_report(), &feeds});

  ListenOptions clients;
  clients.address = config.address;
  clients.port = config.port;
  clients.trusted_proxies = config.trusted_proxies;
  std::unique_ptr<ReloadingTls> tls;
  if (config.tls.enabled()) {
    auto opened =
        ReloadingTls::open({config.tls.certificate, config.tls.key, config.tls.client_ca});
    if (!opened) return report(opened.error());
    tls = std::move(*opened);
    clients.tls = [&tls] { return tls->current(); };
  }
  auto server = start_server(loops.pointers(), clients, ServerLimits{}, gate, metrics);
  if (!server) return report(server.error());
  ListenOptions admins;
  admins.address = config.admin_address;
  admins.port = config.admin_port;
  admins.name = "admin";
  auto admin_server =
      start_server({loops.contexts.front().get()}, admins, ServerLimits{}, admin, metrics);
  if (!admin_server) return report(admin_server.error());

  Maintenance maintenance(loops.contexts.front()->get_executor(), gear);
  maintenance.start();
  Watcher watcher(loops.contexts.front()->get_executor(), rulebook, gate.recorder(), **store, pool);
  watcher.start();
  alarm.start(loops.contexts.front()->get_executor());
  feeds.start();
  net::signal_set signals(*loops.contexts.front(), SIGINT, SIGTERM);
  signals.async_wait([&](const boost::system::error_code& ec, int number) {
    if (ec) return;
    log::info("stopping", std::string("signal ") + std::to_string(number));
    (*server)->stop();
    (*admin_server)->stop();
    watcher.stop();
    maintenance.stop();
    for (net::io_context* loop : loops.pointers()) loop->stop();
  });

  boost::json::array names;
  for (const UpstreamConfig& u : config.upstreams)
    names.push_back(boost::json::string(u.name + "=" + u.url));
  log::info("serving", "npm-gate " NPM_GATE_VERSION " is ready",
            {{"address", config.address + ":" + std::to_string((*server)->port())},
             {"admin", config.admin_address + ":" + std::to_string((*admin_server)->port())},
             {"upstreams", names},
             {"policy", policy_name(rulebook)},
             {"sandbox", (*inspector)->sandbox()},
             {"data", config.storage_path}});
  loops.run();
  pool.finish();
  alarm.finish();
  gate.recorder().flush();
  store->reset();
  std::cout.flush();
  // Coroutines that still wait hold references into what destructors would take down in some order;
  // everything that lasts is on disk.
  std::_Exit(kDone);
}

}  // namespace

void add_serve(CLI::App& app, int& exit_code) {
  auto flags = std::make_shared<ConfigFlags>();
  CLI::App* command = app.add_subcommand("serve", "Run the gate");
  add_config_flags(*command, *flags);
  command
      ->add_option("--listen", flags->listen,
                   "address and port for clients (default 127.0.0.1:4873)")
      ->type_name("ADDR:PORT");
  command->callback([flags, &exit_code] {
    const LoadedConfig loaded = load_configuration(*flags);
    exit_code = loaded.config ? run_gate(*loaded.config) : loaded.exit_code;
  });
}

}  // namespace npmgate
