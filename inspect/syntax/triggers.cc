#include "inspect/syntax/triggers.h"

#include <algorithm>
#include <array>

namespace npmgate::code {
namespace {

template <std::size_t N>
bool has_word(const std::array<std::string_view, N>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

bool asks_date(std::string_view text) {
  return text.size() < 400 &&
         (text.find("new Date") != text.npos || text.find("Date.now") != text.npos);
}

}  // namespace

std::string_view trigger_of_variable(std::string_view name) {
  static constexpr auto kBuilders = std::to_array<std::string_view>({"CI",
                                                                     "GITHUB_ACTIONS",
                                                                     "GITHUB_REPOSITORY",
                                                                     "GITHUB_REPOSITORY_OWNER",
                                                                     "GITHUB_WORKFLOW",
                                                                     "GITHUB_ACTOR",
                                                                     "RUNNER_OS",
                                                                     "GITLAB_CI",
                                                                     "CI_PROJECT_PATH",
                                                                     "TRAVIS",
                                                                     "CIRCLECI",
                                                                     "JENKINS_URL",
                                                                     "BUILDKITE",
                                                                     "TF_BUILD",
                                                                     "TEAMCITY_VERSION",
                                                                     "CODEBUILD_BUILD_ID",
                                                                     "APPVEYOR",
                                                                     "BITBUCKET_BUILD_NUMBER",
                                                                     "CODESPACES",
                                                                     "GITPOD_WORKSPACE_ID"});
  static constexpr auto kLanguages = std::to_array<std::string_view>(
      {"LANG", "LANGUAGE", "LC_ALL", "LC_MESSAGES", "LC_CTYPE", "TZ"});
  if (has_word(kBuilders, name)) return "CI";
  return has_word(kLanguages, name) ? "locale" : std::string_view();
}

std::string_view trigger_of_path(std::string_view path) {
  static constexpr auto kLocale = std::to_array<std::string_view>(
      {"Intl.DateTimeFormat().resolvedOptions", "Intl.DateTimeFormat.resolvedOptions",
       "navigator.language", "navigator.languages", "navigator.userLanguage", "npm:os-locale"});
  static constexpr auto kMachines = std::to_array<std::string_view>(
      {"os.cpus", "os.totalmem", "os.uptime", "navigator.hardwareConcurrency",
       "navigator.deviceMemory", "navigator.webdriver"});
  if (has_word(kLocale, path)) return "locale";
  if (has_word(kMachines, path)) return "machine";
  return path == "inspector.url" ? "debugger" : std::string_view();
}

bool compares_date(const SyntaxTree& tree, NodeId id, Evaluator& evaluator) {
  const auto op = tree.child(id, Field::kOperator);
  const auto word = op == kNoNode ? std::string_view() : tree.text(op);
  if (word.find_first_of("=<>") == word.npos || word == "<<" || word == ">>" || word == ">>>")
    return false;
  const auto left = tree.child(id, Field::kLeft), right = tree.child(id, Field::kRight);
  if (left == kNoNode || right == kNoNode) return false;
  for (const auto& [date, other] : {std::pair(left, right), std::pair(right, left)}) {
    const auto text = tree.text(date);
    if (!asks_date(text)) continue;
    const auto against = tree.text(other);
    // new Date('2026-09-01'), Date.UTC(2026, 8)
    if (against.starts_with("new Date(") && against.find_first_of("'\"`0123456789") != against.npos)
      return true;
    if (against.starts_with("Date.UTC(") || against.starts_with("Date.parse(")) return true;
    const auto value = evaluator.evaluate(other);
    constexpr double kLongAgo = 1.4e12;  // milliseconds: 2014; spans of time are shorter
    if (!value.is(Value::Kind::kNumber)) continue;
    if (value.number > kLongAgo || text.find(".get") != text.npos) return true;
  }
  return false;
}

}  // namespace npmgate::code
