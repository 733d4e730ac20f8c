#include "app/commands/alerts_command.h"

#include <boost/json/serialize.hpp>
#include <filesystem>
#include <iostream>

#include "app/cli.h"
#include "app/command_line.h"
#include "app/report/table_text.h"
#include "proxy/delivery/alert_dispatcher.h"
#include "store/sqlite/open_state_store.h"

namespace npmgate {
namespace {

struct AlertsOptions {
  ConfigFlags flags;
  std::string sink;
  bool json = false;
  int limit = 100;
};

Result<std::unique_ptr<StateStore>> open_state(const Config& config) {
  if (!std::filesystem::exists(config.storage_path))
    return fail(
        Code::kNotFound, Origin::kDisk,
        "no state in " + config.storage_path + "; run npm-gate serve once, or name its --config");
  return open_state_store(config.storage_path);
}

std::string releases_of(const std::vector<OutboxEvent>& events) {
  std::string out;
  for (std::size_t i = 0; i < events.size() && i < 5; ++i) {
    const OutboxEvent& event = events[i];
    out += (i == 0 ? "" : ", ") + event.kind;
    if (!event.name.empty()) out += " " + log::printable(event.name + "@" + event.version, 120);
  }
  if (events.size() > 5) out += " and " + std::to_string(events.size() - 5) + " more";
  return out;
}

boost::json::object as_json(const OutboxAddress& to, const std::string& state,
                            const std::vector<OutboxEvent>& events) {
  boost::json::array list;
  for (const OutboxEvent& event : events)
    list.push_back(boost::json::object{{"kind", event.kind},
                                       {"name", event.name},
                                       {"version", event.version},
                                       {"time", format_time(event.at)}});
  return {{"sink", to.sink}, {"target", to.target}, {"state", state}, {"events", list}};
}

using Rows = std::vector<std::vector<std::string>>;

std::string address_of(const OutboxAddress& to) {
  return to.sink + (to.target.empty() ? "" : " " + to.target);
}

void print_waiting(const WaitingEvent& waiting, bool json, Rows& rows) {
  if (json) {
    std::cout << boost::json::serialize(as_json(waiting.to, "waiting", {waiting.event})) << "\n";
    return;
  }
  rows.push_back({"waiting", address_of(waiting.to), releases_of({waiting.event}),
                  format_minute(waiting.event.at), "", ""});
}

void print_delivery(const Delivery& delivery, bool json, Rows& rows) {
  if (json) {
    boost::json::object out = as_json(delivery.to, delivery.state, delivery.events);
    out["key"] = delivery.key;
    out["attempts"] = delivery.attempts;
    out["detail"] = delivery.detail;
    out["due"] = delivery.state == "pending" ? boost::json::value(format_time(delivery.due))
                                             : boost::json::value();
    std::cout << boost::json::serialize(out) << "\n";
    return;
  }
  rows.push_back(
      {delivery.state, address_of(delivery.to), releases_of(delivery.events),
       format_minute(delivery.done ? *delivery.done : delivery.created),
       std::to_string(delivery.attempts),
       delivery.detail +
           (delivery.state == "pending" ? "  next " + format_minute(delivery.due) : "")});
}

int list(const AlertsOptions& options) {
  const LoadedConfig loaded = load_configuration(options.flags);
  if (!loaded.config) return loaded.exit_code;
  auto store = open_state(*loaded.config);
  if (!store) return report(store.error());
  auto waiting = (*store)->alerts().waiting();
  if (!waiting) return report(waiting.error());
  auto deliveries = (*store)->alerts().deliveries(options.limit);
  if (!deliveries) return report(deliveries.error());
  Rows rows;
  for (const WaitingEvent& each : *waiting) print_waiting(each, options.json, rows);
  for (const Delivery& each : *deliveries) print_delivery(each, options.json, rows);
  if (!options.json)
    std::cout << table_text({"STATE", "TO", "ABOUT", "TIME", "ATTEMPTS", "DETAIL"}, rows,
                            "no alert was sent or is waiting");
  return kDone;
}

int test(const AlertsOptions& options) {
  const LoadedConfig loaded = load_configuration(options.flags);
  if (!loaded.config) return loaded.exit_code;
  const AlertSettings& settings = loaded.config->alerts;
  if (settings.sinks.empty())
    return report_usage("no sink is configured; add alerts: to gate.yaml (docs/monitoring.md)");
  if (!options.sink.empty() && settings.sink(options.sink) == nullptr)
    return report_usage("no sink is named '" + log::printable(options.sink, 80) + "' in gate.yaml");
  auto store = open_memory_state_store();
  if (!store) return report(store.error());
  const auto client_options = client_options_here();
  if (!client_options) return report(client_options.error());
  net::io_context context;
  const auto client = make_http_client(*client_options);
  const SystemClock clock;
  Pool pool(1, 16), slow(1, 16);
  Metrics metrics;
  const auto& urls = loaded.config->public_urls;
  AlertDispatcher dispatcher(DispatcherDependencies{settings, urls.empty() ? "" : urls.front(),
                                                    clock, (*store)->alerts(), *client, pool, slow,
                                                    metrics, [] { return 0.5; }});
  int code = kDone;
  auto run = [&]() -> Task<void> {
    for (const SinkSettings& sink : settings.sinks) {
      if (!options.sink.empty() && sink.name != options.sink) continue;
      const SendOutcome outcome = co_await dispatcher.test(sink);
      const bool sent = outcome.kind == SendOutcome::Kind::kSent;
      std::cout << sink.name << " (" << to_string(sink.type)
                << "): " << (sent ? "reached, " : "not reached, ")
                << log::printable(outcome.detail, 300) << "\n";
      if (!sent) code = kFailed;
    }
  };
  run_to_end(context, std::move(run));
  return code;
}

}  // namespace

void add_alerts(Command app) {
  Command command = app.subcommand("alerts", "Messages about held, blocked and recalled releases");
  command.require_subcommand();
  auto options = std::make_shared<AlertsOptions>();
  Command list_command =
      command.subcommand("list", "What waits, is on its way, was sent or given up");
  add_config_flags(list_command, options->flags);
  list_command.flag("--json", options->json, "JSON lines");
  list_command.option("--limit", options->limit, "messages at most (default 100)").range(1, 10'000);
  list_command.action([options] { return list(*options); });
  Command test_command = command.subcommand(
      "test",
      "Send a marked message to every sink, or to one; GitHub is asked only, nothing is written");
  add_config_flags(test_command, options->flags);
  test_command.option("SINK", options->sink, "name of one sink in gate.yaml");
  test_command.action([options] {
    options->flags.sends = true;
    return test(*options);
  });
}

}  // namespace npmgate
