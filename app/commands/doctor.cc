// `npm-gate doctor`: looks at everything a gate needs, and says for each problem what to do.
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "app/cli.h"
#include "app/command_line.h"
#include "app/commands/admin_client.h"
#include "app/commands/operate_commands.h"
#include "base/digest.h"
#include "certs/development.h"
#include "policy/policy.h"
#include "proxy/external/trust_store.h"
#include "proxy/runtime/clock_jumps.h"
#include "store/sqlite/open_state_store.h"

namespace npmgate {
namespace {

enum class Grade { kOk, kWarning, kProblem };

struct Check {
  std::string what;
  Grade grade = Grade::kOk;
  std::string message, fix;
};

constexpr std::uint64_t kLowDisk = std::uint64_t{64} << 20;   // /readyz says no below it
constexpr std::uint64_t kSmallDisk = std::uint64_t{2} << 30;  // some thousand tarballs
constexpr rlim_t kFewDescriptors = 4096;                      // connections, tarballs being sent
constexpr auto kSkew = std::chrono::seconds(60);  // ages and cooldowns are counted from the clock
constexpr const char* kRenewTrust =
    "a newer npm-gate, or signatures: { trusted_root: FILE, registry_keys: FILE }";
constexpr auto kExpiresSoon = std::chrono::hours(24 * 60);

// Of the registry's keys that sign publish attestations.
struct KeysInForce {
  std::size_t count = 0;
  std::optional<Time> until{};  // when the last of them ends; nullopt: one has no end
};

KeysInForce keys_in_force(const std::vector<sigstore::RegistryKey>& keys, Time now) {
  KeysInForce out;
  bool endless = false;
  for (const sigstore::RegistryKey& key : keys) {
    if (key.usage != sigstore::kAttestationsUsage || !key.valid.holds(now)) continue;
    ++out.count;
    endless = endless || !key.valid.end;
    if (key.valid.end && (!out.until || *out.until < *key.valid.end)) out.until = key.valid.end;
  }
  if (endless) out.until.reset();
  return out;
}
constexpr auto kJumpTold = std::chrono::hours(24 * 7);
constexpr auto kOldFeed = std::chrono::hours(72);
constexpr auto kLimit = std::chrono::seconds(10);

std::string_view to_string(Grade grade) {
  switch (grade) {
    case Grade::kOk:
      return "ok";
    case Grade::kWarning:
      return "warning";
    case Grade::kProblem:
      break;
  }
  return "problem";
}

class Doctor {
 public:
  explicit Doctor(const Config& config) : config_(config) {}

  // Files alone: what a start would read. Nothing is asked, nothing is opened for writing but the
  // folder for data.
  std::vector<Check> check_files() {
    policy();
    data_folder(false);
    certificates();
    feeds();
    anchors();
    return std::move(checks_);
  }

  std::vector<Check> examine() {
    policy();
    data_folder(true);
    disk();
    descriptors();
    for (const UpstreamConfig& upstream : config_.upstreams) ask(upstream);
    certificates();
    listeners();
    tokens_in_clear();
    feeds();
    trust();
    sandbox();
    return std::move(checks_);
  }

 private:
  void ok(std::string what, std::string message) {
    checks_.push_back({std::move(what), Grade::kOk, std::move(message), ""});
  }
  void warn(std::string what, std::string message, std::string fix) {
    checks_.push_back({std::move(what), Grade::kWarning, std::move(message), std::move(fix)});
  }
  void problem(std::string what, std::string message, std::string fix) {
    checks_.push_back({std::move(what), Grade::kProblem, std::move(message), std::move(fix)});
  }

  void policy() {
    if (config_.policy_file.empty()) return ok("policy", "the built-in default policy");
    const PolicyResult loaded =
        load_policy_file(config_.policy_file, disk_reader(), SystemClock().now());
    if (!loaded.policy) {
      return problem("policy", loaded.problems.front().str(),
                     "npm-gate policy check " + config_.policy_file + " names every mistake");
    }
    if (!loaded.policy->warnings.empty()) {
      return warn("policy", loaded.policy->warnings.front().str(),
                  "npm-gate policy check " + config_.policy_file);
    }
    ok("policy", config_.policy_file + ", hash " + loaded.policy->hash);
  }

