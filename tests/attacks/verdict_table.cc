#include "tests/attacks/verdict_table.h"
#include "tests/attacks/just_published.h"

#include <algorithm>
#include <set>

namespace npmgate::testing {
namespace {

Subject subject_of(const Replay& replay) {
  const Package& now = replay.scene.now;
  Subject subject;
  subject.name = now.release.manifest.name;
  subject.version = now.release.manifest.version;
  subject.semver = Version::parse_loose(subject.version);
  subject.upstream = "public";
  const auto popular = popular_packages();
  subject.popular = std::binary_search(popular.begin(), popular.end(), subject.name);
  subject.has_install_script = runs_on_install(now.release, &now.evidence);
  if (now.release.publisher) subject.publisher = now.release.publisher->person.name;
  subject.published = now.release.published;
  subject.age_start = now.release.published.value();
  subject.inspected = true;
  return subject;
}

Action action_of(const std::string& word) {
  for (const Action action : {Action::kAllow, Action::kWarn, Action::kQuarantine}) {
    if (to_string(action) == word) return action;
  }
  return Action::kBlock;
}

std::string joined(const std::vector<std::string>& items, const std::string& separator) {
  std::string out;
  for (const std::string& item : items) out += (out.empty() ? "" : separator) + item;
  return out.empty() ? "-" : out;
}

// The verdict, and how long it holds from the first minute on.
std::string told(const TableRow& row) {
  const Verdict& verdict = row.by_evidence;
  std::string out(to_string(verdict.action));
  if (verdict.action == Action::kQuarantine) {
    out += verdict.ends ? " " + format_duration(*verdict.ends - row.age_start) : " until approved";
  }
  return out;
}

// The rules that refuse it, the strictest first.
std::vector<std::string> rules_of(const Verdict& verdict) {
  std::vector<std::string> rules;
  for (const Reason& reason : verdict.reasons) {
    if (!verdict.served() && reason.action == verdict.action) rules.push_back(reason.rule);
  }
  return rules;
}

// A table of verdicts, whose rows stay short, and a list of what each rests on.
std::string markdown(const std::vector<TableRow>& rows) {
  std::string out = "| row | release | by evidence | with the cooldown |\n";
  out += "| --- | --- | --- | --- |\n";
  for (const TableRow& row : rows) {
    out += "| " + row.id + " | " + row.release + " | " + told(row) + " | " +
           std::string(to_string(row.in_full.action)) + " |\n";
  }
  out += "\n";
  for (const TableRow& row : rows) {
    const std::vector<std::string> rules = rules_of(row.by_evidence);
    out += "- " + row.id + ": " + joined(row.findings, ", ");
    if (!rules.empty()) out += "; refused by " + joined(rules, ", ");
    out += "\n";
  }
  return out;
}

}  // namespace

std::vector<TableRow> verdict_table(const std::string& root, const std::string& fixture) {
  std::vector<TableRow> rows;
  for (const Replay& replay : load_replays(root + "/tests/fixtures/" + fixture)) {
    TableRow row;
    row.id = replay.id;
    row.incident = replay.id.substr(0, replay.id.find('/'));
    const Subject subject = subject_of(replay);
    row.release = subject.name + "@" + subject.version;
    row.age_start = subject.age_start;
    row.later = replay.later;
    row.at_most = action_of(replay.at_most);
    const std::vector<Finding> findings = replay.scene.findings();
    std::set<std::string> seen;
    for (const Finding& finding : findings) {
      if (seen.insert(finding.id).second) row.findings.push_back(finding.id);
    }
    const Time now = subject.age_start + kAge;
    const auto shipped = default_policy(now);
    row.by_evidence = decide(without_cooldown(*shipped), subject, findings, {}, now);
    row.in_full = decide(*shipped, subject, findings, {}, now);
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<std::string> incidents(const std::vector<TableRow>& rows) {
  std::vector<std::string> all;
  for (const TableRow& row : rows) {
    if (all.empty() || all.back() != row.incident) all.push_back(row.incident);
  }
  return all;
}

std::vector<std::string> stopped_incidents(const std::vector<TableRow>& rows) {
  std::vector<std::string> stopped = incidents(rows);
  for (const TableRow& row : rows) {
    if (row.by_evidence.served() && !row.later) std::erase(stopped, row.incident);
  }
  return stopped;
}

std::string markdown_tables(const std::string& root) {
  const auto attacks = verdict_table(root, "attacks.json");
  const auto benign = verdict_table(root, "benign.json");
  const auto served = std::count_if(benign.begin(), benign.end(),
                                    [](const TableRow& row) { return row.by_evidence.served(); });
  return "## Attacks: " + std::to_string(stopped_incidents(attacks).size()) + " of " +
         std::to_string(incidents(attacks).size()) + " stopped by evidence\n\n" +
         markdown(attacks) + "\n## Harmless releases that look alike: " + std::to_string(served) +
         " of " + std::to_string(benign.size()) + " served at once, none blocked\n\n" +
         markdown(benign);
}

}  // namespace npmgate::testing
