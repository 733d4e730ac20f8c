// What runs on install: hooks added and changed, the files they run, implicit builds, bins that
// shadow commands.
#include <algorithm>

#include "base/text.h"
#include "inspect/code/features.h"
#include "inspect/findings/detector.h"

namespace npmgate::detect {
namespace {

// What npm publish writes into the packument for a package with a binding.gyp, and what clients run
// for one.
constexpr std::string_view kImplicitBuild = "node-gyp rebuild";
constexpr std::string_view kGitOnly = "git and linked installs only";

bool is_install_hook(std::string_view hook) {
  return std::find(std::begin(kInstallHooks), std::end(kInstallHooks), hook) !=
         std::end(kInstallHooks);
}

std::vector<std::string_view> all_hooks() {
  std::vector<std::string_view> hooks(std::begin(kInstallHooks), std::end(kInstallHooks));
  hooks.insert(hooks.end(), std::begin(kPrepareHooks), std::end(kPrepareHooks));
  return hooks;
}

std::vector<HookText> texts_now(const Comparison& sides, std::string_view hook) {
  return hook_texts(hook, sides.release.manifest, sides.packed);
}

std::vector<HookText> texts_before(const Comparison& sides, std::string_view hook) {
  if (sides.before == nullptr) return {};
  std::vector<HookText> texts = hook_texts(hook, sides.before->manifest, sides.before_packed);
  if (hook != "install" || !texts.empty()) return texts;
  // A build that nobody declared ran before: a registry that now writes it down has changed
  // nothing.
  const bool built = sides.before_tree != nullptr ? builds_implicitly(*sides.before_tree)
                                                  : sides.before->manifest.gypfile.value_or(false);
  if (built) texts.push_back({std::string(kImplicitBuild), true, true});
  return texts;
}

bool contains(const std::vector<HookText>& texts, std::string_view text) {
  return std::any_of(texts.begin(), texts.end(),
                     [&](const HookText& candidate) { return candidate.text == text; });
}

// The hook of the same class that ran this very text before and no longer does; "" where there is
// none.
std::string_view moved_from(const Comparison& sides, std::string_view hook, std::string_view text) {
  for (const std::string_view other : all_hooks()) {
    if (other == hook || is_install_hook(other) != is_install_hook(hook)) continue;
    if (contains(texts_before(sides, other), text) && !contains(texts_now(sides, other), text)) {
      return other;
    }
  }
  return {};
}

std::string_view source_of(const HookText& text) {
  return text.packument ? "packument-field" : "tarball";
}

Severity severity_of(std::string_view hook, std::string_view command) {
  if (!is_install_hook(hook)) return Severity::kLow;
  return is_banner(command) ? Severity::kLow : Severity::kHigh;
}

void put_where(json::object& proof, const HookText& text) {
  json::array where;
  if (text.packument) where.emplace_back("packument");
  if (text.tarball) where.emplace_back("tarball");
  proof["stated_in"] = std::move(where);
}

// What the hook runs: files with digests, new ones marked, and those that the tarball does not
// hold.
void put_reach(json::object& proof, const Comparison& sides, const HookReach* reach) {
  if (reach == nullptr) return;
  json::array files;
  for (const std::string& path : reach->files) {
    json::object entry{{"path", path}};
    if (const FileFacts* file = find_file(*sides.tree, path)) entry["sha256"] = file->sha256;
    if (sides.before_tree != nullptr) {
      entry["new"] = find_file(*sides.before_tree, path) == nullptr;
    }
    files.push_back(std::move(entry));
  }
  if (!files.empty()) put_list(proof, "files", std::move(files));
  json::array missing;
  for (const std::string& path : reach->missing) missing.emplace_back(path);
  if (!missing.empty()) put_list(proof, "missing", std::move(missing));
}

json::object hook_proof(const Comparison& sides, std::string_view hook, const HookText& text) {
  json::object proof{{"hook", hook}, {"command", proof_text(text.text)}};
  put_where(proof, text);
  if (!is_install_hook(hook)) {
    proof["runs"] = kGitOnly;
    proof["informs_only"] = true;
  }
  if (is_banner(text.text)) proof["banner"] = true;
  if (sides.tree != nullptr) put_reach(proof, sides, find_reach(*sides.tree, hook, text.text));
  if (sides.before != nullptr && sides.before_tree == nullptr) {
    proof["baseline_tarball"] = "not inspected";
  }
  return proof;
}

// " (setup.js is not in the tarball)" and the like, for the message.
std::string remark(const Comparison& sides, std::string_view hook, std::string_view command) {
  if (!is_install_hook(hook)) return " (" + std::string(kGitOnly) + ")";
  if (sides.tree == nullptr) return {};
  const HookReach* reach = find_reach(*sides.tree, hook, command);
  if (reach == nullptr || reach->missing.empty()) return {};
  return " (" + reach->missing.front() + " is not in the tarball)";
}

// A command in a message: short enough that what stands after it is still read.
std::string shown(std::string_view command) {
  return ascii_line(command, 110);
}

void compare_target(const Comparison& sides, std::string_view hook, std::string_view command,
                    const std::string& path, std::vector<Finding>& findings) {
  const FileFacts* now = find_file(*sides.tree, path);
  const FileFacts* was = find_file(*sides.before_tree, path);
  if (now == nullptr || (was != nullptr && was->sha256 == now->sha256)) return;
  // A declared hook and the implicit build may run the same file: told once.
  const bool told = std::any_of(findings.begin(), findings.end(), [&](const Finding& finding) {
    return finding.proof.at("file").as_string() == path;
  });
  if (told && hook == "node-gyp") return;
  json::object proof{{"hook", hook},
                     {"command", proof_text(command)},
                     {"file", path},
                     {"sha256", now->sha256},
                     {"bytes", now->size}};
  if (was != nullptr) {
    proof["before_sha256"] = was->sha256;
    proof["before_bytes"] = was->size;
  } else {
    proof["before_sha256"] = nullptr;
  }
  const std::string message = std::string(hook) + " is unchanged (" + ascii_line(command, 60) +
                              ") but runs " + path +
                              (was != nullptr ? ", which has other bytes" : ", which is new");
  findings.push_back(
      make("install-script-target-changed", Severity::kHigh, "tarball", message, std::move(proof)));
}

// The hook's own text stayed, but a script that it runs by name has another text, or is new.
void compare_chain(const Comparison& sides, std::string_view hook, const HookText& text,
                   std::vector<Finding>& findings) {
  const auto was = script_chain(text.text, sides.scripts_before());
  for (const auto& [name, script] : script_chain(text.text, sides.scripts())) {
    const auto it = was.find(name);
    if (script.empty() || (it != was.end() && it->second == script)) continue;
    json::object proof = hook_proof(sides, hook, text);
    proof["runs_script"] = name;
    proof["script"] = proof_text(script);
    proof["script_before"] = it == was.end() ? json::value(nullptr) : proof_text(it->second);
    findings.push_back(
        make("install-script-changed", severity_of(hook, script), source_of(text),
             std::string(hook) + " runs script " + name + ", which changed: " + shown(script),
             std::move(proof)));
  }
}

}  // namespace

std::vector<Finding> install_script_added(const Comparison& sides) {
  std::vector<Finding> findings;
  for (const std::string_view hook : all_hooks()) {
    if (!texts_before(sides, hook).empty()) continue;
    for (const HookText& text : texts_now(sides, hook)) {
      if (!moved_from(sides, hook, text.text).empty()) continue;
      findings.push_back(
          make("install-script-added", severity_of(hook, text.text), source_of(text),
               std::string(hook) + " added: " + shown(text.text) + remark(sides, hook, text.text),
               hook_proof(sides, hook, text)));
    }
  }
  return findings;
}

std::vector<Finding> install_script_changed(const Comparison& sides) {
  std::vector<Finding> findings;
  for (const std::string_view hook : all_hooks()) {
    const std::vector<HookText> was = texts_before(sides, hook);
    for (const HookText& text : texts_now(sides, hook)) {
      if (contains(was, text.text)) {
        compare_chain(sides, hook, text, findings);
        continue;
      }
      const std::string_view moved = moved_from(sides, hook, text.text);
      if (was.empty() && moved.empty()) continue;
      json::object proof = hook_proof(sides, hook, text);
      json::array before;
      for (const HookText& old : was) before.push_back(proof_text(old.text));
      proof["before"] = std::move(before);
      std::string message = std::string(hook) + " changed";
      if (!moved.empty()) {
        proof["moved_from"] = moved;
        message += " (moved from " + std::string(moved) + ")";
      }
      message += ": " + shown(text.text) + remark(sides, hook, text.text);
      findings.push_back(make("install-script-changed", severity_of(hook, text.text),
                              source_of(text), message, std::move(proof)));
    }
  }
  return findings;
}

std::vector<Finding> install_script_target_changed(const Comparison& sides) {
  std::vector<Finding> findings;
  if (sides.tree == nullptr || sides.before_tree == nullptr) return findings;
  for (const std::string_view hook : kInstallHooks) {
    const std::vector<HookText> was = texts_before(sides, hook);
    for (const HookText& text : texts_now(sides, hook)) {
      const bool kept = contains(was, text.text) || !moved_from(sides, hook, text.text).empty();
      const HookReach* reach = find_reach(*sides.tree, hook, text.text);
      if (!kept || reach == nullptr) continue;
      for (const std::string& path : entry_files(*reach, sides.scripts())) {
        compare_target(sides, hook, text.text, path, findings);
      }
    }
  }
  // Both built before and now, declared or not: binding.gyp is the program that node-gyp runs.
  const bool builds = sides.tree->has_binding_gyp && sides.before_tree->has_binding_gyp;
  const HookReach* reach = builds ? find_reach(*sides.tree, "node-gyp", {}) : nullptr;
  if (builds && reach == nullptr && builds_implicitly(*sides.tree)) {
    compare_target(sides, "node-gyp", kImplicitBuild, "binding.gyp", findings);
  } else if (reach != nullptr) {
    for (const std::string& path : reach->files) {
      compare_target(sides, "node-gyp", kImplicitBuild, path, findings);
    }
  }
  return findings;
}

std::vector<Finding> implicit_install_added(const Comparison& sides) {
  if (sides.tree == nullptr || !builds_implicitly(*sides.tree)) return {};
  if (sides.before != nullptr) {
    const bool had = sides.before_tree != nullptr ? sides.before_tree->has_binding_gyp
                                                  : !texts_before(sides, "install").empty();
    if (had) return {};
  }
  json::object proof{{"file", "binding.gyp"}, {"runs", std::string(kImplicitBuild)}};
  if (const FileFacts* file = find_file(*sides.tree, "binding.gyp")) {
    proof["sha256"] = file->sha256;
    proof["bytes"] = file->size;
  }
  const bool preinstall = !hook_texts("preinstall", {}, sides.packed).empty();
  if (preinstall) proof["clients"] = "those that build beside a preinstall: yarn";
  put_reach(proof, sides, find_reach(*sides.tree, "node-gyp", {}));
  if (sides.before != nullptr && sides.before_tree == nullptr) {
    proof["baseline_tarball"] = "not inspected";
  }
  return {make("implicit-install-added", Severity::kHigh, "tarball",
               "binding.gyp appears without an install script: clients run node-gyp rebuild",
               std::move(proof))};
}

}  // namespace npmgate::detect
