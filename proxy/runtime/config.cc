#include "proxy/runtime/config.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>

#include "base/digest.h"
#include "base/text.h"
#include "base/url.h"
#include "registry/name.h"

namespace npmgate {
namespace {

std::string below(const std::string& file, const std::string& path) {
  if (path.empty() || path.front() == '/' || file.empty()) return path;
  return (std::filesystem::path(file).parent_path() / path).lexically_normal().string();
}

class ConfigLoader {
 public:
  ConfigLoader(const std::string& file, const EnvReader& env, SinkSecrets sinks, ConfigResult& out)
      : file_(file), env_(env), sinks_(sinks), out_(out) {}

  void load(const YamlNode& root) {
    Config& config = out_.config;
    config.file = file_;
    YamlReader reader(root, "gate.yaml", out_.problems);
    section(reader, "listen", [&](YamlReader& r) { listen(r); });
    urls(reader);
    section(reader, "admin", [&](YamlReader& r) { admin(r); });
    section(reader, "access", [&](YamlReader& r) { access(r); });
    section(reader, "ledger", [&](YamlReader& r) {
      config.ledger_keep = Millis(r.duration_ms("keep", config.ledger_keep.count()));
    });
    upstreams(reader);
    section(reader, "storage", [&](YamlReader& r) { storage(r); });
    section(reader, "packuments", [&](YamlReader& r) {
      config.fresh = Millis(r.duration_ms("fresh", config.fresh.count()));
      config.stale = Millis(r.duration_ms("stale", config.stale.count()));
    });
    section(reader, "inspection", [&](YamlReader& r) { inspection(r); });
    section(reader, "git", [&](YamlReader& r) {
      if (r.has("hosts")) config.git_hosts = r.texts("hosts");
      config.git_private_hosts = r.texts("private_hosts");
      config.git_hosts.insert(config.git_hosts.end(), config.git_private_hosts.begin(),
                              config.git_private_hosts.end());
      config.git_ca = below(file_, r.text("ca"));
      config.git_timeout = Millis(r.duration_ms("timeout", config.git_timeout.count()));
      config.git_cache = Millis(r.duration_ms("cache", config.git_cache.count()));
      config.git_source = r.flag("source", config.git_source);
    });
    section(reader, "signatures", [&](YamlReader& r) { signatures(r); });
    config.policy_file = below(file_, reader.text("policy"));
    for (const std::string& feed : reader.texts("feeds"))
      config.feeds.push_back(below(file_, feed));
    if (const YamlNode* node = reader.node("alerts"))
      config.alerts = read_alerts(*node, secrets(), out_.problems);
    if (const YamlNode* node = reader.node("watch"))
      config.watch = read_watch(*node, out_.problems);
    section(reader, "subscriptions", [&](YamlReader& r) {
      config.subscriptions_expire =
          Millis(r.duration_ms("expire", config.subscriptions_expire.count()));
    });
    section(reader, "log", [&](YamlReader& r) { logging(r); });
    reader.finish();
  }

 private:
  template <class F>
  void section(YamlReader& reader, const char* key, F&& read) {
    const YamlNode* node = reader.node(key);
    if (node == nullptr) return;
    YamlReader inner(*node, key, out_.problems);
    read(inner);
    inner.finish();
  }

  void problem(const YamlNode& node, std::string message) {
    out_.problems.push_back({node.at, std::move(message)});
  }

  void listen(YamlReader& reader) {
    Config& config = out_.config;
    config.address = reader.text("address", config.address);
    config.port = static_cast<std::uint16_t>(reader.integer("port", config.port, 0, 65535));
    config.loops = static_cast<unsigned>(reader.integer("loops", 0, 0, 256));
    config.max_connections = static_cast<std::size_t>(reader.integer(
        "max_connections", static_cast<std::int64_t>(config.max_connections), 16, 1'000'000));
    config.max_connections_per_address = static_cast<std::size_t>(reader.integer(
        "max_connections_per_address",
        static_cast<std::int64_t>(config.max_connections_per_address), 1, 1'000'000));
    config.drain = Millis(reader.duration_ms("drain", config.drain.count()));
    tls(reader, config.tls);
  }

