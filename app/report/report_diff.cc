#include "app/report/report_diff.h"

#include <algorithm>
#include <tuple>

namespace npmgate {
namespace {

StringMap hooks_of(const Release& release, const Evidence* evidence) {
  StringMap hooks;
  for (const std::string_view hook : kInstallHooks) {
    if (evidence != nullptr) {
      const StringMap& scripts = evidence->tree.package_json.scripts;
      if (const auto it = scripts.find(hook); it != scripts.end()) hooks[it->first] = it->second;
    }
    const auto stated = release.manifest.scripts.find(hook);
    if (stated == release.manifest.scripts.end()) continue;
    const auto [known, fresh] = hooks.try_emplace(stated->first, stated->second);
    if (!fresh && known->second != stated->second)
      hooks[stated->first + " (packument)"] = stated->second;
  }
  const bool declared = hooks.contains("install") || hooks.contains("preinstall");
  if (evidence != nullptr && evidence->tree.has_binding_gyp && !declared)
    hooks["install (implicit)"] = "node-gyp rebuild, for binding.gyp";
  return hooks;
}

std::string publisher_text(const Publisher& publisher) {
  std::string text = publisher.person.name;
  if (publisher.trusted_publisher)
    text += " (trusted publishing: " + *publisher.trusted_publisher + ")";
  if (publisher.approver) text += " (approved by " + *publisher.approver + ")";
  return text;
}

StringMap people_of(const Release& release) {
  StringMap people;
  if (release.publisher) people["publisher"] = publisher_text(*release.publisher);
  if (release.maintainers) {
    std::vector<std::string> names;
    for (const Person& person : *release.maintainers) names.push_back(person.name);
    std::sort(names.begin(), names.end());
    std::string all;
    for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
    people["maintainers"] = all;
  }
  if (release.manifest.repository) people["repository"] = release.manifest.repository->url;
  if (!release.manifest.license.empty()) people["license"] = release.manifest.license;
  return people;
}

std::vector<Change> dependency_changes(const Manifest& before, const Manifest& after) {
  std::vector<Change> all;
  const auto add = [&all](const StringMap& old_map, const StringMap& new_map, const char* field) {
    for (Change& change : compare(old_map, new_map, field)) all.push_back(std::move(change));
  };
  add(before.dependencies, after.dependencies, "dependencies");
  add(before.optional_dependencies, after.optional_dependencies, "optionalDependencies");
  add(before.peer_dependencies, after.peer_dependencies, "peerDependencies");
  return all;
}

std::vector<std::string> traits_beyond(const FileFacts* before, const FileFacts* after) {
  std::vector<std::string> fresh;
  if (after == nullptr || !after->code) return fresh;
  for (const std::string& trait : after->code->traits) {
    const bool had =
        before != nullptr && before->code &&
        std::binary_search(before->code->traits.begin(), before->code->traits.end(), trait);
    if (!had) fresh.push_back(trait);
  }
  return fresh;
}

bool reached_on_install(const Tree& tree, const std::string& path) {
  return std::any_of(tree.hooks.begin(), tree.hooks.end(), [&](const HookReach& reach) {
    return std::find(reach.files.begin(), reach.files.end(), path) != reach.files.end();
  });
}

int kind_rank(FileKind kind) {
  switch (kind) {
    case FileKind::kNative:
      return 0;
    case FileKind::kShell:
      return 1;
    case FileKind::kScript:
      return 2;
    case FileKind::kJson:
      return 3;
    case FileKind::kOther:
      return 4;
    case FileKind::kText:
      return 5;
  }
  return 6;
}

// Smaller = more telling: what runs on install, what newly does something, natives, code, data,
// texts; what came before what changed before what went.
auto rank(const FileChange& change) {
  const FileFacts& file = change.after != nullptr ? *change.after : *change.before;
  return std::make_tuple(change.kind == ChangeKind::kRemoved, !change.on_install,
                         change.new_traits.empty(), kind_rank(file.kind),
                         change.kind == ChangeKind::kChanged, std::string_view(file.path));
}

std::vector<FileChange> file_changes(const Tree& before, const Tree& after) {
  std::vector<FileChange> changes;
  for (const FileFacts& file : after.files) {
    const FileFacts* old = before.find(file.path);
    if (old != nullptr && old->sha256 == file.sha256 && old->size == file.size) continue;
    FileChange change;
    change.kind = old == nullptr ? ChangeKind::kAdded : ChangeKind::kChanged;
    change.before = old;
    change.after = &file;
    change.on_install = reached_on_install(after, file.path);
    change.new_traits = traits_beyond(old, &file);
    changes.push_back(std::move(change));
  }
  for (const FileFacts& file : before.files) {
    if (after.find(file.path) != nullptr) continue;
    FileChange change;
    change.kind = ChangeKind::kRemoved;
    change.before = &file;
    changes.push_back(std::move(change));
  }
  std::sort(changes.begin(), changes.end(),
            [](const FileChange& a, const FileChange& b) { return rank(a) < rank(b); });
  return changes;
}

}  // namespace

std::string_view to_string(ChangeKind kind) {
  constexpr std::string_view kNames[] = {"added", "removed", "changed"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::vector<Change> compare(const StringMap& before, const StringMap& after,
                            const std::string& field) {
  std::vector<Change> changes;
  for (const auto& [key, value] : after) {
    const auto old = before.find(key);
    if (old == before.end()) changes.push_back({ChangeKind::kAdded, field, key, "", value});
    if (old != before.end() && old->second != value)
      changes.push_back({ChangeKind::kChanged, field, key, old->second, value});
  }
  for (const auto& [key, value] : before) {
    if (!after.contains(key)) changes.push_back({ChangeKind::kRemoved, field, key, value, ""});
  }
  return changes;
}

ReleaseDiff diff_of(const ReportInput& input) {
  const Judged& judged = *input.judged;
  const Evidence* before_evidence = judged.baseline_evidence.get();
  const Evidence* evidence = judged.evidence.get();
  const Release none;
  const Release& before = input.baseline != nullptr ? *input.baseline : none;
  ReleaseDiff diff;
  diff.hooks = compare(hooks_of(before, before_evidence), hooks_of(*judged.release, evidence));
  if (input.baseline == nullptr) return diff;
  diff.bin = compare(before.manifest.bin, judged.release->manifest.bin);
  diff.people = compare(people_of(before), people_of(*judged.release));
  diff.dependencies = dependency_changes(before.manifest, judged.release->manifest);
  diff.files_known = evidence != nullptr && before_evidence != nullptr;
  if (diff.files_known) diff.files = file_changes(before_evidence->tree, evidence->tree);
  return diff;
}

}  // namespace npmgate
