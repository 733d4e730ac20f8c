// gate.yaml (SPEC, section 3) as values, with every default in one place.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "alert/settings.h"
#include "base/environment.h"
#include "base/log.h"
#include "base/time.h"
#include "inspect/archive/archive.h"
#include "proxy/net/forwarded.h"
#include "proxy/runtime/secret_file.h"
#include "yaml/document.h"

namespace npmgate {

struct TlsConfig {
  std::string certificate, key, client_ca;  // file paths; client_ca "" = no client certificates
  bool enabled() const { return !certificate.empty(); }
};

struct UpstreamConfig {
  std::string name = "public";
  std::string url;                         // with trailing slash
  std::vector<std::string> scopes;         // "@acme"
  std::vector<std::string> packages;       // globs
  std::string token;                       // resolved from token_env or token_file; never logged
  std::string username;                    // Basic: the token is its password
  std::shared_ptr<SecretFile> token_file;  // read again if it changes
  std::string ca;                          // extra CA bundle, PEM file
  bool times_publish = true;               // false: `times: ingest`
  bool inspect = true;
  bool writable = false;
  std::string changes;  // URL of a CouchDB-style _changes feed of this upstream; "" = none
  std::vector<std::string>
      tarball_hosts;  // further hosts (host or host:port) that tarball URLs and redirects may name
  // For the Authorization header of the gate's own requests; "" without credentials.
  std::string authorization() const;
};

// An OpenID provider that people sign in with (docs/desk.md).
struct SignInConfig {
  std::string issuer;  // as the provider spells it; "" = no provider
  std::string client_id;
  std::string secret;                       // of the client; "" = a public client. Never logged
  std::shared_ptr<SecretFile> secret_file;  // read again if it changes
  std::vector<std::string> scopes;          // asked for beside openid
  std::vector<std::string> hosts;  // further hosts (host or host:port) of the provider's endpoints
                                   // that may resolve to private addresses
  std::string ca;                  // extra CA bundle, PEM file
  std::string claim = "groups";    // a list of texts or one text; "a.b" is member b of claim a
  std::string name_claim = "preferred_username";
  std::vector<std::string> review, admin;  // values of `claim` that give these scopes
  bool enabled() const { return !issuer.empty(); }
  std::string current_secret() const { return secret_file ? secret_file->current() : secret; }
};

// The admin listener: review queue, desk, metrics.
struct AdminConfig {
  std::string address = "127.0.0.1";
  std::uint16_t port = 4874;
  TlsConfig tls;
  std::string url;                 // where browsers reach it, with trailing slash; "" = not said
  std::vector<std::string> hosts;  // names that it answers for beside url's, in lower case
  bool desk_on_gate = false;       // the desk is also at public_url + "-/npm-gate/desk"
  SignInConfig sign_in;
};

// What attestations are verified against.
struct SignatureConfig {
  std::string trusted_root, registry_keys;  // file paths; "" = built in
  bool verify = true;  // false: attestations are taken as stated, without their signatures
};

struct Config {
  std::string file;    // "" = embedded defaults
  std::string source;  // its text as it was read
  std::string address = "127.0.0.1";
  std::uint16_t port = 4873;
  std::size_t max_connections = 20'000;  // of clients; fewer if the process may open fewer files
  std::size_t max_connections_per_address = 2'000;
  Millis drain{std::chrono::seconds{30}};  // for answers that are being sent as the gate ends
  TlsConfig tls;
  std::vector<std::string>
      public_urls;  // with trailing slash; empty: loopback, the Host header decides
  AdminConfig admin;
  bool clients_need_token = false;
  // Who may ask for a release that is refused: everybody who may install, whoever has a token,
  // nobody.
  enum class Requests { kAnybody, kToken, kOff } requests = Requests::kAnybody;
  std::string contact;  // whom to ask about refusals: "#security", a mail address; "" = not said
  TrustedProxies trusted_proxies;
  Millis ledger_keep{std::chrono::hours{24 * 180}};  // entries of the fetch ledger older go
  std::vector<UpstreamConfig> upstreams;
  std::string storage_path = "npm-gate-data";
  std::uint64_t max_tarballs = std::uint64_t{50} << 30;
  Millis fresh{std::chrono::minutes{5}};
  Millis stale{std::chrono::hours{24}};
  unsigned workers = 2;
  bool sandbox = true;  // inspect in confined processes (sandbox/)
  Millis inspection_timeout{std::chrono::seconds{20}};
  Millis recent{std::chrono::hours{24 * 30}};
  ArchiveLimits limits;
  std::vector<std::string> git_hosts{"github.com", "gitlab.com", "bitbucket.org", "codeberg.org"};
  std::vector<std::string> git_private_hosts;  // of git_hosts: may resolve to private addresses
  std::string git_ca;                          // further trust anchors for them
  Millis git_timeout{std::chrono::seconds{5}};
  Millis git_cache{std::chrono::minutes{10}};
  bool git_source = true;  // tarballs are compared with the trees of their commits
  SignatureConfig signatures;
  std::string policy_file;  // "" = the built-in default policy
  AlertSettings alerts;
  Millis subscriptions_expire{std::chrono::hours{24 * 14}};  // without renewal
  WatchSettings watch;
  std::vector<std::string> feeds;  // OSV: folders, .json files, .zip exports
  log::Level log_level = log::Level::kInfo;
  log::Format log_format = log::Format::kText;
  std::uint64_t cache_bytes = std::uint64_t{256} << 20;  // finished answers in memory
  unsigned loops = 0;                                    // 0 = one per core
};

struct ConfigResult {
  Config config;
  std::vector<Problem> problems;  // not empty: config must not be used
};

// Whether the secrets of alert sinks are read: only what sends needs them.
enum class SinkSecrets { kNeeded, kUnused };

// Reads `text`; relative paths are taken from `file`'s folder. `env` looks up environment variables
// (token_env).
ConfigResult load_config(std::string_view text, const std::string& file, const EnvReader& env,
                         SinkSecrets secrets = SinkSecrets::kNeeded);
// What the parts say together (public_url required unless loopback, exactly one upstream without
// scopes …); `where` for problems.
std::vector<Problem> check_config(const Config& config);

// The commented gate.yaml that `npm-gate init` writes, with the registry that it found and the
// folder for data.
std::string sample_config(const std::string& upstream, const std::string& storage);

// The top-level keys (comma-separated) that differ between two texts of gate.yaml and that a
// running gate does not take over.
std::string needs_restart(const std::string& before, const std::string& now,
                          const std::string& file);

}  // namespace npmgate