  void tls(YamlReader& reader, TlsConfig& out) {
    section(reader, "tls", [&](YamlReader& r) {
      r.require("certificate");
      r.require("key");
      out.certificate = below(file_, r.text("certificate"));
      out.key = below(file_, r.text("key"));
      out.client_ca = below(file_, r.text("client_ca"));
    });
  }

  void admin(YamlReader& reader) {
    AdminConfig& config = out_.config.admin;
    config.address = reader.text("address", config.address);
    config.port = static_cast<std::uint16_t>(reader.integer("port", config.port, 0, 65535));
    tls(reader, config.tls);
    const std::string url = reader.text("url");
    const auto parsed = parse_url(with_trailing_slash(url));
    if (!url.empty() && (!parsed || parsed->path != "/")) {
      problem(*reader.node("url"),
              "admin.url: '" + log::printable(url, 80) + "' is not an http(s) URL of a host alone");
    } else if (!url.empty()) {
      config.url = with_trailing_slash(url);
    }
    for (const std::string& host : reader.texts("hosts")) config.hosts.push_back(lower_ascii(host));
    config.desk_on_gate = reader.flag("desk_on_gate", config.desk_on_gate);
    section(reader, "sign_in", [&](YamlReader& r) { sign_in(r); });
  }

  void sign_in(YamlReader& reader) {
    SignInConfig& config = out_.config.admin.sign_in;
    reader.require("issuer");
    reader.require("client_id");
    config.issuer = reader.text("issuer");
    const auto issuer = parse_url(with_trailing_slash(config.issuer));
    // OpenID Connect Discovery 1.0, section 3: https; a provider on this machine is for trying.
    if (!config.issuer.empty() &&
        (!issuer || (issuer->scheme != "https" && !is_loopback(issuer->host)))) {
      problem(*reader.node("issuer"), "sign_in.issuer: '" + log::printable(config.issuer, 80) +
                                          "' is not an https URL without query or fragment");
    }
    config.client_id = reader.text("client_id");
    config.scopes = reader.texts("scopes");
    config.hosts = reader.texts("hosts");
    config.ca = below(file_, reader.text("ca"));
    if (!config.ca.empty() && !std::ifstream(config.ca).good())
      problem(*reader.node("ca"), "ca: cannot read " + config.ca);
    config.claim = reader.text("claim", config.claim);
    config.name_claim = reader.text("name_claim", config.name_claim);
    config.review = reader.texts("review");
    config.admin = reader.texts("admin");
    client_secret(reader, config);
  }

  // As the secrets of alert sinks: only the gate that signs people in needs it.
  void client_secret(YamlReader& reader, SignInConfig& config) {
    const std::string variable = reader.text("client_secret_env");
    const std::string path = below(file_, reader.text("client_secret_file"));
    const bool needed = sinks_ == SinkSecrets::kNeeded;
    if (!variable.empty()) {
      config.secret = env_(variable).value_or("");
      if (config.secret.empty() && needed)
        problem(*reader.node("client_secret_env"),
                "client_secret_env: the environment variable " + variable + " is not set");
    } else if (!path.empty()) {
      bool ok = false;
      config.secret = first_line_of(path, ok);
      if (!ok && needed)
        problem(*reader.node("client_secret_file"), "client_secret_file: cannot read " + path);
      config.secret_file = std::make_shared<SecretFile>(path, config.secret);
    }
  }

  void signatures(YamlReader& reader) {
    SignatureConfig& config = out_.config.signatures;
    config.trusted_root = below(file_, reader.text("trusted_root"));
    config.registry_keys = below(file_, reader.text("registry_keys"));
    const std::string provenance = reader.text("provenance", "verified");
    config.verify = provenance != "stated";
    if (config.verify && provenance != "verified")
      problem(*reader.node("provenance"), "signatures: provenance: expected verified or stated");
  }

