#include "tests/attacks/pair_table.h"

#include <algorithm>
#include <boost/json.hpp>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>

#include "inspect/code/value.h"
#include "inspect/findings/findings.h"
#include "tests/inspect/archive/tar_builder.h"

namespace npmgate::testing {
namespace {

namespace json = boost::json;

const Time kPublished = *parse_time("2026-03-02T10:00:00.000Z");

std::string body_of(const json::value& value) {
  if (value.is_string()) return std::string(value.get_string());
  return code::base64_text(std::string(value.at("base64").as_string()));
}

struct Side {
  Evidence evidence;
  std::string tarball;
};

Side inspect_side(const json::object& side, const std::string& version, Time published) {
  json::object manifest = side.at("manifest").as_object();
  manifest["name"] = "widget";
  manifest["version"] = version;
  std::map<std::string, std::string> files;
  for (const auto& [path, body] : side.at("files").as_object())
    files[std::string(path)] = body_of(body);
  files["package.json"] = json::serialize(manifest);
  std::string entries;
  for (const auto& [path, body] : files) entries += tar_entry("package/" + path, body);
  Side out;
  out.tarball = tgz(entries);
  InspectionInput input;
  auto parsed = parse_package_json(files["package.json"]);
  if (parsed.refusal) throw std::runtime_error("pair with a bad package.json");
  input.release.manifest = parsed.manifest;
  input.release.published = published;
  input.release.publisher = Publisher{{"maintainer", "maintainer@mail.example"}, {}, {}};
  input.release.maintainers = {Person{"maintainer", "maintainer@mail.example"}};
  input.tarball = bytes_of(out.tarball);
  input.now = published;
  out.evidence = inspect_tarball(input);
  return out;
}

PairRow row_of(const json::object& pair) {
  PairRow row;
  row.id = pair.at("id").as_string();
  row.kind = pair.at("kind").as_string();
  row.title = pair.at("title").as_string();
  row.want = pair.at("want").as_string();
  const auto base =
      inspect_side(pair.at("base").as_object(), "1.0.0", kPublished - std::chrono::hours(24 * 60));
  const auto attack = inspect_side(pair.at("attack").as_object(), "1.0.1", kPublished);
  FindingInput input;
  input.release = &attack.evidence.release;
  input.evidence = &attack.evidence;
  input.baseline = &base.evidence.release;
  input.baseline_evidence = &base.evidence;
  PackageHistory history;
  input.history = &history;
  auto findings = derive_findings(input);
  const Time now = kPublished + std::chrono::minutes(10);
  auto policy = *default_policy(now);
  std::erase_if(policy.rules, [](const Rule& rule) { return rule.cooldown; });
  Subject subject;
  subject.name = "widget";
  subject.version = "1.0.1";
  subject.semver = Version::parse_loose(subject.version);
  subject.upstream = "public";
  subject.publisher = "maintainer";
  subject.has_install_script = runs_on_install(attack.evidence.release, &attack.evidence);
  subject.published = kPublished;
  subject.age_start = kPublished;
  subject.inspected = true;
  row.verdict = decide(policy, subject, findings, {}, now);
  std::erase_if(findings,
                [](const Finding& finding) { return finding.id == "evidence-unavailable"; });
  row.findings = std::move(findings);
  const bool held =
      row.verdict.action == Action::kQuarantine || row.verdict.action == Action::kBlock;
  row.right = row.want == "held" ? held : row.want == "told" ? !row.findings.empty() : !held;
  return row;
}

}  // namespace

std::vector<PairRow> pair_table(const std::string& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  std::vector<PairRow> rows;
  const auto pairs = json::parse(text.str());
  for (const auto& pair : pairs.as_array()) rows.push_back(row_of(pair.as_object()));
  return rows;
}

std::string to_line(const PairRow& row) {
  std::string out = std::string(row.right ? "ok    " : "WRONG ") + row.id + " (" + row.kind +
                    ") want " + row.want + ": " + std::string(to_string(row.verdict.action));
  for (const auto& reason : row.verdict.reasons)
    if (reason.action == row.verdict.action && !row.verdict.served()) out += " " + reason.rule;
  out += " | " + row.title;
  for (const auto& finding : row.findings)
    out += "\n        " + finding.id + ": " + finding.message;
  return out;
}

}  // namespace npmgate::testing
