#include "app/cli.h"
#include "app/command_line.h"

#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "base/log.h"

namespace npmgate {
namespace {

// What npm itself would use on this machine; "" if npm is absent or says nothing.
std::string npm_registry() {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(
      popen("npm config get registry 2>/dev/null", "r"), &pclose);
  if (!pipe) return {};
  std::array<char, 512> line{};
  if (fgets(line.data(), line.size(), pipe.get()) == nullptr) return {};
  std::string text = line.data();
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' '))
    text.pop_back();
  return text;
}

bool split_listen(const std::string& text, Config& config) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return false;
  std::string address = text.substr(0, colon);
  if (address.starts_with('[') && address.ends_with(']'))
    address = address.substr(1, address.size() - 2);
  char* end = nullptr;
  const std::string port = text.substr(colon + 1);
  const unsigned long value = std::strtoul(port.c_str(), &end, 10);
  if (port.empty() || *end != '\0' || value > 65535 || address.empty()) return false;
  config.address = address;
  config.port = static_cast<std::uint16_t>(value);
  return true;
}

}  // namespace

std::string find_upstream() {
  for (const char* name : {"NPM_CONFIG_REGISTRY", "npm_config_registry"}) {
    if (const auto value = environment(name); value && !value->empty()) return *value;
  }
  return npm_registry();
}

int report_problems(const std::vector<Problem>& problems) {
  for (const Problem& problem : problems) std::cerr << problem.str() << "\n";
  return kUsage;
}

void add_config_file(Command command, ConfigFlags& flags) {
  command.option("--config", flags.config_file, "gate.yaml to read (without it: embedded defaults)")
      .type_name("FILE");
}

void add_config_flags(Command command, ConfigFlags& flags) {
  add_config_file(command, flags);
  command.option("--upstream", flags.upstream, "registry to fetch from").type_name("URL");
}

std::optional<std::string> environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

Result<ClientOptions> client_options_here() {
  auto proxies = proxies_from_environment(&environment);
  if (!proxies) return proxies.error();
  ClientOptions options;
  options.proxies = std::move(*proxies);
  return options;
}

std::optional<std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  std::ostringstream text;
  text << in.rdbuf();
  return in.bad() ? std::nullopt : std::optional(std::move(text).str());
}

LoadedConfig read_configuration(const ConfigFlags& flags) {
  if (flags.config_file.empty()) return {Config{}, kDone};
  const auto text = read_file(flags.config_file);
  if (!text)
    return {std::nullopt, report_usage("cannot read " + flags.config_file +
                                       "; name an existing file with --config")};
  ConfigResult loaded = load_config(*text, flags.config_file, &environment,
                                    flags.sends ? SinkSecrets::kNeeded : SinkSecrets::kUnused);
  if (!loaded.problems.empty()) return {std::nullopt, report_problems(loaded.problems)};
  return {std::move(loaded.config), kDone};
}

LoadedConfig load_configuration(const ConfigFlags& flags) {
  LoadedConfig read = read_configuration(flags);
  if (!read.config) return read;
  Config config = std::move(*read.config);
  if (!flags.listen.empty() && !split_listen(flags.listen, config)) {
    return {std::nullopt, report_usage("--listen " + flags.listen +
                                       ": expected ADDRESS:PORT, for example 127.0.0.1:4873")};
  }
  std::string url = flags.upstream;
  if (url.empty() && config.upstreams.empty()) {
    url = find_upstream();
    if (url.empty())
      return {std::nullopt, report_usage("no upstream registry is known; name one with --upstream "
                                         "URL, NPM_CONFIG_REGISTRY, or upstreams: in gate.yaml")};
  }
  if (!url.empty()) {
    if (!parse_url(url))
      return {std::nullopt,
              report_usage("upstream '" + log::printable(url, 100) + "' is not an http(s) URL")};
    UpstreamConfig upstream;
    upstream.url = with_trailing_slash(url);
    std::erase_if(config.upstreams,
                  [](const UpstreamConfig& u) { return u.scopes.empty() && u.packages.empty(); });
    config.upstreams.push_back(std::move(upstream));
  }
  if (const auto problems = check_config(config); !problems.empty())
    return {std::nullopt, report_problems(problems)};
  return {std::move(config), kDone};
}

Result<std::string> storage_path(const ConfigFlags& flags) {
  std::string path = Config{}.storage_path;
  if (!flags.config_file.empty()) {
    const auto text = read_file(flags.config_file);
    if (!text) return fail(Code::kMalformed, Origin::kPolicy, "cannot read " + flags.config_file);
    const ConfigResult loaded =
        load_config(*text, flags.config_file, &environment, SinkSecrets::kUnused);
    if (!loaded.problems.empty())
      return fail(Code::kMalformed, Origin::kPolicy, loaded.problems.front().str());
    path = loaded.config.storage_path;
  }
  if (!std::filesystem::exists(path))
    return fail(Code::kNotFound, Origin::kDisk,
                "no state in " + path + "; run npm-gate serve once, or name its --config");
  return path;
}

int report(const Error& error) {
  std::cerr << "npm-gate: " << log::printable(error.context, 2000) << "\n";
  return error.code == Code::kMalformed && error.origin == Origin::kPolicy ? kUsage : kFailed;
}

int report_usage(const std::string& line) {
  std::cerr << "npm-gate: " << line << "\n";
  return kUsage;
}

bool wants_colour() {
  return isatty(STDOUT_FILENO) == 1 && !environment("NO_COLOR");
}

}  // namespace npmgate