  void urls(YamlReader& reader) {
    const YamlNode* node = reader.node("public_url");
    for (const std::string& text : reader.texts("public_url")) {
      if (!parse_url(text)) {
        problem(*node, "public_url: '" + log::printable(text, 80) +
                           "' is not an http(s) URL without credentials, query or fragment");
        continue;
      }
      out_.config.public_urls.push_back(with_trailing_slash(text));
    }
  }

  void access(YamlReader& reader) {
    const std::string clients = reader.text("clients", "open");
    if (clients != "open" && clients != "token") {
      problem(*reader.node("clients"), "access.clients: expected open or token, found '" +
                                           log::printable(clients, 40) + "'");
    }
    out_.config.clients_need_token = clients == "token";
    const std::string requests = reader.text("requests", "anybody");
    if (requests == "token") {
      out_.config.requests = Config::Requests::kToken;
    } else if (requests == "off") {
      out_.config.requests = Config::Requests::kOff;
    } else if (requests != "anybody") {
      problem(*reader.node("requests"), "access.requests: expected anybody, token or off, found '" +
                                            log::printable(requests, 40) + "'");
    }
    out_.config.contact = reader.text("contact");
    if (log::printable(out_.config.contact, 100) != out_.config.contact)
      problem(*reader.node("contact"), "access.contact: one line of at most 100 bytes");
    auto proxies = TrustedProxies::parse(reader.texts("trusted_proxies"));
    if (!proxies) {
      problem(*reader.node("trusted_proxies"), "trusted_proxies: " + proxies.error().context);
    } else {
      out_.config.trusted_proxies = std::move(*proxies);
    }
  }

  void upstreams(YamlReader& reader) {
    const YamlNode* node = reader.node("upstreams");
    if (node == nullptr) return;
    if (node->kind != YamlNode::Kind::kSequence) {
      problem(*node, "upstreams: expected a list of maps, each with name and url");
      return;
    }
    for (const YamlNode& item : node->items) upstream(item);
  }

  void upstream(const YamlNode& node) {
    UpstreamConfig upstream;
    YamlReader reader(node, "upstreams[]", out_.problems);
    reader.require("url");
    upstream.name =
        reader.text("name", "upstream" + std::to_string(out_.config.upstreams.size() + 1));
    const std::string url = reader.text("url");
    if (!url.empty() && !parse_url(url)) {
      problem(*reader.node("url"),
              "url: '" + log::printable(url, 80) +
                  "' is not an http(s) URL without credentials, query or fragment");
    }
    upstream.url = with_trailing_slash(url);
    upstream.scopes = reader.texts("scopes");
    upstream.packages = reader.texts("packages");
    upstream.tarball_hosts = reader.texts("tarball_hosts");
    upstream.ca = below(file_, reader.text("ca"));
    if (!upstream.ca.empty() && !std::ifstream(upstream.ca).good())
      problem(*reader.node("ca"), "ca: cannot read " + upstream.ca);
    upstream.changes = reader.text("changes");
    if (!upstream.changes.empty() && !parse_url(upstream.changes)) {
      problem(*reader.node("changes"), "changes: '" + log::printable(upstream.changes, 80) +
                                           "' is not an http(s) URL without query or fragment");
    }
    const std::string times = reader.text("times", "publish");
    if (times != "publish" && times != "ingest") {
      problem(*reader.node("times"),
              "times: expected publish or ingest, found '" + log::printable(times, 40) + "'");
    }
    upstream.times_publish = times != "ingest";
    upstream.inspect = reader.flag("inspect", true);
    upstream.writable = reader.flag("writable", false);
    token(reader, upstream);
    reader.finish();
    for (const UpstreamConfig& other : out_.config.upstreams) {
      if (other.name == upstream.name)
        problem(node, "upstream '" + upstream.name + "' is named twice");
    }
    out_.config.upstreams.push_back(std::move(upstream));
  }

