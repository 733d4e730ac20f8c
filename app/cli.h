// What every command shares: exit codes, output switches, loading of configuration and upstream.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "proxy/net/http_client.h"
#include "proxy/runtime/config.h"

namespace npmgate {

class Command;

// SPEC, section 2.
enum ExitCode { kDone = 0, kNo = 1, kUsage = 2, kFailed = 3 };

// Where the configuration comes from: flags shared by commands.
struct ConfigFlags {
  std::string config_file, upstream, listen;
  bool sends = false;  // the command sends alerts: it needs the secrets of their sinks
};
void add_config_file(Command command, ConfigFlags& flags);   // --config
void add_config_flags(Command command, ConfigFlags& flags);  // --config and --upstream

// The registry that npm would use here (NPM_CONFIG_REGISTRY, npm's own configuration); "" if
// nothing tells.
std::string find_upstream();

// Reads the file (or takes the defaults), applies flags, finds the upstream. Prints problems and
// returns the exit code instead if it cannot.
struct LoadedConfig {
  std::optional<Config> config;
  int exit_code = kDone;
};
LoadedConfig load_configuration(const ConfigFlags& flags);
// The file alone (or the defaults): for commands that ask no upstream.
LoadedConfig read_configuration(const ConfigFlags& flags);

// The data folder that the configuration names; kNotFound if nothing was ever kept there.
Result<std::string> storage_path(const ConfigFlags& flags);

// One line on stderr: what, where, what to do.
int report(const Error& error);
int report_usage(const std::string& line);
// The mistakes of a file, a line each, as file:line:column: what; returns kUsage.
int report_problems(const std::vector<Problem>& problems);
// Whether stdout is a terminal that wants colours (NO_COLOR honoured).
bool wants_colour();
std::optional<std::string> environment(const std::string& name);
// For clients of our own: with the proxies that the environment names; kMalformed if one of them
// is unusable.
Result<ClientOptions> client_options_here();
std::optional<std::string> read_file(const std::string& path);

}  // namespace npmgate
