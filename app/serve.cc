// `npm-gate serve`: the composition root of the running gate. Read top to bottom it is the bill of
// materials.
#include "app/serve.h"

#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <boost/asio/signal_set.hpp>
#include <boost/json/array.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <random>
#include <thread>

#include "app/cli.h"
#include "app/command_line.h"
#include "app/commands/upstream_probe.h"
#include "app/end_watch.h"
#include "app/inspector.h"
#include "app/report/report.h"
#include "certs/tls_context.h"
#include "proxy/admin/admin.h"
#include "proxy/admin/subscriptions.h"
#include "proxy/delivery/alert_dispatcher.h"
#include "proxy/desk/desk.h"
#include "proxy/external/git_tags.h"
#include "proxy/external/online_evidence_collector.h"
#include "proxy/monitor/package_refresher.h"
#include "proxy/monitor/standing_monitor.h"
#include "proxy/net/handed_over.h"
#include "proxy/net/http_client.h"
#include "proxy/net/server.h"
#include "proxy/packages/maintenance.h"
#include "proxy/registry/gate.h"
#include "proxy/runtime/feed_reloader.h"
#include "proxy/runtime/policy_reloader.h"
#include "proxy/runtime/upstream_guard.h"
#include "store/disk/blob_store.h"
#include "store/disk/data_folder.h"
#include "store/sqlite/open_state_store.h"

