#include "tests/attacks/packument_replay.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <stdexcept>

#include "inspect/findings/findings.h"
#include "policy/decide.h"
#include "registry/packument.h"
#include "tests/attacks/just_published.h"

namespace npmgate::testing {
namespace {

using Releases = std::vector<const PackumentVersion*>;  // semver order

bool published_before(const PackumentVersion& a, const PackumentVersion& b) {
  return a.release.published && b.release.published && *a.release.published < *b.release.published;
}

// What the packument was ten minutes after `now` appeared.
Releases until(const Packument& packument, const PackumentVersion& now) {
  Releases out;
  for (const auto& version : packument.versions())
    if (version.semver && (&version == &now || published_before(version, now)))
      out.push_back(&version);
  return out;
}

// As the gate chooses it: the highest lower one; a stable release is compared with a stable one.
const PackumentVersion* baseline_of(const Releases& known, const PackumentVersion& now) {
  const PackumentVersion* found = nullptr;
  for (const auto* each : known) {
    if (each == &now || !(*each->semver < *now.semver)) continue;
    if (each->semver->is_prerelease() && !now.semver->is_prerelease()) continue;
    found = each;
  }
  return found;
}

PackageHistory history_of(const Releases& known) {
  PackageHistory history;
  for (const auto* each : known) {
    PackageHistory::Entry entry;
    entry.version = each->version;
    entry.published = each->release.published;
    if (each->release.publisher) {
      entry.publisher = each->release.publisher->person.name;
      entry.trusted = each->release.publisher->trusted_publisher.has_value();
    }
    entry.attested = each->release.dist.attested();
    entry.unpacked_size = each->release.dist.unpacked_size.value_or(0);
    history.entries.push_back(std::move(entry));
    const auto& signatures = each->release.dist.signatures;
    history.signs = history.signs || (signatures && !signatures->empty());
  }
  return history;
}

Policy holding_by_evidence(Time at) {
  Policy policy = *default_policy(at);
  std::erase_if(policy.rules, [](const Rule& rule) { return rule.cooldown; });
  return policy;
}

void judge(const Packument& packument, const PackumentVersion& now, ReplayedPackument& out) {
  const Releases known = until(packument, now);
  const PackumentVersion* before = baseline_of(known, now);
  const PackageHistory history = history_of(known);
  FindingInput input;
  input.release = &now.release;
  input.baseline = before != nullptr ? &before->release : nullptr;
  input.history = &history;
  auto findings = derive_findings(input);
  // There are no tarballs here, and their absence is not what is measured.
  std::erase_if(findings, [](const Finding& each) { return each.id == "evidence-unavailable"; });
  ++out.releases;
  std::set<std::string> ids;
  for (const auto& finding : findings)
    if (may_hold(finding)) ids.insert(finding.id);
  for (const auto& id : ids) ++out.findings[id];
  Subject subject;
  subject.name = packument.name().str();
  subject.version = now.version;
  subject.semver = now.semver;
  subject.upstream = "public";
  if (now.release.publisher) subject.publisher = now.release.publisher->person.name;
  subject.age_start = *now.release.published;
  subject.inspected = true;
  const Time at = subject.age_start + kAge;
  const Verdict verdict = decide(holding_by_evidence(at), subject, findings, {}, at);
  if (verdict.action < Action::kQuarantine) return;
  ++(verdict.action == Action::kBlock ? out.blocked : out.held);
  std::string row = subject.name + "@" + now.version + ":";
  for (const auto& reason : verdict.reasons) {
    if (reason.action < Action::kQuarantine) continue;
    ++out.rules[reason.rule];
    row += " " + reason.rule + " (";
    for (const auto& id : reason.findings) row += (row.ends_with('(') ? "" : ", ") + id;
    row += ")";
  }
  out.held_rows.push_back(std::move(row));
}

std::string percent(int part, int whole) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %%", whole == 0 ? 0.0 : 100.0 * part / whole);
  return text;
}

}  // namespace

std::vector<ReplayedPackument> replay_packuments(const std::string& folder) {
  std::vector<std::string> paths;
  for (const auto& each : std::filesystem::directory_iterator(folder))
    if (each.path().extension() == ".json") paths.push_back(each.path().string());
  std::sort(paths.begin(), paths.end());
  std::vector<ReplayedPackument> all;
  for (const auto& path : paths) {
    std::ifstream stream(path);
    std::string text{std::istreambuf_iterator<char>(stream), {}};
    const auto name = PackageName::parse(std::filesystem::path(path).stem().string());
    if (!name) throw std::runtime_error(path + ": no package's name");
    const auto packument = Packument::parse(std::move(text), *name);
    if (!packument) throw std::runtime_error(path + ": " + packument.error().context);
    ReplayedPackument out;
    out.name = (*packument)->name().str();
    Releases order;
    for (const auto& version : (*packument)->versions())
      if (version.semver && version.release.published) order.push_back(&version);
    std::stable_sort(order.begin(), order.end(),
                     [](const auto* a, const auto* b) { return published_before(*a, *b); });
    for (const auto* version : order) judge(**packument, *version, out);
    all.push_back(std::move(out));
  }
  return all;
}

std::string replay_table(const std::vector<ReplayedPackument>& all) {
  ReplayedPackument sum;
  std::string out =
      "| package | releases | held by evidence | blocked |\n| --- | --- | --- | --- |\n";
  const auto row = [&](const ReplayedPackument& one, const std::string& name) {
    out += "| " + name + " | " + std::to_string(one.releases) + " | " + std::to_string(one.held) +
           " (" + percent(one.held, one.releases) + ") | " + std::to_string(one.blocked) + " |\n";
  };
  for (const auto& one : all) {
    row(one, one.name);
    sum.releases += one.releases;
    sum.held += one.held;
    sum.blocked += one.blocked;
    for (const auto& [id, count] : one.findings) sum.findings[id] += count;
    for (const auto& [id, count] : one.rules) sum.rules[id] += count;
  }
  row(sum, "all");
  for (const auto& [title, counts] :
       {std::pair{"finding that may hold", &sum.findings}, {"rule that holds", &sum.rules}}) {
    out += "\n| " + std::string(title) + " | releases | rate |\n| --- | --- | --- |\n";
    for (const auto& [id, count] : *counts)
      out +=
          "| " + id + " | " + std::to_string(count) + " | " + percent(count, sum.releases) + " |\n";
  }
  return out;
}

}  // namespace npmgate::testing