  SecretSource secrets() const {
    SecretSource source;
    source.variable = env_;
    source.needed = sinks_ == SinkSecrets::kNeeded;
    source.resolve = [this](const std::string& path) { return below(file_, path); };
    source.first_line = [](const std::string& path) -> std::optional<std::string> {
      bool ok = false;
      std::string line = first_line_of(path, ok);
      return ok ? std::optional(std::move(line)) : std::nullopt;
    };
    return source;
  }

  void token(YamlReader& reader, UpstreamConfig& upstream) {
    const std::string variable = reader.text("token_env");
    const std::string path = below(file_, reader.text("token_file"));
    if (!variable.empty()) {
      const auto value = env_(variable);
      if (!value || value->empty()) {
        problem(*reader.node("token_env"),
                "token_env: the environment variable " + variable + " is not set");
      }
      upstream.token = value.value_or("");
    } else if (!path.empty()) {
      bool ok = false;
      upstream.token = first_line_of(path, ok);
      if (!ok) problem(*reader.node("token_file"), "token_file: cannot read " + path);
      upstream.token_file = std::make_shared<SecretFile>(path, upstream.token);
    }
    upstream.username = reader.text("username");
    if (!upstream.username.empty() && upstream.token.empty() && variable.empty() && path.empty())
      problem(*reader.node("username"),
              "username: its password is missing (token_env or token_file)");
    if (upstream.username.find(':') != std::string::npos)
      problem(*reader.node("username"), "username: no colon may stand in it");
  }

  void storage(YamlReader& reader) {
    Config& config = out_.config;
    config.storage_path = below(file_, reader.text("path", config.storage_path));
    section(reader, "tarballs",
            [&](YamlReader& r) { config.max_tarballs = r.bytes("max_size", config.max_tarballs); });
    config.cache_bytes = reader.bytes("memory", config.cache_bytes);
  }

  void inspection(YamlReader& reader) {
    Config& config = out_.config;
    config.workers = static_cast<unsigned>(reader.integer("workers", config.workers, 1, 256));
    config.sandbox = reader.flag("sandbox", config.sandbox);
    config.inspection_timeout =
        Millis(reader.duration_ms("timeout", config.inspection_timeout.count()));
    config.recent = Millis(reader.duration_ms("recent", config.recent.count()));
    config.limits.max_unpacked = reader.bytes("max_unpacked", config.limits.max_unpacked);
    config.limits.max_ratio =
        static_cast<std::uint32_t>(reader.integer("max_ratio", config.limits.max_ratio, 1, 1032));
    config.limits.max_entries = static_cast<std::uint32_t>(
        reader.integer("max_entries", config.limits.max_entries, 1, 10'000'000));
  }

  void logging(YamlReader& reader) {
    const std::string level = reader.text("level", "info");
    if (const auto parsed = log::parse_level(level)) {
      out_.config.log_level = *parsed;
    } else {
      problem(*reader.node("level"), "log.level: expected debug, info, warn or error, found '" +
                                         log::printable(level, 40) + "'");
    }
    const std::string format = reader.text("format", "text");
    if (format != "text" && format != "json") {
      problem(*reader.node("format"),
              "log.format: expected text or json, found '" + log::printable(format, 40) + "'");
    }
    out_.config.log_format = format == "json" ? log::Format::kJson : log::Format::kText;
  }