namespace npmgate {
namespace {

// Jobs that may wait for the pool before new ones are refused with 503: some seconds of work, some
// MB of memory.
constexpr std::size_t kMaxQueuedJobs = 4096;
constexpr std::size_t kMaxQueuedMails = 100;
constexpr std::size_t kAdminConnections = 256;
// What the largest audit takes (Gate::body_rule): with less room it would be refused for ever.
constexpr std::size_t kLeastForBodies = std::size_t{256} << 20;
// How often the end of a drain is looked for.
constexpr auto kDrainTick = std::chrono::milliseconds(20);
// What may follow the drain, and what is left once everything is on disk: far more than they take,
// with the drain less than a service manager's patience (systemd: 90 s).
constexpr auto kEndLimit = std::chrono::seconds(8);
constexpr auto kExitLimit = std::chrono::seconds(4);

// Of the files that the process may open, those that connections of clients may take: upstreams,
// tarballs, state.db and workers need the others, or accepted clients could not be answered.
std::size_t connections_allowed(std::size_t wanted) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return wanted;
  const std::size_t files = limit.rlim_cur;
  const std::size_t kept = std::clamp<std::size_t>(files / 4, 128, 2048) + kAdminConnections;
  return std::min(wanted, files > kept + 64 ? files - kept : 64);
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

// What was large goes back to the system as soon as it is free, and threads share few arenas: glibc
// would keep what the largest burst took, once per thread.
void give_memory_back() {
  ::mallopt(M_MMAP_THRESHOLD, 1 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 8 << 20);
  ::mallopt(M_ARENA_MAX, 4);
}

// A loop that can let go of what still waits on it while everything that this refers to is alive.
struct Loop : net::io_context {
  Loop() : net::io_context(1) {}
  using net::io_context::shutdown;
};

struct Loops {
  explicit Loops(unsigned count) {
    for (unsigned i = 0; i < count; ++i) contexts.push_back(std::make_unique<Loop>());
  }
  std::vector<net::io_context*> pointers() const {
    std::vector<net::io_context*> all;
    for (const auto& context : contexts) all.push_back(context.get());
    return all;
  }
  net::io_context& first() const { return *contexts.front(); }
  void run(Metrics& metrics) {
    const auto escaped = [&metrics] { metrics.add("npm_gate_handler_exceptions_total"); };
    for (std::size_t i = 1; i < contexts.size(); ++i) {
      threads.emplace_back([context = contexts[i].get(), escaped] { run_loop(*context, escaped); });
    }
    run_loop(*contexts.front(), escaped);
    for (std::thread& thread : threads) thread.join();
  }
  // After run(): coroutines that still wait end here, not with the contexts.
  void let_go() {
    for (const auto& context : contexts) context->shutdown();
  }
  std::vector<std::unique_ptr<Loop>> contexts;
  std::vector<std::thread> threads;
};

ReportInput report_input(const ReleaseReport::Told& told, bool colour) {
  ReportInput input;
  input.judged = told.judged;
  input.baseline = told.baseline;
  input.observed = told.outside;
  input.now = told.now;
  input.colour = colour;
  return input;
}

ReleaseReport told_by_report() {
  ReleaseReport report;
  report.text = [](const ReleaseReport::Told& told, bool colour) {
    return report_text(report_input(told, colour));
  };
  report.json = [](const ReleaseReport::Told& told) {
    return report_json(report_input(told, false));
  };
  return report;
}

// What lasts, opened before anything is served.
struct Storage {
  std::unique_ptr<DataFolder> folder;  // locked as long as the others are open
  std::unique_ptr<StateStore> state;
  std::unique_ptr<BlobStore> blobs;
};

Result<Storage> open_storage(const Config& config) {
  auto folder = DataFolder::open(config.storage_path);
  if (!folder) return folder.error();
  auto state = open_state_store(config.storage_path);
  if (!state) return state.error();
  if (auto own = (*folder)->claim(**state); !own) return own.error();
  auto blobs = open_blob_store(config.storage_path);
  if (!blobs) return blobs.error();
  return Storage{std::move(*folder), std::move(*state), std::move(*blobs)};
}

// In [0, 1), for spreading retries and looks; nothing secret hangs on it. For one loop.
std::function<double()> random_chance() {
  auto engine = std::make_shared<std::minstd_rand>(std::random_device{}());
  return [engine] { return std::uniform_real_distribution<double>(0, 1)(*engine); };
}

std::string pages_url(const Config& config) {
  return config.public_urls.empty() ? "" : config.public_urls.front();
}

// What answers requests and what works in the background, in the order in which one needs the
// other.
struct Services {
  Services(const Dependencies& deps, const FeedWatch& feeds, TrustStore& trust)
      : tags(git_options(deps.config), deps.upstream, deps.clock),
        sources(tags.client(), deps.inspector, deps.blobs, deps.pool, deps.clock,
                deps.config.limits),
        branches(tags.client(), deps.clock),
        collector(deps.config, tags, deps.upstream, deps.store, deps.pool, deps.clock, trust,
                  deps.config.git_source ? &sources : nullptr,
                  deps.config.git_source ? &branches : nullptr),
        packages(deps, &collector),
        audit_writer(deps.store, deps.clock,
                     [&policy = deps.active_policy] { return policy.revision(); }),
        access(deps.store, deps.clock, audit_writer),
        packuments(deps, packages, audit_writer),
        tarballs(deps, packages, audit_writer),
        registry(deps, audit_writer),
        publishing(deps, packages.packuments, audit_writer),
        requests(deps, packages),
        provider(deps.config.admin.sign_in, deps.upstream, deps.clock, deps.metrics),
        sessions(deps.clock),
        gate(deps, GateParts{packages, audit_writer, packuments, tarballs, registry, publishing,
                             requests, access}),
        subscriptions({deps.config, deps.clock, deps.store.subscriptions(), deps.store, deps.store,
                       deps.active_policy,
                       [this](const std::string& repository, auto refused) {
                         StandingMonitor::Upload upload;
                         upload.repository = repository;
                         upload.refused = std::move(refused);
                         monitor.uploaded(std::move(upload));
                       }}),
        monitor(deps, packages,
                [this](const std::string& name, const std::string& version) {
                  return subscriptions.repositories_with(name, version);
                }),
        refresher(
            deps, packages, [this] { return subscriptions.names(); },
            [this](const std::string& name) { monitor.touched(name); }, random_chance()),
        mail(1, kMaxQueuedMails),
        dispatcher(DispatcherDependencies{deps.config.alerts, pages_url(deps.config), deps.clock,
                                          deps.store.alerts(), deps.upstream, deps.pool, mail,
                                          deps.metrics, random_chance()}),
        admin(AdminDependencies{deps.config, deps.clock, deps.store, deps.active_policy,
                                deps.metrics, packages, deps.pool, deps.blobs, deps.inspector,
                                access, subscriptions, told_by_report(), audit_writer, &feeds}),
        desk(DeskDependencies{deps.config, deps.clock, admin, sessions, provider, audit_writer}),
        desk_on_gate(admin) {
    gate.attach({&sessions, &provider, deps.config.admin.desk_on_gate ? &desk_on_gate : nullptr});
    collector.attach(packages.packuments);
    packages.judging.on_judged([this](const std::string& name) { monitor.touched(name); });
  }
  // Background work on one loop, until that ends.
  void start(const net::any_io_executor& executor) {
    spawn_detached(executor, "sentinel", [this] { return monitor.run(); });
    spawn_detached(executor, "courier", [this] { return dispatcher.run(); });
    spawn_detached(executor, "watch", [this] { return refresher.run(); });
  }

