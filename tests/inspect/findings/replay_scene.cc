#include "tests/inspect/findings/replay_scene.h"

#include <boost/json/parse.hpp>
#include <fstream>
#include <iterator>

namespace npmgate::testing {
namespace {

namespace json = boost::json;

std::string text(const json::object& row, std::string_view key, std::string fallback = {}) {
  const auto* value = row.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : fallback;
}

std::uint64_t number(const json::object& row, std::string_view key, std::uint64_t fallback = 0) {
  const auto* value = row.if_contains(key);
  return value != nullptr ? value->to_number<std::uint64_t>() : fallback;
}

bool flag(const json::object& row, std::string_view key, bool fallback = false) {
  const auto* value = row.if_contains(key);
  return value != nullptr ? value->as_bool() : fallback;
}

const json::array& list(const json::object& row, std::string_view key) {
  static const json::array kNone;
  const auto* value = row.if_contains(key);
  return value != nullptr ? value->as_array() : kNone;
}

std::vector<std::string> texts(const json::object& row, std::string_view key) {
  std::vector<std::string> out;
  for (const auto& value : list(row, key)) out.emplace_back(value.as_string());
  return out;
}

CodeFeatures features_of(const json::object& file, std::string_view key) {
  CodeFeatures features;
  features.entropy = 5.0;
  features.longest_line = 120;
  const auto* value = file.if_contains(key);
  if (value == nullptr) return features;
  const json::object& row = value->as_object();
  if (const auto* entropy = row.if_contains("entropy"))
    features.entropy = entropy->to_number<double>();
  const auto measure = [&](std::string_view name, std::uint32_t fallback) {
    return static_cast<std::uint32_t>(number(row, name, fallback));
  };
  features.longest_line = measure("longest_line", 120);
  features.hex_escapes = measure("hex_escapes", 0);
  features.obfuscator_names = measure("obfuscator_names", 0);
  features.longest_literal = measure("longest_literal", 0);
  features.traits = texts(row, "traits");
  features.endpoints = texts(row, "endpoints");
  return features;
}

void put_file(Package& package, const json::object& file, std::string_view content,
              std::string_view bytes, std::string_view features) {
  const std::string kind = text(file, "kind");
  const std::string path = text(file, "path");
  if (kind == "script" || kind == "shell") {
    package.code(path, content, features_of(file, features), number(file, bytes));
  } else {
    package.file(path, content, kind == "native" ? FileKind::kNative : FileKind::kText,
                 number(file, bytes));
  }
}

// What every release of a package holds that its attack or update did not touch.
void put_ordinary_files(Package& package, const json::object& row) {
  CodeFeatures plain;
  plain.entropy = 5.0;
  plain.longest_line = 120;
  package.code("entry.js", "entry", plain, 3000);
  package.code("lib/main.js", "main", plain, number(row, "base_bytes", 60'000));
  package.file("README.md", "readme", FileKind::kText, 4000);
  for (const auto& file : list(row, "base_files")) {
    const std::string path = text(file.as_object(), "path");
    put_file(package, file.as_object(), "kept " + path, "bytes", "features");
  }
}

void put_hooks(Package& package, const json::object& row, std::string_view key) {
  for (const auto& value : list(row, key)) {
    const json::object& hook = value.as_object();
    const std::string name = text(hook, "hook");
    const std::string command = text(hook, "command");
    if (name != "node-gyp") package.script(name, command);
    package.reach(name, command, texts(hook, "files"), texts(hook, "traits"),
                  texts(hook, "missing"));
  }
}

void put_dependencies(Package& package, const json::object& row, std::string_view key) {
  for (const auto& value : list(row, key)) {
    const json::object& dependency = value.as_object();
    package.depends(text(dependency, "field"), text(dependency, "name"), text(dependency, "spec"));
  }
}

void put_people(Package& package, const json::object& row, std::string_view suffix) {
  const auto* value = row.if_contains("people");
  if (value == nullptr) return;
  const json::object& people = value->as_object();
  const std::string after(suffix);
  if (const auto name = text(people, "publisher" + after); !name.empty()) {
    package.publisher(name, text(people, "email" + after));
  }
  if (const auto id = text(people, "trusted" + after); !id.empty()) package.trusted_publisher(id);
  if (const auto name = text(people, "approver" + after); !name.empty()) {
    package.publisher(name).release.publisher->approver = name;
  }
  if (people.contains("maintainers" + after))
    package.maintainers(texts(people, "maintainers" + after));
}

TagEvidence tag_of(const json::object& row) {
  TagEvidence tag;
  const std::string state = text(row, "state");
  tag.state = state == "missing" ? TagEvidence::State::kMissing
              : state == "found" ? TagEvidence::State::kFound
                                 : TagEvidence::State::kNotApplicable;
  tag.habit = text(row, "habit");
  tag.tagged_versions = texts(row, "tagged");
  tag.untagged_versions = texts(row, "untagged");
  tag.repository = "https://git.example/owner/package";
  return tag;
}

PackageHistory history_of(const json::object& row) {
  PackageHistory history;
  for (const auto& value : list(row, "history")) {
    const json::object& listed = value.as_object();
    PackageHistory::Entry entry;
    entry.version = text(listed, "version");
    entry.published = at(text(listed, "published"));
    if (listed.contains("publisher")) entry.publisher = text(listed, "publisher");
    entry.attested = flag(listed, "attested");
    entry.trusted = flag(listed, "trusted");
    history.entries.push_back(std::move(entry));
  }
  history.times_real = flag(row, "times_real", true);
  if (const auto* tag = row.if_contains("tag")) history.tag = tag_of(tag->as_object());
  for (const auto& value : list(row, "advisories")) {
    const json::object& listed = value.as_object();
    PackageHistory::Advisory advisory{text(listed, "id"), text(listed, "summary")};
    if (listed.contains("published")) advisory.published = at(text(listed, "published"));
    advisory.over_broad = flag(listed, "over_broad");
    history.advisories.push_back(std::move(advisory));
  }
  for (const auto& value : list(row, "dependencies")) {
    const json::object& dependency = value.as_object();
    if (!dependency.contains("hours_old")) continue;
    PackageHistory::DependencyAge age;
    age.first_published =
        at(text(row, "published")) - std::chrono::hours(number(dependency, "hours_old"));
    age.same_owner = flag(dependency, "same_owner");
    history.dependency_ages[text(dependency, "name")] = age;
  }
  return history;
}

Package baseline_of(const json::object& row) {
  Package package(text(row, "package"), text(row, "baseline"));
  put_ordinary_files(package, row);
  for (const auto& value : list(row, "files")) {
    const json::object& file = value.as_object();
    if (!file.contains("bytes_before")) continue;
    put_file(package, file, "before " + text(file, "path"), "bytes_before", "features_before");
  }
  put_hooks(package, row, "hooks_before");
  put_dependencies(package, row, "dependencies_before");
  put_people(package, row, "_before");
  if (flag(row, "attested_before")) package.attested();
  if (flag(row, "binding_gyp_before")) package.binding_gyp();
  for (const auto& value : list(row, "history")) {
    const json::object& listed = value.as_object();
    if (listed.at("version") == row.at("baseline")) package.published(text(listed, "published"));
  }
  return package;
}

Package release_of(const json::object& row) {
  Package package(text(row, "package"), text(row, "version"));
  package.published(text(row, "published"));
  put_ordinary_files(package, row);
  if (flag(row, "binding_gyp")) package.binding_gyp();
  for (const auto& value : list(row, "files")) {
    const json::object& file = value.as_object();
    put_file(package, file, "after " + text(file, "path"), "bytes", "features");
  }
  for (const std::string& path : texts(row, "removed")) {
    auto& tree = package.evidence.tree;
    std::erase_if(tree.files, [&](const FileFacts& file) { return file.path == path; });
    tree.unpacked_size = 0;
    for (const FileFacts& file : tree.files) tree.unpacked_size += file.size;
  }
  put_hooks(package, row, "hooks");
  put_dependencies(package, row, "dependencies");
  put_people(package, row, "");
  if (flag(row, "attested")) package.attested();
  return package;
}

}  // namespace

std::vector<Replay> load_replays(const std::string& file) {
  std::ifstream stream(file);
  const std::string content{std::istreambuf_iterator<char>(stream), {}};
  const json::value document = json::parse(content);
  std::vector<Replay> replays;
  for (const auto& value : document.at("rows").as_array()) {
    const json::object& row = value.as_object();
    Replay replay{text(row, "id"),
                  Scene(release_of(row)),
                  {},
                  flag(row, "hook_runs_new_file"),
                  flag(row, "hook_misses_file"),
                  flag(row, "later"),
                  text(row, "at_most", "block")};
    if (row.at("baseline").is_string()) replay.scene.before = baseline_of(row);
    replay.scene.history = history_of(row);
    for (const std::string& id : texts(row, "expect")) replay.expect.insert(id);
    replays.push_back(std::move(replay));
  }
  return replays;
}

}  // namespace npmgate::testing