  void data_folder(bool open_state) {
    const std::string& path = config_.storage_path;
    if (!std::filesystem::exists(path)) {
      return warn("data", path + " does not exist yet", "npm-gate serve makes it");
    }
    const std::string probe = path + "/.doctor-" + random_hex(4);
    std::ofstream out(probe);
    out << "x";
    out.close();
    std::error_code ignored;
    std::filesystem::remove(probe, ignored);
    if (!out) {
      return problem("data", path + " cannot be written by uid " + std::to_string(geteuid()),
                     "chown it to the user that runs the gate, or name another storage.path");
    }
    if (open_state && std::filesystem::exists(path + "/state.db")) {
      auto store = open_state_store(path);
      if (!store) {
        return problem("data", store.error().context,
                       "restore the last backup (docs/operating.md), or use the program that wrote "
                       "it");
      }
      clock_jump(**store);
    }
    ok("data", path);
  }

  void clock_jump(SettingStore& store) {
    const auto text = store.setting(kClockJumpSetting);
    const auto jump = text && *text ? clock_jump_from_text(**text) : std::nullopt;
    if (!jump || SystemClock().now() - jump->at > kJumpTold) return;
    const std::string by = std::to_string(std::abs(jump->by.count())) + " s";
    warn("clock",
         "was set " + std::string(jump->by.count() < 0 ? "back" : "forward") + " by " + by +
             ", noticed " + format_minute(jump->at),
         "ages and cooldowns are counted from it: see npm-gate log for what was served since, and "
         "run "
         "an NTP client");
  }

  void disk() {
    struct statvfs status {};
    const std::string& path = config_.storage_path;
    if (::statvfs(path.c_str(), &status) != 0) return;
    const std::uint64_t free = static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
    const std::string message = human_bytes(free) + " free at " + path;
    const std::string fix = "make room, move storage.path, or lower storage.tarballs.max_size (" +
                            human_bytes(config_.max_tarballs) + ")";
    if (free < kLowDisk) return problem("disk", message, fix);
    if (free < kSmallDisk) return warn("disk", message, fix);
    ok("disk", message);
  }

  void descriptors() {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    const std::string message = "up to " + std::to_string(limit.rlim_max) + " open files";
    if (limit.rlim_max >= kFewDescriptors) return ok("open files", message);
    warn("open files", message, "raise it: LimitNOFILE=65536 in the systemd unit, or ulimit -Hn");
  }

  Result<FetchReply> get(const UpstreamConfig& upstream, const std::string& url) {
    FetchRequest request;
    request.url = url;
    request.ca_file = upstream.ca;
    request.limit = kLimit;
    request.max_body = std::size_t{1} << 20;
    request.authorization = upstream.authorization();
    const auto options = client_options_here();
    if (!options) return options.error();
    return fetch_once(std::move(request), *options);
  }

  void ask(const UpstreamConfig& upstream) {
    const std::string what = "upstream " + upstream.name;
    const auto reply = get(upstream, upstream.url + "-/ping");
    if (!reply) {
      const bool trust = reply.error().code == Code::kRefused;
      return problem(what, reply.error().context,
                     trust ? "if this certificate is right, name its CA: upstreams[].ca"
                           : "check url, network and HTTPS_PROXY / NO_PROXY of the gate");
    }
    // A mirror without ping answers 404: it was reached all the same.
    if (reply->status == 401 || reply->status == 403) {
      return problem(what, upstream.url + " answers " + std::to_string(reply->status),
                     "check token_env or token_file of this upstream");
    }
    if (reply->status >= 500) {
      return problem(what, upstream.url + " answers " + std::to_string(reply->status),
                     "ask its admin; what is cached is served for packuments.stale");
    }
    ok(what, upstream.url + " answers");
    clock(upstream, *reply);
  }

  void clock(const UpstreamConfig& upstream, const FetchReply& reply) {
    const auto theirs = parse_http_date(reply.headers.get("date"));
    if (!theirs) return;
    const Time ours = SystemClock().now();
    const auto skew = ours > *theirs ? ours - *theirs : *theirs - ours;
    if (skew <= kSkew) return ok("clock", "as " + upstream.name + " has it");
    warn("clock",
         "differs from " + upstream.name + " by " +
             std::to_string(std::chrono::duration_cast<std::chrono::seconds>(skew).count()) + " s",
         "ages and cooldowns are counted from it: run an NTP client");
  }