  GitTagSource tags;
  SourceComparer sources;
  GitBranches branches;
  OnlineEvidenceCollector collector;
  Packages packages;
  AuditWriter audit_writer;
  Access access;
  PackumentService packuments;
  TarballService tarballs;
  RegistryServices registry;
  Publishing publishing;
  ReleaseRequests requests;
  OidcClient provider;
  BrowserSessions sessions;
  Gate gate;
  Subscriptions subscriptions;
  StandingMonitor monitor;
  PackageRefresher refresher;
  Pool mail;  // mail servers may let a delivery wait: not on the pool that answers need
  AlertDispatcher dispatcher;
  Admin admin;
  Desk desk;
  MountedDesk desk_on_gate;
};

struct Listeners {
  std::unique_ptr<ReloadingTls> tls, admin_tls;  // null: plain; outlive the servers
  std::unique_ptr<Server> clients, admins;
};

// Sets `options.tls` if the listener speaks TLS; `tls` outlives its server.
Result<void> speak_tls(const TlsConfig& config, std::unique_ptr<ReloadingTls>& tls,
                       ListenOptions& options) {
  if (!config.enabled()) return {};
  auto opened = ReloadingTls::open({config.certificate, config.key, config.client_ca});
  if (!opened) return opened.error();
  tls = std::move(*opened);
  options.tls = [held = tls.get()] { return held->current(); };
  return {};
}

// A socket that nobody accepts from would let its clients wait for ever.
Result<void> all_taken(const std::vector<HandedOver>& left, const Config& config) {
  if (left.empty()) return {};
  return fail(Code::kMalformed, Origin::kPolicy,
              "the service manager listens on " + left.front().address + ":" +
                  std::to_string(left.front().port) + ", gate.yaml says " + config.address + ":" +
                  std::to_string(config.port) + " (admin: " + config.admin.address + ":" +
                  std::to_string(config.admin.port) +
                  "): ListenStream= of npm-gate.socket must name the same");
}

Result<Listeners> listen(const Dependencies& deps, const Loops& loops, Services& services) {
  const Config& config = deps.config;
  Listeners out;
  auto handed_over = handed_over_sockets(&environment, ::getpid());
  if (!handed_over) return handed_over.error();
  const Fd for_clients = take_socket(*handed_over, config.address, config.port);
  const Fd for_admins = take_socket(*handed_over, config.admin.address, config.admin.port);
  if (auto done = all_taken(*handed_over, config); !done) return done.error();
  ListenOptions options;
  options.address = config.address;
  options.port = config.port;
  options.socket = for_clients.get();
  options.trusted_proxies = config.trusted_proxies;
  options.log_requests = config.log_level == log::Level::kDebug;
  options.spool_folder = config.storage_path + "/tmp";  // the blob store empties it at its start
  options.pool = &deps.pool;
  ServerLimits limits;
  limits.max_connections = connections_allowed(config.max_connections);
  limits.max_per_address = config.max_connections_per_address;
  limits.max_bodies = std::max<std::size_t>(kLeastForBodies, 2 * config.cache_bytes);
  if (auto done = speak_tls(config.tls, out.tls, options); !done) return done.error();
  auto clients = start_server(loops.pointers(), options, limits, services.gate, deps.metrics);
  if (!clients) return clients.error();
  out.clients = std::move(*clients);
  ListenOptions admin;
  admin.address = config.admin.address;
  admin.port = config.admin.port;
  admin.socket = for_admins.get();
  admin.name = "admin";
  admin.trusted_proxies = config.trusted_proxies;
  admin.log_requests = options.log_requests;
  admin.pool = &deps.pool;
  if (auto done = speak_tls(config.admin.tls, out.admin_tls, admin); !done) return done.error();
  ServerLimits few;
  few.max_connections = kAdminConnections;
  few.max_per_address = kAdminConnections;
  auto admins = start_server({&loops.first()}, admin, few, services.admin, deps.metrics);
  if (!admins) return admins.error();
  out.admins = std::move(*admins);
  return out;
}

void say_ready(const Dependencies& deps, const Listeners& listeners) {
  const Config& config = deps.config;
  boost::json::array names;
  for (const UpstreamConfig& u : config.upstreams)
    names.push_back(boost::json::string(u.name + "=" + u.url));
  const std::string policy = deps.active_policy.file();
  log::info("serving", "npm-gate " NPM_GATE_VERSION " is ready",
            {{"address", config.address + ":" + std::to_string(listeners.clients->port())},
             {"admin", config.admin.address + ":" + std::to_string(listeners.admins->port())},
             {"upstreams", names},
             {"policy", policy.empty() ? "built-in default" : policy},
             {"sandbox", deps.inspector.sandbox()},
             {"data", config.storage_path}});
}

// A wrong upstream would show in the first client's long wait only. One line for each that does not
// answer; the gate runs on, since it may come later and what is kept is served.
void probe_upstreams(const Dependencies& deps, const net::any_io_executor& executor) {
  for (const UpstreamConfig& upstream : deps.config.upstreams) {
    auto body = [&deps, upstream]() -> Task<void> {
      const auto answers = co_await probe_upstream(deps.upstream, upstream);
      if (answers) co_return;
      log::error("upstream", answers.error().context,
                 {{"upstream", upstream.name},
                  {"fix",
                   "correct upstreams: in gate.yaml, or --upstream, if this is not the "
                   "registry; npm-gate doctor says more"}});
    };
    spawn_detached(executor, "look at the upstream " + upstream.name, std::move(body));
  }
}

// Answers that are being sent are sent to their end, within listen.drain; a second signal ends
// that.
Task<void> drain(Listeners& listeners, Millis limit, const bool& hurry) {
  auto executor = co_await net::this_coro::executor;
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(limit.count());
  net::steady_timer tick(executor);
  const auto open = [&] {
    return listeners.clients->connections() + listeners.admins->connections();
  };
  while (open() > 0 && !hurry && std::chrono::steady_clock::now() < until) {
    tick.expires_after(kDrainTick);
    co_await wait_for(tick);
  }
  if (open() > 0)
    log::warn("stopping", "connections are cut", {{"connections", std::to_string(open())}});
}

// What SIGHUP can change without a restart is taken over; the rest is said.
void reread_configuration(const ConfigFlags& flags, const Config& running) {
  if (flags.config_file.empty()) return;
  const auto text = read_file(flags.config_file);
  const ConfigResult next =
      text ? load_config(*text, flags.config_file, &environment) : ConfigResult{};
  if (!text || !next.problems.empty()) {
    log::error("configuration", "gate.yaml is not taken over: " +
                                    (text ? next.problems.front().str() : "it cannot be read"));
    return;
  }
  log::configure(next.config.log_level, next.config.log_format);
  const std::string restart = needs_restart(running.source, *text, flags.config_file);
  log::info(
      "configuration",
      "gate.yaml was read again: log is in force, policy, feeds, token files and certificates "
      "are read when they change" +
          (restart.empty() ? "" : "; a restart is needed for: " + restart));
}

// As after a power cut: what the end still waits for is not waited for any longer. What was on its
// way to the disk is there or is made again at the next start.
void end_at_once(const char* waits_for) {
  log::warn("stopped", "the end is not waited for any longer", {{"for", waits_for}});
  ::_exit(kDone);
}

// The end is under way: a second SIGTERM must not cut it off when its handler is gone. The other
// threads have ended.
void ignore_further_signals() {
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGINT);
  sigaddset(&ending, SIGTERM);
  sigaddset(&ending, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &ending, nullptr);
}

// Background work and requests, until a signal ends both.
void run_until_signal(const Dependencies& deps, Loops& loops, Services& services, FeedWatch& feeds,
                      Listeners& listeners, const ConfigFlags& flags, EndWatch& end) {
  const net::any_io_executor executor = loops.first().get_executor();
  Maintenance maintenance(executor, deps);
  maintenance.start();
  PolicyReloader reloader(executor, deps.active_policy, services.audit_writer, deps.store,
                          deps.pool);
  reloader.start();
  services.start(executor);
  feeds.start();
  net::signal_set signals(loops.first(), SIGINT, SIGTERM), hangups(loops.first(), SIGHUP);
  bool hurry = false;
  auto ending = [&]() -> Task<void> {
    auto [ec, number] = co_await signals.async_wait(kTuple);
    log::info("stopping", "signal " + std::to_string(number));
    end.expect("answers that are being sent",
               std::chrono::milliseconds(deps.config.drain.count()) + kEndLimit);
    signals.async_wait([&hurry](const boost::system::error_code& again, int) { hurry = !again; });
    listeners.clients->stop();
    listeners.admins->stop();
    reloader.stop();
    maintenance.stop();
    co_await drain(listeners, deps.config.drain, hurry);
    end.expect("a loop", kEndLimit);
    services.dispatcher.leave();
    for (net::io_context* loop : loops.pointers()) loop->stop();
  };
  spawn_detached(executor, "ending", std::move(ending));
  auto rereading = [&]() -> Task<void> {
    for (;;) {
      auto [ec, number] = co_await hangups.async_wait(kTuple);
      if (ec) co_return;
      reread_configuration(flags, deps.config);
    }
  };
  spawn_detached(executor, "configuration", std::move(rereading));
  say_ready(deps, listeners);
  probe_upstreams(deps, executor);
  loops.run(deps.metrics);
  end.then("records to be written");
  services.audit_writer.flush();
  end.then("a job in the pool");
  deps.pool.finish();
  end.then("a mail server");
  services.mail.finish();
  end.then("records to be written");
  services.audit_writer.flush();  // of the last jobs
  end.then("connections and workers to be let go");
  loops.let_go();
  ignore_further_signals();
}

int run_gate(const Config& config, const ConfigFlags& flags) {
  log::configure(config.log_level, config.log_format);
  raise_descriptor_limit();
  give_memory_back();
  std::signal(SIGPIPE, SIG_IGN);

  auto storage = open_storage(config);
  if (!storage) return report(storage.error());
  const SystemClock clock;
  Metrics metrics;
  ActivePolicy active_policy(config.policy_file, clock, *storage->state, *storage->state, metrics);
  if (auto loaded = active_policy.load(); !loaded) return report(loaded.error());
  FeedWatch feeds(config.feeds, active_policy, clock, metrics);
  if (auto loaded = feeds.load(); !loaded) {
    report(loaded.error());
    return kUsage;
  }
  auto client_options = client_options_here();
  if (!client_options) return report(client_options.error());
  Pool pool(std::max(config.workers, 2u), kMaxQueuedJobs);
  Loops loops(config.loops != 0 ? config.loops : std::max(1u, std::thread::hardware_concurrency()));
  client_options->pool = &pool;
  const std::unique_ptr<Upstream> client = make_http_client(*client_options);
  UpstreamGuard upstream(*client, metrics, GuardLimits{}, &std::chrono::steady_clock::now, [] {
    thread_local std::minstd_rand random{std::random_device{}()};
    return std::uniform_real_distribution<double>(0, 1)(random);
  });
  auto inspector = make_inspector(config, loops.first().get_executor(), pool, metrics);
  if (!inspector) return report(inspector.error());
  const Dependencies deps{config, clock,         upstream, *storage->state, *storage->blobs,
                          pool,   active_policy, metrics,  **inspector};
  auto trust = TrustStore::open(config.signatures);
  if (!trust) return report(trust.error());
  Services services(deps, feeds, **trust);
  auto listeners = listen(deps, loops, services);
  if (!listeners) return report(listeners.error());

  EndWatch end(&end_at_once);
  run_until_signal(deps, loops, services, feeds, *listeners, flags, end);
  log::info("stopped", "everything is on disk");
  end.expect("files to be closed", kExitLimit);
  return kDone;
}

}  // namespace

void add_serve(Command app) {
  auto flags = std::make_shared<ConfigFlags>();
  Command command = app.subcommand("serve", "Run the gate");
  add_config_flags(command, *flags);
  command.option("--listen", flags->listen, "address and port for clients (default 127.0.0.1:4873)")
      .type_name("ADDR:PORT");
  command.action([flags] {
    flags->sends = true;
    const LoadedConfig loaded = load_configuration(*flags);
    return loaded.config ? run_gate(*loaded.config, *flags) : loaded.exit_code;
  });
}

}  // namespace npmgate
