#include "tests/inspect/findings/package_builder.h"

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "base/digest.h"

namespace npmgate::testing {
namespace {

StringMap& field_of(Manifest& manifest, std::string_view field) {
  if (field == "optionalDependencies") return manifest.optional_dependencies;
  if (field == "peerDependencies") return manifest.peer_dependencies;
  if (field == "devDependencies") return manifest.dev_dependencies;
  return manifest.dependencies;
}

}  // namespace

Package::Package(std::string name, std::string version) {
  release.manifest.name = name;
  release.manifest.version = version;
  evidence.tree.package_json = release.manifest;
  evidence.name = std::move(name);
  evidence.version = std::move(version);
  evidence.tree.top = "package";
  evidence.tarball_sha512 = "00";
  file("package.json", release.manifest.version, FileKind::kJson);
}

Package& Package::script(std::string_view hook, std::string command) {
  return stated_script(hook, command).shipped_script(hook, command);
}

Package& Package::stated_script(std::string_view hook, std::string command) {
  release.manifest.scripts[std::string(hook)] = std::move(command);
  return *this;
}

Package& Package::shipped_script(std::string_view hook, std::string command) {
  evidence.tree.package_json.scripts[std::string(hook)] = std::move(command);
  return *this;
}

Package& Package::depends(std::string_view field, std::string name, std::string spec) {
  field_of(release.manifest, field)[name] = spec;
  field_of(evidence.tree.package_json, field)[name] = spec;
  return *this;
}

Package& Package::bin(std::string name, std::string path) {
  release.manifest.bin[name] = path;
  evidence.tree.package_json.bin[name] = path;
  return *this;
}

Package& Package::repository(std::string url) {
  release.manifest.repository = Repository{url, ""};
  evidence.tree.package_json.repository = release.manifest.repository;
  return *this;
}

Package& Package::license(std::string text) {
  release.manifest.license = text;
  evidence.tree.package_json.license = text;
  return *this;
}

Package& Package::published(std::string_view time) {
  release.published = at(time);
  return *this;
}

Package& Package::publisher(std::string name, std::string email) {
  release.publisher = Publisher{{std::move(name), std::move(email)}, {}, {}};
  return *this;
}

Package& Package::trusted_publisher(std::string id) {
  release.publisher = Publisher{{"Build Machine", "machine@registry.example"}, std::move(id), {}};
  return *this;
}

Package& Package::maintainers(std::vector<std::string> names) {
  release.maintainers.emplace();
  for (std::string& name : names) release.maintainers->push_back({std::move(name), {}});
  return *this;
}

Package& Package::attested() {
  release.dist.attestations_url = "https://registry.example/-/npm/v1/attestations/x";
  release.dist.provenance_predicate = "https://slsa.example/provenance/v1";
  return *this;
}

Package& Package::file(std::string path, std::string_view content, FileKind kind,
                       std::uint64_t size) {
  FileFacts facts;
  facts.path = std::move(path);
  facts.size = size;
  facts.sha256 = sha256_hex(facts.path == "package.json" ? "manifest" + std::string(content)
                                                         : std::string(content));
  facts.kind = kind;
  auto& files = evidence.tree.files;
  std::erase_if(files, [&](const FileFacts& old) { return old.path == facts.path; });
  files.insert(std::upper_bound(files.begin(), files.end(), facts,
                                [](const auto& a, const auto& b) { return a.path < b.path; }),
               facts);
  evidence.tree.unpacked_size = 0;
  for (const FileFacts& each : files) evidence.tree.unpacked_size += each.size;
  evidence.tree.entries = files.size();
  return *this;
}

Package& Package::code(std::string path, std::string_view content, CodeFeatures features,
                       std::uint64_t size) {
  file(path, content, FileKind::kScript, size);
  for (FileFacts& facts : evidence.tree.files) {
    if (facts.path == path) facts.code = std::move(features);
  }
  return *this;
}

Package& Package::reach(std::string hook, std::string command, std::vector<std::string> files,
                        std::vector<std::string> traits, std::vector<std::string> missing) {
  evidence.tree.hooks.push_back({std::move(hook),
                                 std::move(command),
                                 std::move(files),
                                 std::move(missing),
                                 std::move(traits),
                                 {}});
  return *this;
}

Package& Package::binding_gyp(std::string_view content) {
  evidence.tree.has_binding_gyp = true;
  return file("binding.gyp", content, FileKind::kText);
}

Package& Package::bundles(std::string path, StringMap scripts) {
  BundledPackage bundled;
  bundled.path = std::move(path);
  bundled.manifest.name = bundled.path.substr(bundled.path.rfind('/') + 1);
  bundled.manifest.scripts = std::move(scripts);
  evidence.tree.bundled.push_back(std::move(bundled));
  return *this;
}

CodeFeatures with_traits(std::vector<std::string> traits) {
  CodeFeatures features;
  features.traits = std::move(traits);
  return features;
}

CodeFeatures with_endpoints(std::vector<std::string> endpoints) {
  CodeFeatures features;
  features.endpoints = std::move(endpoints);
  return features;
}

std::vector<Finding> Scene::findings() const {
  Evidence evidence = now.evidence;
  evidence.release = now.release;
  FindingInput input;
  input.release = &now.release;
  input.evidence = inspected ? &evidence : nullptr;
  input.history = &history;
  input.popular = popular;
  if (before) {
    input.baseline = &before->release;
    input.baseline_evidence = baseline_inspected ? &before->evidence : nullptr;
  }
  return derive_findings(input);
}

std::set<std::string> Scene::ids() const {
  std::set<std::string> ids;
  for (const Finding& finding : findings()) ids.insert(finding.id);
  return ids;
}

std::vector<Finding> Scene::of(std::string_view id) const {
  std::vector<Finding> all = findings();
  std::erase_if(all, [&](const Finding& finding) { return finding.id != id; });
  return all;
}

Scene& Scene::entry(std::string version, std::string_view time, std::string publisher) {
  PackageHistory::Entry entry;
  entry.version = std::move(version);
  entry.published = at(time);
  if (!publisher.empty()) entry.publisher = std::move(publisher);
  history.entries.push_back(std::move(entry));
  return *this;
}

Time at(std::string_view text) {
  return parse_time(text).value();
}

std::string proof_of(const Finding& finding) {
  return boost::json::serialize(finding.proof);
}

std::string describe(const std::vector<Finding>& findings) {
  std::string out;
  for (const Finding& finding : findings) {
    out += "  " + finding.id + " [" + std::string(to_string(finding.severity)) +
           "]: " + finding.message + " | " + proof_of(finding) + "\n";
  }
  return out.empty() ? "  (no findings)\n" : out;
}

}  // namespace npmgate::testing
