#include "app/commands/admin_client.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <iostream>

#include "app/cli.h"
#include "app/command_line.h"

namespace npmgate {

void add_admin_flags(Command command, AdminFlags& flags) {
  command
      .option("--admin", flags.admin,
              "admin API of the gate (default: that of --config, else http://127.0.0.1:4874/)")
      .environment("NPM_GATE_ADMIN")
      .type_name("URL");
  command.option("--config", flags.config_file, "gate.yaml that names the admin API's address")
      .type_name("FILE");
  // Read by hand: CLI11 would print an environment variable's value in --help.
  command.option("--token", flags.token, "a token of the gate (or NPM_GATE_TOKEN)");
}

Result<FetchReply> fetch_once(FetchRequest request, const ClientOptions& options) {
  net::io_context context;
  const auto client = make_http_client(options);
  std::optional<Result<FetchReply>> reply;
  auto run = [&]() -> Task<void> { reply.emplace(co_await client->fetch(std::move(request))); };
  run_to_end(context, std::move(run));
  return std::move(*reply);
}

// Over TLS by the name that the certificate is for, if that is known.
std::string admin_url(const AdminConfig& admin) {
  if (admin.tls.enabled() && !admin.url.empty()) return admin.url;
  std::string host = admin.address;
  if (host == "0.0.0.0" || host == "::") host = "127.0.0.1";
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  return (admin.tls.enabled() ? "https://" : "http://") + host + ":" + std::to_string(admin.port) +
         "/";
}

namespace {

// "" with the exit code if the configuration cannot be read.
std::string admin_url(const AdminFlags& flags, int& exit_code) {
  if (!flags.admin.empty()) return with_trailing_slash(flags.admin);
  ConfigFlags file;
  file.config_file = flags.config_file;
  const LoadedConfig read = read_configuration(file);
  if (!read.config) {
    exit_code = read.exit_code;
    return "";
  }
  return admin_url(read.config->admin);
}

}  // namespace

std::optional<boost::json::value> call_admin(const AdminFlags& flags, const std::string& method,
                                             const std::string& path, const std::string& body,
                                             int& exit_code) {
  std::string token = flags.token;
  if (token.empty()) token = environment("NPM_GATE_TOKEN").value_or("");
  if (token.empty()) {
    exit_code = report_usage(
        "a token is needed: --token or NPM_GATE_TOKEN (npm-gate token create NAME --scope review)");
    return std::nullopt;
  }
  const std::string url = admin_url(flags, exit_code);
  if (url.empty()) return std::nullopt;
  FetchRequest request;
  request.method = method;
  request.url = url + path;
  request.body = body;
  if (!body.empty()) request.headers.emplace_back("Content-Type", "application/json");
  request.authorization = "Bearer " + token;
  auto reply = fetch_once(std::move(request));
  if (!reply) {
    exit_code = report(reply.error());
    return std::nullopt;
  }
  boost::system::error_code ec;
  boost::json::value answer = boost::json::parse(reply->body, ec);
  if (ec || !answer.is_object()) {
    exit_code = report(fail(Code::kMalformed, Origin::kSelf,
                            "the admin API at " + url + " did not answer with JSON"));
    return std::nullopt;
  }
  if (reply->status == 200) return answer;
  const auto* error = answer.get_object().if_contains("error");
  std::cerr << (error != nullptr && error->is_string()
                    ? std::string(error->get_string())
                    : "npm-gate: status " + std::to_string(reply->status))
            << "\n";
  const bool usage = reply->status == 401 || reply->status == 403 || reply->status == 400;
  exit_code = usage ? kUsage : reply->status >= 500 ? kFailed : kNo;
  return std::nullopt;
}

std::string plain_text(const boost::json::value& value) {
  return value.is_string() ? std::string(value.get_string()) : boost::json::serialize(value);
}

}  // namespace npmgate
