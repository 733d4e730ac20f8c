#include "app/admin_commands.h"

#include <CLI/CLI.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <iostream>

#include "app/cli.h"
#include "proxy/http_client.h"

namespace npmgate {
namespace {

struct Options {
  std::string admin = "http://127.0.0.1:4874/", token, spec, reason, expires;
  bool json = false;
};

// One exchange with the admin API; prints errors. nullopt where there is nothing to go on with.
std::optional<boost::json::value> call(const Options& options, const std::string& method,
                                       const std::string& path, const std::string& body,
                                       int& exit_code) {
  std::string token = options.token;
  if (token.empty()) token = environment("NPM_GATE_TOKEN").value_or("");
  if (token.empty()) {
    exit_code = report_usage(
        "a token is needed: --token or NPM_GATE_TOKEN (npm-gate token create NAME --scope review)");
    return std::nullopt;
  }
  const auto client = make_http_client(ClientOptions{});
  FetchRequest request;
  request.method = method;
  request.url = with_trailing_slash(options.admin) + path;
  request.body = body;
  request.authorization = "Bearer " + token;
  net::io_context context;
  std::optional<Result<FetchReply>> reply;
  auto run = [&]() -> Task<void> { reply.emplace(co_await client->fetch(std::move(request))); };
  net::co_spawn(context, std::move(run), net::detached);
  context.run();
  if (!*reply) {
    exit_code = report(reply->error());
    return std::nullopt;
  }
  boost::system::error_code ec;
  boost::json::value answer = boost::json::parse((*reply)->body, ec);
  if (ec || !answer.is_object()) {
    exit_code = report(fail(Code::kMalformed, Origin::kSelf,
                            "the admin API at " + options.admin + " did not answer with JSON"));
    return std::nullopt;
  }
  if ((*reply)->status != 200) {
    const auto* error = answer.get_object().if_contains("error");
    std::cerr << (error != nullptr && error->is_string()
                      ? std::string(error->get_string())
                      : "npm-gate: status " + std::to_string((*reply)->status))
              << "\n";
    exit_code = (*reply)->status == 401 ? kUsage : kNo;
    return std::nullopt;
  }
  return answer;
}

std::optional<std::string> release_path(const std::string& spec) {
  const std::size_t at = spec.rfind('@');
  if (at == std::string::npos || at == 0 || at + 1 == spec.size()) return std::nullopt;
  std::string version;
  for (const char c : spec.substr(at + 1)) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '.' || c == '-' || c == '_' || c == '~';
    if (plain) {
      version += c;
    } else {
      constexpr std::string_view kHex = "0123456789ABCDEF";
      version +=
          {'%', kHex[static_cast<unsigned char>(c) >> 4], kHex[static_cast<unsigned char>(c) & 15]};
    }
  }
  return "api/v1/releases/" + spec.substr(0, at) + "/" + version;
}

std::string text(const boost::json::value& value) {
  return value.is_string() ? std::string(value.get_string()) : boost::json::serialize(value);
}

int list(const Options& options) {
  int code = kDone;
  std::string cursor;
  while (true) {
    const auto answer = call(
        options, "GET", "api/v1/releases?verdict=quarantine&limit=1000&cursor=" + cursor, "", code);
    if (!answer) return code;
    for (const auto& row : answer->at("releases").as_array()) {
      if (options.json) {
        std::cout << boost::json::serialize(row) << "\n";
        continue;
      }
      std::cout << text(row.at("name")) << "@" << text(row.at("version")) << "  "
                << (row.at("ends").is_null() ? "until approved" : "until " + text(row.at("ends")));
      for (const auto& finding : row.at("findings").as_array())
        std::cout << "  " << text(finding.at("id"));
      std::cout << "\n";
    }
    const auto& next = answer->at("next");
    if (next.is_null()) return kDone;
    cursor = text(next);
    for (std::size_t at = 0; (at = cursor.find('+', at)) != std::string::npos; at += 3)
      cursor.replace(at, 1, "%2B");
  }
}

int show(const Options& options) {
  const auto path = release_path(options.spec);
  if (!path) return report_usage("'" + log::printable(options.spec, 100) + "' is not NAME@VERSION");
  int code = kDone;
  const auto answer = call(options, "GET", *path, "", code);
  if (!answer) return code;
  if (options.json) {
    std::cout << boost::json::serialize(*answer) << "\n";
    return kDone;
  }
  std::cout << text(answer->at("explain")) << "\n";
  for (const auto& finding : answer->at("findings").as_array()) {
    std::cout << "  " << text(finding.at("severity")) << "  " << text(finding.at("id")) << ": "
              << log::printable(text(finding.at("message")), 400) << "\n      "
              << log::printable(boost::json::serialize(finding.at("proof")), 600) << "\n";
  }
  std::cout << "content " << text(answer->at("content")) << "\n";
  return kDone;
}

int decide_release(const Options& options, const std::string& verb) {
  const auto path = release_path(options.spec);
  if (!path) return report_usage("'" + log::printable(options.spec, 100) + "' is not NAME@VERSION");
  int code = kDone;
  boost::json::object body{{"reason", options.reason}};
  if (!options.expires.empty()) body["expires"] = options.expires;
  if (verb == "approve") {
    // Bound to what is shown now: if the release changes in between, the API answers with a
    // conflict.
    const auto shown = call(options, "GET", *path, "", code);
    if (!shown) return code;
    body["content"] = shown->at("content");
    body["shown"] = shown->at("shown");
  }
  const auto answer = call(options, "POST", *path + "/" + verb, boost::json::serialize(body), code);
  if (!answer) return code;
  std::cout << options.spec << ": " << verb << " recorded; now "
            << text(answer->at("verdict").at("action")) << "\n";
  return kDone;
}

}  // namespace

void add_quarantine(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("quarantine", "The review queue of the running gate");
  command->require_subcommand(1);
  auto options = std::make_shared<Options>();
  const auto common = [options](CLI::App* sub) {
    sub->add_option("--admin", options->admin,
                    "admin API of the gate (default http://127.0.0.1:4874/)")
        ->type_name("URL");
    sub->add_option("--token", options->token, "review token (or NPM_GATE_TOKEN)");
    return sub;
  };
  CLI::App* list_command = common(command->add_subcommand("list", "Releases that are held"));
  list_command->add_flag("--json", options->json, "JSON lines");
  list_command->callback([options, &exit_code] { exit_code = list(*options); });
  CLI::App* show_command =
      common(command->add_subcommand("show", "One release: verdict, findings, proofs"));
  show_command->add_option("NAME@VERSION", options->spec)->required();
  show_command->add_flag("--json", options->json);
  show_command->callback([options, &exit_code] { exit_code = show(*options); });
  for (const char* verb : {"approve", "reject", "reopen"}) {
    CLI::App* sub = common(command->add_subcommand(verb, std::string(verb) + " a release"));
    sub->add_option("NAME@VERSION", options->spec)->required();
    sub->add_option("--reason", options->reason, "why; recorded in the audit trail")->required();
    if (std::string_view(verb) != "reopen")
      sub->add_option("--expires", options->expires, "date or time at which the decision ends");
    sub->callback([options, verb, &exit_code] { exit_code = decide_release(*options, verb); });
  }
}

}  // namespace npmgate
