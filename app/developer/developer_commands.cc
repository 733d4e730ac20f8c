#include "app/developer/developer_commands.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <iostream>

#include "app/audit/audit_sources.h"
#include "app/cli.h"
#include "app/command_line.h"
#include "app/commands/admin_client.h"
#include "app/developer/install_log.h"
#include "app/report/table_text.h"
#include "base/json_members.h"
#include "base/text.h"

namespace npmgate {
namespace {

namespace json = boost::json;

constexpr std::size_t kWidth = 16;  // releases asked for at a time, as npm-gate audit does

struct GateFlags {
  std::string gate, token, project;
  bool json = false;
};

struct RequestOptions {
  GateFlags flags;
  std::string spec, reason, until;
};

struct WhyOptions {
  GateFlags flags;
  std::string file;
};

void add_gate_flags(Command command, GateFlags& flags) {
  command.option("--gate", flags.gate, "the gate's URL (default: the registry that npm uses here)")
      .type_name("URL");
  command.option("--token", flags.token, "your token of the gate (or NPM_GATE_TOKEN)");
  command.flag("--json", flags.json, "JSON instead of text");
}

// "" with a message on stderr if there is none.
std::string gate_url(const GateFlags& flags) {
  const std::string url = with_trailing_slash(flags.gate.empty() ? find_upstream() : flags.gate);
  if (parse_url(url)) return url;
  std::cerr << "npm-gate: no gate is known; name it with --gate URL or NPM_CONFIG_REGISTRY\n";
  return "";
}

std::string token_of(const GateFlags& flags) {
  return flags.token.empty() ? environment("NPM_GATE_TOKEN").value_or("") : flags.token;
}

// One exchange with the gate. nullopt with the exit code after an error was printed.
std::optional<json::value> call_gate(const GateFlags& flags, const std::string& url,
                                     const std::string& method, const std::string& path,
                                     const std::string& body, int& exit_code) {
  const auto options = client_options_here();
  if (!options) {
    exit_code = report(options.error());
    return std::nullopt;
  }
  FetchRequest request;
  request.method = method;
  request.url = url + path;
  request.body = body;
  request.headers.emplace_back("Accept", "application/json");
  if (method == "POST") request.headers.emplace_back("Content-Type", "application/json");
  if (!flags.project.empty()) request.headers.emplace_back("Npm-Gate-Project", flags.project);
  if (const std::string token = token_of(flags); !token.empty())
    request.authorization = "Bearer " + token;
  auto reply = fetch_once(std::move(request), *options);
  if (!reply) {
    exit_code = report(reply.error());
    return std::nullopt;
  }
  boost::system::error_code ec;
  json::value answer = json::parse(reply->body, ec);
  const bool good = reply->status == 200 || reply->status == 201;
  if (good && !ec && answer.is_object()) return answer;
  const std::string said = ec ? "" : text_member(object_in(answer), "error");
  std::cerr << (said.empty() ? "npm-gate: " + url + " answered " + std::to_string(reply->status) +
                                   "; is it a gate? name it with --gate"
                             : printable(said, 2000))
            << "\n";
  exit_code = reply->status == 404 || reply->status == 409  ? kNo
              : reply->status >= 400 && reply->status < 429 ? kUsage
                                                            : kFailed;
  return std::nullopt;
}

std::string path_of(const WantedRelease& release) {
  return percent_encode(release.name, "@/") + "/" + percent_encode(release.spec);
}

std::optional<WantedRelease> read_spec(const std::string& text) {
  const std::size_t at = text.rfind('@');
  if (at == std::string::npos || at == 0) return std::nullopt;
  WantedRelease release{text.substr(0, at), text.substr(at + 1)};
  if (!PackageName::parse(release.name) || !Version::parse_loose(release.spec)) return std::nullopt;
  return release;
}

// ---- request

int show_requests(const RequestOptions& options, const std::string& url,
                  const WantedRelease& release) {
  int code = kDone;
  const auto answer =
      call_gate(options.flags, url, "GET", "-/npm-gate/requests/" + path_of(release), "", code);
  if (!answer) return code;
  if (options.flags.json) {
    std::cout << json::serialize(*answer) << "\n";
    return kDone;
  }
  std::vector<std::vector<std::string>> rows;
  for (const json::value& each : list_member(answer->get_object(), "requests")) {
    const json::object& request = object_in(each);
    const std::string instead = text_member(request, "instead");
    rows.push_back({shown_member(request, "state"), shown_member(request, "opened"),
                    shown_member(request, "askers"), flag_member(request, "yours") ? "yes" : "no",
                    shown_member(request, "by"),
                    shown_member(request, "reason") +
                        (instead.empty() ? "" : "; take " + release.name + "@" + instead)});
  }
  std::cout << table_text(
      {"STATE", "SINCE", "ASKERS", "YOURS", "ANSWERED BY", "REASON"}, rows,
      "nobody asked for " + options.spec + "; npm-gate request NAME@VERSION --reason TEXT does");
  return kDone;
}

int request(const RequestOptions& options) {
  const auto release = read_spec(options.spec);
  if (!release)
    return report_usage("'" + log::printable(options.spec, 100) + "' is not NAME@VERSION");
  const std::string url = gate_url(options.flags);
  if (url.empty()) return kUsage;
  if (options.reason.empty()) return show_requests(options, url, *release);
  json::object body{{"reason", options.reason}};
  if (!options.until.empty()) body["needed_until"] = options.until;
  if (!options.flags.project.empty()) body["project"] = options.flags.project;
  int code = kDone;
  const auto answer =
      call_gate(options.flags, url, "POST", "-/npm-gate/requests/" + path_of(*release),
                json::serialize(body), code);
  if (!answer) return code;
  if (options.flags.json) {
    std::cout << json::serialize(*answer) << "\n";
    return kDone;
  }
  const json::object& made = answer->get_object();
  std::cout << log::printable(options.spec) << ": "
            << (flag_member(made, "joined") ? "others ask for it too; your reason was added"
                                            : "asked for; the reviewers were told")
            << "\nanswer: " << log::printable(text_member(made, "page"))
            << "\n        npm-gate request " << log::printable(options.spec) << "\n";
  return kDone;
}

// ---- why

// One refused release: what the gate's page said of it.
json::object refused(const std::string& name, const std::string& version,
                     const json::object& page) {
  return {{"name", name},
          {"version", version},
          {"sentence", text_member(page, "sentence")},
          {"served_instead", member_of(page, "served_instead")},
          {"page", text_member(page, "page")}};
}

bool is_refused(const json::object& page) {
  const std::string action = text_member(object_member(page, "verdict"), "action");
  return action == "quarantine" || action == "block";
}

int print_refused(const json::array& all, const WhyOptions& options, const std::string& what) {
  if (options.flags.json) {
    std::cout << json::serialize(json::object{{"refused", all}}) << "\n";
    return all.empty() ? kDone : kNo;
  }
  if (all.empty()) std::cout << "nothing of " << what << " is refused by the gate\n";
  for (const json::value& each : all) {
    const json::object& one = object_in(each);
    const std::string release =
        printable(text_member(one, "name") + "@" + text_member(one, "version"));
    const std::string instead = text_member(one, "served_instead");
    std::cout << release << "\n  " << printable(text_member(one, "sentence"), 800) << "\n";
    if (!instead.empty()) std::cout << "  served instead: " << printable(instead) << "\n";
    std::cout << "  " << printable(text_member(one, "page")) << "\n  npm-gate request " << release
              << " --reason \"...\"\n";
  }
  return all.empty() ? kDone : kNo;
}

int why_lockfile(const WhyOptions& options, const std::string& url, Lockfile lockfile) {
  const auto client_options = client_options_here();
  if (!client_options) return report(client_options.error());
  FetchRequest ping;
  ping.url = url + "-/ping";
  if (const auto answers = fetch_once(std::move(ping), *client_options); !answers)
    return report(answers.error());
  net::io_context context;
  const auto client = make_http_client(*client_options);
  Audit audit;
  audit.lockfile = std::move(lockfile);
  AskRelease ask = ask_gate(*client, url, token_of(options.flags), options.flags.project);
  value_at_end<bool>(context,
                     [&] { return ask_all(audit, std::move(ask), kWidth, [](std::size_t) {}); });
  json::array all;
  for (const AuditRow& row : audit.rows) {
    if (row.answer.answered == Answered::kFailed)
      return report(fail(Code::kUnavailable, Origin::kSelf, row.spec() + ": " + row.answer.detail));
    if (is_refused(row.answer.release))
      all.push_back(refused(row.locked.name, row.locked.version, row.answer.release));
  }
  return print_refused(all, options, options.file);
}

// Releases of `wanted` that the gate refuses; false with the exit code if it cannot be asked.
bool ask_about(const WhyOptions& options, const std::string& url, const WantedRelease& wanted,
               json::array& all, int& code) {
  const auto add = [&all](json::object one) {
    const auto same = [&one](const json::value& other) {
      return text_member(object_in(other), "name") == text_member(one, "name") &&
             text_member(object_in(other), "version") == text_member(one, "version");
    };
    if (std::none_of(all.begin(), all.end(), same)) all.emplace_back(std::move(one));
  };
  if (Version::parse(wanted.spec)) {
    const auto page =
        call_gate(options.flags, url, "GET", "-/npm-gate/releases/" + path_of(wanted), "", code);
    if (page && is_refused(page->get_object()))
      add(refused(wanted.name, wanted.spec, page->get_object()));
    return page || code == kNo;
  }
  const auto held = call_gate(options.flags, url, "GET",
                              "-/npm-gate/held/" + percent_encode(wanted.name, "@/") +
                                  "?range=" + percent_encode(wanted.spec),
                              "", code);
  if (!held) return code == kNo;
  for (const json::value& each : list_member(held->get_object(), "held")) {
    json::object one = object_in(each);
    one["page"] = member_of(one, "href");
    one["served_instead"] = member_of(held->get_object(), "served");
    add(refused(wanted.name, text_member(one, "version"), one));
  }
  return true;
}

int why_log(const WhyOptions& options, const std::string& url, const std::string& text) {
  const auto wanted = wanted_in_log(text);
  if (wanted.empty()) {
    std::cerr << "npm-gate: " << log::printable(options.file, 200)
              << " names no release that an install did not get; name a lockfile, or what the "
                 "install printed\n";
    return kFailed;
  }
  json::array all;
  for (const WantedRelease& each : wanted) {
    int code = kDone;
    if (!ask_about(options, url, each, all, code)) return code;
  }
  return print_refused(all, options, options.file);
}

int why_me(const WhyOptions& options, const std::string& url) {
  int code = kDone;
  const auto answer = call_gate(options.flags, url, "GET", "-/npm-gate/refusals", "", code);
  if (!answer) return code;
  const json::array& all = list_member(answer->get_object(), "refusals");
  if (options.flags.json) {
    std::cout << json::serialize(*answer) << "\n";
    return all.empty() ? kDone : kNo;
  }
  std::vector<std::vector<std::string>> rows;
  for (const json::value& each : all) {
    const json::object& one = object_in(each);
    rows.push_back({text_member(one, "time"), text_member(one, "release"),
                    text_member(one, "sentence"), text_member(one, "href")});
  }
  std::cout << text_member(answer->get_object(), "who") << ", last 7 days:\n"
            << table_text({"TIME", "RELEASE", "WHY", "PAGE"}, rows, "nothing was refused");
  return all.empty() ? kDone : kNo;
}

int why(const WhyOptions& options) {
  const std::string url = gate_url(options.flags);
  if (url.empty()) return kUsage;
  if (options.file.empty()) return why_me(options, url);
  std::string text;
  if (options.file == "-") {
    text.assign(std::istreambuf_iterator<char>(std::cin), {});
  } else {
    auto read = read_file(options.file);
    if (!read) return report_usage("cannot read " + options.file);
    text = std::move(*read);
  }
  const std::string base = std::filesystem::path(options.file).filename().string();
  const bool names_lockfile = base == "package-lock.json" || base == "npm-shrinkwrap.json" ||
                              base == "pnpm-lock.yaml" || base == "yarn.lock" || base == "bun.lock";
  if (!names_lockfile) return why_log(options, url, text);
  LockfileResult parsed = parse_lockfile(text, base);
  if (!parsed.lockfile) return report_problems(parsed.problems);
  return why_lockfile(options, url, std::move(*parsed.lockfile));
}

}  // namespace

void add_request(Command app) {
  auto options = std::make_shared<RequestOptions>();
  Command command = app.subcommand(
      "request",
      "Ask the reviewers of a running gate for a release that is refused. Without --reason: what "
      "was asked and answered.\n"
      "Exit 0: asked (or shown); 1: it is served already, or nobody knows it.");
  command.option("NAME@VERSION", options->spec, "the release").required();
  command.option("--reason", options->reason, "why it is needed; reviewers read it");
  command.option("--until", options->until, "date until which it is needed");
  command.option("--project", options->flags.project, "for which project");
  add_gate_flags(command, options->flags);
  command.action([options] { return request(*options); });
}

void add_why(Command app) {
  auto options = std::make_shared<WhyOptions>();
  Command command = app.subcommand(
      "why",
      "Which releases the gate refuses and why: of a lockfile, of what an install printed (npm, "
      "pnpm, yarn, bun), or, without a file, what was refused to you lately.\n"
      "Exit 0: nothing is refused; 1: something is.");
  command.option("FILE", options->file,
                 "a lockfile, or the output of an install; - reads standard input");
  command.option("--project", options->flags.project,
                 "as this project is answered: approvals can be for some alone");
  add_gate_flags(command, options->flags);
  command.action([options] { return why(*options); });
}

}  // namespace npmgate
