// How commands talk to a running gate's admin API, and to anything else over HTTP, one exchange at
// a time.
#pragma once

#include <boost/json/value.hpp>
#include <optional>
#include <string>

#include "proxy/net/http_client.h"

namespace npmgate {

class Command;
struct AdminConfig;

struct AdminFlags {
  std::string admin, token, config_file;
};
// --admin, --config and --token; NPM_GATE_ADMIN and NPM_GATE_TOKEN stand in for the first and last.
// Without --admin the address is that of the configuration.
void add_admin_flags(Command command, AdminFlags& flags);

// Where commands on the gate's own machine reach its admin listener.
std::string admin_url(const AdminConfig& admin);

// One exchange on a loop of its own; blocks.
Result<FetchReply> fetch_once(FetchRequest request, const ClientOptions& options = {});

// One exchange with the admin API; prints errors and sets the exit code. nullopt if there is
// nothing to go on with. `path` without its first slash.
std::optional<boost::json::value> call_admin(const AdminFlags& flags, const std::string& method,
                                             const std::string& path, const std::string& body,
                                             int& exit_code);

// A member of an answer for people: a text as it is, anything else as JSON.
std::string plain_text(const boost::json::value& value);

}  // namespace npmgate
