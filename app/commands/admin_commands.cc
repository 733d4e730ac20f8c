#include "app/commands/admin_commands.h"

#include <unistd.h>

#include <boost/json/serialize.hpp>
#include <iostream>

#include "app/cli.h"
#include "app/command_line.h"
#include "app/commands/admin_client.h"
#include "app/report/diff_text.h"
#include "app/report/table_text.h"
#include "base/text.h"

namespace npmgate {
namespace {

struct QuarantineOptions {
  AdminFlags flags;
  std::string spec, reason, expires, content, seen, verdict, package, whom, sort, only;
  bool json = false, diff = false;
};

std::optional<boost::json::value> call(const QuarantineOptions& options, const std::string& method,
                                       const std::string& path, const std::string& body,
                                       int& exit_code) {
  return call_admin(options.flags, method, path, body, exit_code);
}

std::optional<std::string> release_path(const std::string& spec) {
  const std::size_t at = spec.rfind('@');
  if (at == std::string::npos || at == 0 || at + 1 == spec.size()) return std::nullopt;
  return "api/v1/releases/" + spec.substr(0, at) + "/" + percent_encode(spec.substr(at + 1));
}

std::string joined(const boost::json::value& list, const char* separator) {
  std::string out;
  for (const auto& item : list.as_array()) out += (out.empty() ? "" : separator) + plain_text(item);
  return log::printable(out, 300);
}

std::string held_until(const boost::json::value& row) {
  const std::string verdict = plain_text(row.at("verdict")), would = plain_text(row.at("would"));
  if (verdict == would || (would != "quarantine" && would != "block")) {
    if (verdict != "quarantine") return verdict;
    return row.at("ends").is_null() ? "until approved" : "until " + plain_text(row.at("ends"));
  }
  return verdict + " (monitor: would be " + would + ")";
}

std::vector<std::string> row_cells(const boost::json::value& row) {
  std::string findings, note;
  for (const auto& finding : row.at("findings").as_array())
    findings += (findings.empty() ? "" : " ") + plain_text(finding.at("id"));
  if (!row.at("replaces").as_array().empty())
    note = "replaces bad " + joined(row.at("replaces"), ", ") + " ";
  if (row.at("lowest_risk").as_bool()) note += "lowest risk ";
  if (const auto waiting = row.at("waiting").to_number<std::int64_t>(); waiting > 0)
    note += "waiting: " + std::to_string(waiting) + " ";
  if (const auto asked = row.at("asked").to_number<std::int64_t>(); asked > 0)
    note += "asked for by " + std::to_string(asked) + " ";
  if (!row.at("inspected").as_bool()) note += "not inspected yet";
  return {plain_text(row.at("name")) + "@" + plain_text(row.at("version")), held_until(row), note,
          joined(row.at("rules"), " "), findings};
}

int list(const QuarantineOptions& options) {
  int code = kDone;
  std::string cursor;
  std::vector<std::vector<std::string>> rows;
  while (true) {
    const auto answer =
        call(options, "GET",
             "api/v1/releases?limit=1000&verdict=" + percent_encode(options.verdict) + "&package=" +
                 percent_encode(options.package) + "&sort=" + percent_encode(options.sort) +
                 "&only=" + percent_encode(options.only) + "&cursor=" + percent_encode(cursor),
             "", code);
    if (!answer) return code;
    for (const auto& row : answer->at("releases").as_array()) {
      if (options.json) {
        std::cout << boost::json::serialize(row) << "\n";
      } else {
        rows.push_back(row_cells(row));
      }
    }
    const auto& next = answer->at("next");
    if (next.is_null()) break;
    cursor = plain_text(next);
  }
  if (!options.json)
    std::cout << table_text(
        {"RELEASE", "VERDICT", "NOTE", "RULES", "FINDINGS"}, rows,
        options.verdict == "quarantine" ? "no release is held" : "no release has this verdict");
  return kDone;
}

// " for project shop" of a decision that is for some alone.
std::string whom_text(const boost::json::value& decision) {
  const std::string token = plain_text(decision.at("token")),
                    project = plain_text(decision.at("project"));
  std::string text = token.empty() ? "" : " for token " + token;
  if (!project.empty()) text += " for project " + project;
  return log::printable(text, 300);
}

// "token:ci" or "project:shop" into the body of a decision; false if it is neither.
bool add_whom(const std::string& text, boost::json::object& body) {
  if (text.empty()) return true;
  const std::size_t colon = text.find(':');
  const std::string kind = text.substr(0, colon);
  if (colon == std::string::npos || (kind != "token" && kind != "project")) return false;
  body[kind] = text.substr(colon + 1);
  return true;
}

void print_surroundings(const boost::json::value& release) {
  for (const auto& [tag, now] : release.at("dist_tags").as_object())
    std::cout << "dist-tag " << log::printable(std::string(tag), 60)
              << " points here upstream; served: " << (now.is_null() ? "dropped" : plain_text(now))
              << "\n";
  for (const auto& each : release.at("decisions").as_array()) {
    if (each.at("reopened").as_bool()) continue;
    std::cout << "decided: " << plain_text(each.at("kind")) << " "
              << log::printable(plain_text(each.at("versions"))) << whom_text(each) << " by "
              << log::printable(plain_text(each.at("actor"))) << " " << plain_text(each.at("time"))
              << ": " << log::printable(plain_text(each.at("reason")), 300) << "\n";
  }
  for (const auto& each : release.at("waiting").as_array()) {
    std::cout << "waiting: " << log::printable(plain_text(each.at("client"))) << "  "
              << log::printable(plain_text(each.at("project"))) << "  "
              << log::printable(plain_text(each.at("command"))) << "  "
              << log::printable(plain_text(each.at("user_agent"))) << "  refused "
              << plain_text(each.at("times")) << " times, last " << plain_text(each.at("last"))
              << "\n";
  }
  std::cout << "content " << plain_text(release.at("content")) << "\nseen    "
            << plain_text(release.at("seen")) << "\n";
}

// The lines that changed; a release without any to show says why.
int print_diff(const QuarantineOptions& options, const std::string& path) {
  int code = kDone;
  const auto answer = call(options, "GET", path + "/diff", "", code);
  if (answer) std::cout << diff_text(answer->as_object(), wants_colour());
  return code;
}

std::optional<boost::json::value> print_page(const QuarantineOptions& options,
                                             const std::string& path, int& code) {
  const std::string page = wants_colour() ? "?page=colour" : "?page=plain";
  auto answer = call(options, "GET", path + page, "", code);
  if (!answer) return answer;
  const auto* page_text = answer->get_object().if_contains("page");
  std::cout << (page_text != nullptr ? plain_text(*page_text) : plain_text(answer->at("explain")))
            << "\n";
  print_surroundings(*answer);
  return answer;
}

int show(const QuarantineOptions& options) {
  const auto path = release_path(options.spec);
  if (!path) return report_usage("'" + log::printable(options.spec, 100) + "' is not NAME@VERSION");
  int code = kDone;
  if (!options.json) {
    const auto page = print_page(options, *path, code);
    return page && options.diff ? print_diff(options, *path) : code;
  }
  const auto answer = call(options, "GET", *path, "", code);
  if (answer) std::cout << boost::json::serialize(*answer) << "\n";
  return code;
}

// What the approval covers: what the flags name, or else what is shown now, and on a terminal only
// after a yes.
bool bind_approval(const QuarantineOptions& options, const std::string& path,
                   boost::json::object& body, int& code) {
  const bool asks = options.content.empty() && options.seen.empty() && !options.json &&
                    isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
  const auto shown = asks ? print_page(options, path, code) : call(options, "GET", path, "", code);
  if (!shown) return false;
  body["content"] = options.content.empty() ? plain_text(shown->at("content")) : options.content;
  body["seen"] = options.seen.empty() ? plain_text(shown->at("seen")) : options.seen;
  if (!asks) return true;
  std::cout << "approve this? [y/N] " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  if (answer == "y" || answer == "yes") return true;
  std::cerr << "npm-gate: nothing was decided\n";
  code = kNo;
  return false;
}

int decide_release(const QuarantineOptions& options, const std::string& verb) {
  const auto path = release_path(options.spec);
  if (!path)
    return report_usage("'" + log::printable(options.spec, 100) + "' is not NAME@" +
                        (verb == "approve" ? "VERSION" : "VERSION or NAME@RANGE"));
  int code = kDone;
  boost::json::object body{{"reason", options.reason}};
  if (!options.expires.empty()) body["expires"] = options.expires;
  if (!add_whom(options.whom, body)) return report_usage("--for is token:NAME or project:NAME");
  if (verb == "approve" && !bind_approval(options, *path, body, code)) return code;
  const auto answer = call(options, "POST", *path + "/" + verb, boost::json::serialize(body), code);
  if (!answer) return code;
  if (options.json) {
    std::cout << boost::json::serialize(*answer) << "\n";
    return kDone;
  }
  std::cout << log::printable(options.spec) << ": " << verb << " recorded";
  if (verb == "approve") {
    std::cout << (options.whom.empty() ? ""
                                       : " for " + log::printable(options.whom, 200) + " alone")
              << "; now " << plain_text(answer->at("verdict").at("action"))
              << (options.whom.empty() ? "" : " for everybody else") << "\n";
    return kDone;
  }
  std::cout << "\n";
  for (const auto& release : answer->at("releases").as_array())
    std::cout << "  " << plain_text(release.at("version")) << "  now "
              << plain_text(release.at("verdict"))
              << (release.at("served").as_bool() ? "  (was served before)" : "") << "\n";
  return kDone;
}

}  // namespace

void add_quarantine(Command app) {
  Command command = app.subcommand("quarantine", "The review queue of the running gate");
  command.require_subcommand();
  auto options = std::make_shared<QuarantineOptions>();
  const auto common = [options](Command sub) {
    add_admin_flags(sub, options->flags);
    return sub;
  };
  Command list_command = common(command.subcommand(
      "list", "Releases that are held; those first that replace a blocked or withdrawn one"));
  list_command.option("--verdict", options->verdict,
                      "allow, warn, quarantine or block (default quarantine)");
  list_command.option("--package", options->package, "name or glob");
  list_command.option("--only", options->only,
                      "asked, refused, fixes or install: what is asked for, was refused to "
                      "somebody, replaces a bad release, runs on install");
  list_command.option("--sort", options->sort,
                      "urgency (default), projects, risk (lowest first), age or name");
  list_command.flag("--json", options->json, "JSON lines");
  list_command.action([options] {
    if (options->verdict.empty()) options->verdict = "quarantine";
    return list(*options);
  });
  Command show_command = common(command.subcommand(
      "show", "One release: what changed, findings with proof, verdict, who waits for it"));
  show_command.option("NAME@VERSION", options->spec, "one release").required();
  show_command.flag("--json", options->json, "JSON instead of text");
  show_command.flag("--diff", options->diff, "the lines that changed too, riskiest file first");
  show_command.action([options] { return show(*options); });
  const std::pair<const char*, const char*> verbs[] = {
      {"approve", "Lift the holds of one release: of this content, with these findings"},
      {"reject", "Refuse a version or a range at once, for everybody, known or not"},
      {"reopen", "Take back the decisions about a version or range"}};
  for (const auto& [verb, help] : verbs) {
    const bool approves = std::string_view(verb) == "approve";
    Command sub = common(command.subcommand(verb, help));
    sub.option(approves ? "NAME@VERSION" : "NAME@RANGE", options->spec,
               approves ? "one release" : "a version or a range of them")
        .required();
    sub.option("--reason", options->reason, "why; recorded in the audit trail").required();
    sub.flag("--json", options->json, "JSON instead of text");
    if (std::string_view(verb) != "reopen")
      sub.option("--expires", options->expires, "date or time at which the decision ends");
    if (std::string_view(verb) != "reject") {
      sub.option("--for", options->whom,
                 approves ? "for what this token or project fetches alone, not for everybody"
                          : "only the approval that is for this token or project alone")
          .type_name("token:NAME|project:NAME");
    }
    if (approves) {
      sub.option("--content", options->content,
                 "content id as show printed it: another content is a conflict");
      sub.option("--seen", options->seen,
                 "the word under it: other findings or proofs are a conflict");
    }
    sub.action([options, name = std::string(verb)] { return decide_release(*options, name); });
  }
}

}  // namespace npmgate