  void certificates() {
    const auto& urls = config_.public_urls;
    certificate("certificate", config_.tls, urls.empty() ? "" : urls.front());
    certificate("admin certificate", config_.admin.tls, config_.admin.url);
  }

  void certificate(const std::string& what, const TlsConfig& tls, const std::string& url) {
    if (!tls.enabled()) return;
    const std::string host = url.empty() ? "" : parse_url(url)->host;
    const auto report = check_pair(tls.certificate, tls.key, host, SystemClock().now());
    const std::string fix = "renew " + tls.certificate + "; the gate loads it by itself";
    if (!report) return problem(what, report.error().context, fix);
    if (!report->problems.empty()) return problem(what, report->problems.front(), fix);
    ok(what, "valid until " + format_minute(report->not_after));
  }

  void listeners() {
    const auto at = [](const std::string& address, std::uint16_t port) {
      const bool any = address == "0.0.0.0" || address == "::";
      const std::string host = any ? "127.0.0.1" : address;
      return "http://" + (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" +
             std::to_string(port) + "/";
    };
    const std::string admin = admin_url(config_.admin);
    const auto ready = get({}, admin + "readyz");
    if (!ready) {
      return warn("gate", "does not answer at " + admin,
                  "npm-gate serve starts it; journalctl -u npm-gate says why it ended");
    }
    if (ready->status != 200) {
      std::string why = ready->body.substr(0, ready->body.find('\n'));
      return problem("gate", "is not ready: " + log::printable(why, 200), "its log says more");
    }
    ok("gate", "ready, admin API at " + admin);
    if (config_.tls.enabled()) return;
    const std::string clients = at(config_.address, config_.port);
    const auto ping = get({}, clients + "-/ping");
    if (!ping || ping->status != 200) {
      return problem("clients", "no answer at " + clients,
                     "another program may hold the port: ss -ltnp");
    }
    ok("clients", "served at " + clients);
  }

  // Whoever listens on the way has them.
  void tokens_in_clear() {
    if (!is_loopback(config_.admin.address) && !config_.admin.tls.enabled()) {
      warn("admin tokens", "the admin listener speaks plain HTTP at " + config_.admin.address,
           "admin: { tls: ... }, or admin: { address: 127.0.0.1 } and TLS in front of it");
    }
    const auto& urls = config_.public_urls;
    const bool plain = std::any_of(urls.begin(), urls.end(), [](const std::string& url) {
      const auto parsed = parse_url(url);
      return parsed && parsed->scheme == "http" && !is_loopback(parsed->host);
    });
    if (config_.clients_need_token && plain) {
      warn("client tokens", "public_url is http://: clients send their tokens in clear",
           "listen: { tls: ... }, or TLS in front of the gate, and an https:// public_url");
    }
  }

  void feeds() {
    for (const std::string& feed : config_.feeds) {
      std::error_code ec;
      const auto changed = std::filesystem::last_write_time(feed, ec);
      if (ec) {
        problem("feed", feed + ": " + ec.message(), "name an OSV file or folder that exists");
        continue;
      }
      const auto age = std::filesystem::file_time_type::clock::now() - changed;
      if (age > kOldFeed) {
        warn("feed", feed + " was not renewed for three days", "let a timer fetch it daily");
      } else {
        ok("feed", feed);
      }
    }
  }

  // nullptr if they cannot be loaded, which is a problem, or are not asked for.
  std::shared_ptr<const TrustAnchors> anchors() {
    auto store = TrustStore::open(config_.signatures);
    if (store) return (*store)->current();
    problem("trusted root", store.error().context, kRenewTrust);
    return nullptr;
  }

  // Logs and authorities are replaced from time to time: what is signed by ones that are not in
  // here does not verify.
  void trust() {
    const SignatureConfig& config = config_.signatures;
    const std::shared_ptr<const TrustAnchors> anchors = this->anchors();
    if (!config.verify)
      return warn("provenance", "attestations are taken as stated, their signatures unseen",
                  "signatures: { provenance: verified }");
    if (!anchors) return;
    const Time now = SystemClock().now();
    std::string age;
    for (const std::string& file : {config.trusted_root, config.registry_keys}) {
      std::error_code ignored;
      const auto changed = std::filesystem::last_write_time(file, ignored);
      if (file.empty() || ignored) continue;
      const auto old = std::filesystem::file_time_type::clock::now() - changed;
      age +=
          "; " + file + " is " + human_duration(std::chrono::duration_cast<Millis>(old)) + " old";
    }
    const auto end = anchors->root->expires(now);
    const KeysInForce keys = keys_in_force(anchors->keys, now);
    const std::string message =
        "from " + anchors->root_origin + ", keys from " + anchors->keys_origin + age +
        (end ? "; its certificates hold until " + format_minute(*end) : "") + "; " +
        std::to_string(keys.count) + (keys.count == 1 ? " registry key" : " registry keys") +
        " in force" + (keys.until ? ", the last until " + format_minute(*keys.until) : "");
    if (!end || *end <= now)
      return problem("trusted root", message + "; none of its authorities is in force",
                     kRenewTrust);
    if (keys.count == 0)
      return problem("trusted root", message + ": no publish attestation verifies", kRenewTrust);
    const bool soon = *end - now < kExpiresSoon || (keys.until && *keys.until - now < kExpiresSoon);
    if (soon) return warn("trusted root", message, kRenewTrust);
    ok("trusted root", message);
  }

  void sandbox() {
    std::ifstream actions("/proc/sys/kernel/seccomp/actions_avail");
    std::string line;
    std::getline(actions, line);
    if (line.find("kill_process") != std::string::npos)
      return ok("sandbox", "the kernel has seccomp filters");
    warn("sandbox", "the kernel offers no seccomp filters",
         "enable CONFIG_SECCOMP_FILTER: without it serve does not start, unless inspection: { "
         "sandbox: false } gives the protection up");
  }

  const Config& config_;
  std::vector<Check> checks_;
};

int print(const std::vector<Check>& checks, bool json) {
  bool problems = false;
  boost::json::array rows;
  for (const Check& check : checks) {
    problems = problems || check.grade == Grade::kProblem;
    if (json) {
      rows.push_back(boost::json::object{{"check", check.what},
                                         {"result", to_string(check.grade)},
                                         {"message", check.message},
                                         {"fix", check.fix}});
      continue;
    }
    std::string word(to_string(check.grade));
    word.resize(8, ' ');
    std::cout << word << " " << check.what << ": " << log::printable(check.message, 400) << "\n";
    if (!check.fix.empty()) std::cout << "         " << check.fix << "\n";
  }
  if (json) std::cout << boost::json::serialize(rows) << "\n";
  return problems ? kNo : kDone;
}

// As nginx -t: mistakes on stderr, a line each; one line if there is none.
int check(const Config& config) {
  bool good = true;
  for (const Check& each : Doctor(config).check_files()) {
    if (each.grade == Grade::kOk) continue;
    good = good && each.grade != Grade::kProblem;
    std::cerr << "npm-gate: " << to_string(each.grade) << ": " << each.what << ": "
              << log::printable(each.message, 400) << "; " << each.fix << "\n";
  }
  if (!good) return kUsage;
  std::cout << "npm-gate: " << (config.file.empty() ? "the built-in configuration" : config.file)
            << (config.policy_file.empty() ? "" : " and " + config.policy_file) << ": good\n";
  return kDone;
}

}  // namespace

void add_check(Command app) {
  auto flags = std::make_shared<ConfigFlags>();
  Command command = app.subcommand(
      "check",
      "Check configuration, policy, certificate, feeds and data folder without starting anything; "
      "exit 2 if a start would fail");
  add_config_flags(command, *flags);
  command.action([flags] {
    flags->sends = true;
    const LoadedConfig loaded = load_configuration(*flags);
    return loaded.config ? check(*loaded.config) : loaded.exit_code;
  });
}

void add_doctor(Command app) {
  auto flags = std::make_shared<ConfigFlags>();
  auto json = std::make_shared<bool>(false);
  Command command = app.subcommand(
      "doctor",
      "Look at configuration, policy, data, disk, upstreams, certificate and listeners; "
      "exit 1 if something is wrong");
  add_config_flags(command, *flags);
  command.flag("--json", *json, "JSON instead of text");
  command.action([flags, json] {
    flags->sends = true;
    const LoadedConfig loaded = load_configuration(*flags);
    return loaded.config ? print(Doctor(*loaded.config).examine(), *json) : loaded.exit_code;
  });
}

}  // namespace npmgate
