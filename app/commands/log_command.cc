#include "app/commands/log_command.h"

#include <boost/json/serialize.hpp>
#include <iostream>
#include <thread>

#include "app/cli.h"
#include "app/command_line.h"
#include "app/commands/local_commands.h"
#include "base/log.h"
#include "registry/name.h"
#include "store/entry_json.h"
#include "store/state_store.h"

namespace npmgate {
namespace {

// How often --follow looks for new lines.
constexpr auto kLook = std::chrono::milliseconds(300);
constexpr int kPage = 5000;

struct LogOptions {
  ConfigFlags flags;
  AuditFilter filter;
  std::string spec, since, until;
  std::optional<Range> range;
  bool json = false, follow = false;
};

// Lines come while they are written: columns of fixed width.
std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text + "  ";
}

void print_heading() {
  std::cout << padded("TIME", 24) << padded("KIND", 14) << padded("WHO", 14)
            << padded("RELEASE", 30) << padded("ACTION", 10) << padded("CLIENT", 12) << "DETAIL\n";
}

void print(const AuditEntry& entry, bool json) {
  if (json) {
    std::cout << boost::json::serialize(entry_json(entry)) << "\n";
    return;
  }
  std::string release = entry.name;
  if (!entry.version.empty()) release += "@" + entry.version;
  std::cout << padded(format_time(entry.at), 24) << padded(entry.kind, 14)
            << padded(log::printable(entry.actor), 14) << padded(log::printable(release, 300), 30)
            << padded(entry.action, 10) << padded(log::printable(entry.client), 12)
            << log::printable(entry.detail, 400) << "\n";
}

// A line about a range of the package, such as a rejection, may be about any release of it.
bool wanted(const LogOptions& options, const AuditEntry& entry) {
  if (!options.range) return true;
  const auto version = Version::parse_loose(entry.version);
  return !version || options.range->matches(*version, true);
}

// A date, a time, or how long ago: "2h".
std::optional<Time> moment(const std::string& text) {
  if (const auto time = parse_time(text)) return time;
  if (const auto ago = parse_duration(text)) return SystemClock().now() - *ago;
  return std::nullopt;
}

bool read_options(LogOptions& options, std::string& wrong) {
  if (!options.filter.kind.empty() && !is_audit_kind(options.filter.kind)) {
    wrong = "--kind " + log::printable(options.filter.kind, 60) + ": there are " + audit_kinds();
    return false;
  }
  for (auto [text, name, slot] : {std::tuple(&options.since, "--since", &options.filter.since),
                                  std::tuple(&options.until, "--until", &options.filter.until)}) {
    if (text->empty()) continue;
    *slot = moment(*text);
    if (*slot) continue;
    wrong =
        std::string(name) + " " + *text + ": expected a date, a time or how long ago, such as 2h";
    return false;
  }
  if (options.spec.empty()) return true;
  const std::size_t at = options.spec.rfind('@');
  const bool ranged = at != std::string::npos && at != 0;
  options.filter.name = options.spec.substr(0, ranged ? at : std::string::npos);
  if (ranged) options.range = Range::parse(options.spec.substr(at + 1));
  if (PackageName::parse(options.filter.name) && (!ranged || options.range)) return true;
  wrong = "'" + log::printable(options.spec, 100) + "' is not NAME or NAME@RANGE";
  return false;
}

// The last `limit` lines that match; a range is matched here, so that older lines are looked at
// until there are enough. Returns the last id seen.
Result<std::int64_t> print_last(AuditLog& store, const LogOptions& options) {
  AuditFilter filter = options.filter;
  filter.latest = !options.range;
  std::int64_t last = 0;
  std::vector<AuditEntry> lines;
  const auto limit = static_cast<std::size_t>(options.filter.limit);
  if (options.range) filter.limit = kPage;
  while (true) {
    auto page = store.audit_log(filter);
    if (!page) return page.error();
    for (AuditEntry& entry : *page) {
      last = std::max(last, entry.id);
      if (!wanted(options, entry)) continue;
      lines.push_back(std::move(entry));
      if (lines.size() > limit) lines.erase(lines.begin());
    }
    if (!options.range || page->size() < static_cast<std::size_t>(kPage)) break;
    filter.after_id = last;
  }
  if (!options.json && (!lines.empty() || options.follow)) print_heading();
  if (!options.json && lines.empty() && !options.follow) std::cout << "no entry matches\n";
  for (const AuditEntry& entry : lines) print(entry, options.json);
  std::cout.flush();
  return last;
}

int show(LogOptions& options) {
  std::string wrong;
  if (!read_options(options, wrong)) return report_usage(wrong);
  auto store = open_state(options.flags);
  if (!store) return report(store.error());
  auto last = print_last(**store, options);
  if (!last) return report(last.error());
  AuditFilter filter = options.filter;
  filter.limit = kPage;
  filter.after_id = *last;
  while (options.follow && std::cout) {
    std::this_thread::sleep_for(kLook);
    auto page = (*store)->audit_log(filter);
    if (!page) return report(page.error());
    for (const AuditEntry& entry : *page) {
      filter.after_id = entry.id;
      if (wanted(options, entry)) print(entry, options.json);
    }
    std::cout.flush();
  }
  return kDone;
}

}  // namespace

void add_log(Command app) {
  auto options = std::make_shared<LogOptions>();
  Command command = app.subcommand(
      "log", "The audit trail: who was served, refused, approved what, when, under which policy");
  command.option("NAME@RANGE", options->spec, "only about these releases");
  add_config_file(command, options->flags);
  command.option("--kind", options->filter.kind, audit_kinds());
  command.option("--action", options->filter.action, "allow, quarantine, approve …");
  command.option("--actor", options->filter.actor, "gate, client, admin:NAME");
  command.option("--client", options->filter.client, "address");
  command.option("--since", options->since, "date, time, or how long ago (2h, 7d)");
  command.option("--until", options->until, "the same");
  command.option("--limit", options->filter.limit, "the last so many lines (default 100)")
      .range(1, 1'000'000);
  command.flag("--json", options->json, "JSON lines");
  command.flag("--follow", options->follow, "go on with new lines as they come");
  command.action([options] { return show(*options); });
}

}  // namespace npmgate