  const std::string& file_;
  const EnvReader& env_;
  const SinkSecrets sinks_;
  ConfigResult& out_;
};

}  // namespace

std::string UpstreamConfig::authorization() const {
  const std::string secret = token_file ? token_file->current() : token;
  if (secret.empty()) return {};
  if (username.empty()) return "Bearer " + secret;
  const std::string pair = username + ":" + secret;
  return "Basic " +
         base64_encode({reinterpret_cast<const std::uint8_t*>(pair.data()), pair.size()});
}

ConfigResult load_config(std::string_view text, const std::string& file, const EnvReader& env,
                         SinkSecrets secrets) {
  ConfigResult result;
  const YamlDocument document = parse_yaml(text, file);
  result.problems = document.problems;
  if (!result.problems.empty()) return result;
  result.config.source = text;
  ConfigLoader(file, env, secrets, result).load(document.root);
  if (result.problems.empty()) result.problems = check_config(result.config);
  return result;
}

// Easily done: npm is pointed at the gate, and the gate then asks npm for its upstream.
static bool is_the_gate(const Config& config, const std::string& upstream) {
  const auto url = parse_url(upstream);
  if (!url) return false;
  for (const std::string& own : config.public_urls) {
    const auto known = parse_url(own);
    if (known && known->origin() == url->origin()) return true;
  }
  const bool wildcard = config.address == "0.0.0.0" || config.address == "::";
  return config.port != 0 && url->port == config.port &&
         (url->host == config.address || (wildcard && is_loopback(url->host)) ||
          (url->host == "localhost" && is_loopback(config.address)));
}

std::vector<Problem> check_config(const Config& config) {
  std::vector<Problem> problems;
  const Position at{config.file.empty() ? "command line" : config.file, 1, 1};
  if (!is_loopback(config.address) && config.public_urls.empty()) {
    problems.push_back({at, "public_url is required when listening on " + config.address +
                                ": it is written into every dist.tarball (example: public_url: "
                                "https://npm.corp.example/)"});
  }
  std::size_t catch_all = 0;
  for (const UpstreamConfig& upstream : config.upstreams) {
    if (upstream.scopes.empty() && upstream.packages.empty()) ++catch_all;
    if (is_the_gate(config, upstream.url)) {
      problems.push_back(
          {at, "upstream " + upstream.url +
                   " is where this gate itself listens (is npm configured with it?); name the "
                   "registry behind it with --upstream URL or in gate.yaml"});
    }
    for (const std::string& scope : upstream.scopes) {
      if (scope.size() < 2 || scope.front() != '@') {
        problems.push_back({at, "upstream '" + upstream.name + "': scope '" + scope +
                                    "' must look like \"@acme\""});
      }
    }
  }
  if (catch_all > 1)
    problems.push_back(
        {at,
         "more than one upstream without scopes or packages: the first would answer everything"});
  const bool near = is_loopback(config.admin.address);
  if (config.admin.sign_in.enabled() && !near && config.admin.url.empty()) {
    problems.push_back({at,
                        "admin.url is required for admin.sign_in unless the admin listener is "
                        "on loopback: the provider sends browsers back there"});
  }
  if (config.stale < config.fresh)
    problems.push_back({at, "packuments.stale must not be shorter than packuments.fresh"});
  return problems;
}

// A node as text that is the same for the same content, however it is laid out.
static std::string canonical(const YamlNode* node) {
  if (node == nullptr) return "absent";
  std::string text;
  switch (node->kind) {
    case YamlNode::Kind::kNull:
      return "null";
    case YamlNode::Kind::kScalar:
      return "'" + node->scalar + "'";
    case YamlNode::Kind::kSequence:
      for (const YamlNode& item : node->items) text += canonical(&item) + ",";
      return "[" + text + "]";
    case YamlNode::Kind::kMap:
      for (const YamlMember& member : node->members)
        text += canonical(&member.first) + ":" + canonical(&member.second) + ",";
      return "{" + text + "}";
  }
  return text;
}

std::string needs_restart(const std::string& before, const std::string& now,
                          const std::string& file) {
  const YamlDocument old = parse_yaml(before, file), next = parse_yaml(now, file);
  std::vector<std::string> keys;
  for (const YamlDocument* document : {&old, &next}) {
    for (const YamlMember& member : document->root.members) {
      const std::string& key = member.first.scalar;
      const bool differs = canonical(old.root.find(key)) != canonical(next.root.find(key));
      if (key != "log" && differs && std::find(keys.begin(), keys.end(), key) == keys.end())
        keys.push_back(key);
    }
  }
  std::string list;
  for (const std::string& key : keys) list += (list.empty() ? "" : ", ") + key;
  return list;
}

namespace {

// Double-quoted, as JSON: YAML 1.2 reads that alike.
std::string yaml_quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

}  // namespace

std::string sample_config(const std::string& upstream, const std::string& storage) {
  std::string text =
      R"(# npm-gate: where it listens, where it fetches, what it keeps. Every key is optional but upstreams; `npm-gate serve --config gate.yaml`.
# Units: 30s 5m 24h 14d; 512MiB 50GiB. Unknown keys are errors.

listen:
  address: 127.0.0.1        # 0.0.0.0 for a team; then public_url is required
  port: 4873
  # tls: { certificate: tls/gate.crt, key: tls/gate.key }   # npm-gate certs dev writes a pair to try it

# public_url: https://npm.corp.example/    # what clients use; written into every dist.tarball

admin: { address: 127.0.0.1, port: 4874 }   # review queue, desk, metrics; bearer token
# admin:                    # the same for people who reach it by a name, over TLS, and sign in at an OpenID provider (docs/desk.md)
#   url: https://review.corp.example/
#   tls: { certificate: tls/admin.crt, key: tls/admin.key }
#   sign_in: { issuer: "https://id.corp.example/", client_id: npm-gate, client_secret_env: DESK_SECRET, claim: groups, review: [security] }

access:
  clients: open             # every client that reaches the port may install; token: only with one (npm-gate token create NAME)
  requests: anybody         # who may ask for a release that is refused: anybody, token (only with one), off
  # contact: "#security"    # whom to ask, told with each refusal
  trusted_proxies: []       # addresses or networks of reverse proxies whose X-Forwarded-For and -Proto are believed

ledger: { keep: 180d }      # who fetched what; older entries go

upstreams:                  # first match decides; exactly one upstream ever answers for a name
  # token_env or token_file (read again if it changes) with a registry's token; with username: its password.
  # tarball_hosts: [cdn.example] for a registry whose tarballs lie at another host.
  # - { name: internal, url: https://npm.internal.example/, scopes: ["@acme"], token_env: ACME_TOKEN, inspect: false, writable: true }
  - { name: public, url: UPSTREAM, times: publish }   # times: ingest for mirrors that stamp arrival

storage:
  path: STORAGE   # SQLite state and tarballs
  tarballs: { max_size: 50GiB }

packuments: { fresh: 5m, stale: 24h }

inspection: { workers: 2, timeout: 20s, recent: 30d, max_unpacked: 2GiB, max_ratio: 200, max_entries: 100000 }
  # sandbox: false inspects in the gate itself, for kernels and containers that cannot confine worker processes

git: { hosts: [github.com, gitlab.com, bitbucket.org, codeberg.org], timeout: 5s, cache: 10m }
  # source: false asks for tags alone: no tarball is compared with the files of its commit

# signatures: { trusted_root: trusted_root.json, registry_keys: keys.json }   # in place of those that are built in (npm-gate doctor
#                           # tells which); provenance: stated takes attestations without their signatures

# feeds: [osv/npm.zip]      # advisories about malware, in OSV's format: folders, .json files, an ecosystem's .zip export;
#                           # read again when they change; what they name is known-malware at once

subscriptions: { expire: 14d }   # projects that upload their lockfile, without renewal

policy: policy.yaml         # checked with: npm-gate policy check policy.yaml

# alerts:                   # who hears of held, blocked and recalled releases (docs/monitoring.md); try it: npm-gate alerts test
#   sinks:
#     - { name: ops, type: webhook, url: "https://hooks.corp.example/npm-gate", secret_env: NPM_GATE_HOOK_SECRET }

watch: { budget: 60/min }   # re-checks known packages on a schedule (docs/monitoring.md); enabled: false turns it off

log: { level: info, format: text }          # format: json for collectors
)";
  for (const auto& [word, value] :
       {std::pair<std::string_view, const std::string&>{"UPSTREAM", upstream},
        {"STORAGE", storage}})
    text.replace(text.find(word), word.size(), yaml_quoted(value));
  return text;
}

}  // namespace npmgate
