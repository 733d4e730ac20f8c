#include "tests/attacks/release_pairs.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <stdexcept>

#include "base/digest.h"
#include "inspect/evidence/evidence.h"
#include "registry/packument.h"
#include "tests/attacks/just_published.h"
#include "tests/inspect/archive/tar_builder.h"

namespace npmgate::testing {
namespace {

namespace json = boost::json;

constexpr std::string_view kPublished[] = {"2026-01-05T10:00:00.000Z", "2026-03-02T10:00:00.000Z"};

std::string decoded(const json::value& content) {
  if (content.is_string()) return std::string(content.get_string());
  const std::string text(content.at("base64").as_string());
  std::string out;
  unsigned bits = 0;
  int count = 0;
  for (const char c : text) {
    constexpr std::string_view kAlphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const auto value = kAlphabet.find(c);
    if (value == kAlphabet.npos) continue;
    bits = (bits << 6) | static_cast<unsigned>(value);
    if ((count += 6) >= 8) out += static_cast<char>(bits >> (count -= 8));
  }
  return out;
}

struct Side {
  Release release;
  Evidence evidence;
};

// `manifest` is package.json without name and version; `packument` what the registry says beside
// it.
Side side_of(const json::object& row, std::string_view version, std::string_view published) {
  json::object manifest = row.at("manifest").as_object();
  manifest["name"] = "widget";
  manifest["version"] = version;
  std::string entries = tar_entry("package/package.json", json::serialize(manifest));
  for (const auto& [path, content] : row.at("files").as_object())
    entries += tar_entry("package/" + std::string(path), decoded(content));
  const std::string tarball = tgz(entries);
  json::object stated = manifest;
  if (const auto* more = row.if_contains("packument"))
    for (const auto& [key, value] : more->as_object()) stated[key] = value;
  json::object dist;
  if (const auto* own = stated.if_contains("dist")) dist = own->as_object();
  dist["integrity"] = digest(Algorithm::kSha512, bytes_of(tarball)).sri();
  dist["tarball"] = "https://registry.example/widget/-/widget-" + std::string(version) + ".tgz";
  stated["dist"] = dist;
  const std::string raw = json::serialize(stated);
  auto release = parse_release(raw);
  if (!release) throw std::runtime_error("fixture: " + release.error().context);
  release->published = parse_time(published);
  InspectionInput input;
  input.raw_manifest = raw;
  input.release = *release;
  input.tarball = bytes_of(tarball);
  input.now = *release->published;
  return {*release, inspect_tarball(input)};
}

Subject subject_of(const Side& now) {
  Subject subject;
  subject.name = "widget";
  subject.version = now.release.manifest.version;
  subject.semver = Version::parse_loose(subject.version);
  subject.upstream = "public";
  subject.has_install_script = runs_on_install(now.release, &now.evidence);
  if (now.release.publisher) subject.publisher = now.release.publisher->person.name;
  subject.published = now.release.published;
  subject.age_start = *now.release.published;
  subject.inspected = true;
  return subject;
}

PairRow judged(const json::object& row) {
  PairRow out;
  out.id = row.at("id").as_string();
  out.title = row.at("title").as_string();
  out.want = row.at("want").as_string();
  const Side now = side_of(row.at("attack").as_object(), "1.0.1", kPublished[1]);
  std::optional<Side> before;
  if (const auto* base = row.if_contains("base"))
    before = side_of(base->as_object(), "1.0.0", kPublished[0]);
  PackageHistory history;
  if (before) {
    PackageHistory::Entry entry;
    entry.version = "1.0.0";
    entry.published = before->release.published;
    history.entries.push_back(entry);
  }
  PackageHistory::Entry entry;
  entry.version = "1.0.1";
  entry.published = now.release.published;
  history.entries.push_back(entry);
  if (const auto* tags = row.if_contains("tags"))
    for (const auto& tag : tags->as_array()) history.tags.emplace_back(tag.as_string());
  if (const auto* versions = row.if_contains("versions")) {
    for (const auto& version : versions->as_array()) {
      history.entries.emplace_back();
      history.entries.back().version = version.as_string();
    }
  }
  FindingInput input;
  input.release = &now.release;
  input.evidence = &now.evidence;
  input.baseline = before ? &before->release : nullptr;
  input.baseline_evidence = before ? &before->evidence : nullptr;
  input.history = &history;
  const auto popular = popular_packages();
  input.popular = popular;
  out.findings = derive_findings(input);
  const Subject subject = subject_of(now);
  const Time at = subject.age_start + kAge;
  out.verdict = decide(without_cooldown(*default_policy(at)), subject, out.findings, {}, at);
  return out;
}

}  // namespace

bool PairRow::as_wanted() const {
  const auto tells = [](const Finding& finding) {
    return finding.id != "evidence-unavailable" && finding.id != "first-release";
  };
  if (want == "held") return !verdict.served();
  if (want == "told") return std::any_of(findings.begin(), findings.end(), tells);
  if (want == "served") return verdict.served();
  if (want == "quiet")
    return std::none_of(findings.begin(), findings.end(), [&](const Finding& finding) {
      return tells(finding) && may_hold(finding);
    });
  return false;
}

std::vector<PairRow> release_pairs(const std::string& path) {
  std::ifstream stream(path);
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  std::vector<PairRow> rows;
  const json::value fixture = json::parse(text);
  for (const auto& row : fixture.as_array()) rows.push_back(judged(row.as_object()));
  return rows;
}

std::vector<PairRow> obfuscated_pairs(const std::string& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".txt") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  const std::string plain = "'use strict'\nexports.add = function (a, b) { return a + b }\n";
  std::vector<PairRow> rows;
  for (const auto& file : files) {
    std::ifstream stream(file);
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    const json::object manifest{{"main", "index.js"}};
    const json::object row{
        {"id", file.stem().string()},
        {"title", "main gains " + file.stem().string()},
        {"want", "held"},
        {"base",
         json::object{{"manifest", manifest}, {"files", json::object{{"index.js", plain}}}}},
        {"attack", json::object{{"manifest", manifest},
                                {"files", json::object{{"index.js", plain + text}}}}}};
    rows.push_back(judged(row));
  }
  return rows;
}

std::string table_of(const std::vector<PairRow>& rows) {
  std::string out;
  std::size_t right = 0;
  for (const PairRow& row : rows) {
    right += row.as_wanted();
    std::set<std::string> rules, ids;
    for (const Reason& reason : row.verdict.reasons)
      if (reason.action == row.verdict.action) rules.insert(reason.rule);
    for (const Finding& finding : row.findings)
      ids.insert(finding.id + (may_hold(finding) ? "" : "(informs)"));
    out += (row.as_wanted() ? "  " : "* ") + row.id + " | " + row.want + " | " +
           std::string(to_string(row.verdict.action));
    for (const auto& rule : rules) out += " " + rule;
    out += " |";
    for (const auto& id : ids) out += " " + id;
    out += " | " + row.title + "\n";
  }
  return out + std::to_string(right) + " of " + std::to_string(rows.size()) + " as wanted\n";
}

}  // namespace npmgate::testing
