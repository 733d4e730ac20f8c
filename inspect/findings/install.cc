// What runs on install: hooks added and changed, the files they run, implicit builds, bins that
// shadow commands.
#include <algorithm>

#include "base/text.h"
#include "inspect/code/features.h"
#include "inspect/findings/detector.h"
#include "inspect/hooks/strict_command.h"

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
  if (built)
    texts.push_back({std::string(kImplicitBuild), true, true, std::string(kImplicitBuild)});
  return texts;
}

bool contains(const std::vector<HookText>& texts, const HookText& text) {
  return std::any_of(texts.begin(), texts.end(),
                     [&](const HookText& candidate) { return candidate.same == text.same; });
}

// The hook of the same class that ran this very text before and no longer does; "" if there is
// none.
std::string_view moved_from(const Comparison& sides, std::string_view hook, const HookText& text) {
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
    const auto* file = finding.proof.if_contains("file");
    return file != nullptr && file->is_string() && file->get_string() == path;
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

// The release's own version in a script is no change of it.
std::map<std::string, std::string> plain_chain(const HookText& text, const StringMap& scripts,
                                               const std::string& version) {
  auto chain = script_chain(text.text, scripts);
  for (auto& [name, script] : chain) script = without_version(script, version);
  return chain;
}

bool chain_changed(const Comparison& sides, const HookText& text) {
  if (sides.before == nullptr) return true;
  return plain_chain(text, sides.scripts(), sides.release.manifest.version) !=
         plain_chain(text, sides.scripts_before(), sides.before->manifest.version);
}

json::object changed_file(const Comparison& sides, const std::string& path) {
  const FileFacts* now = find_file(*sides.tree, path);
  const FileFacts* was = find_file(*sides.before_tree, path);
  const auto digest = [](const FileFacts* file) {
    return file == nullptr ? json::value(nullptr) : json::value(file->sha256);
  };
  return {{"path", path}, {"sha256", digest(now)}, {"before_sha256", digest(was)}};
}

// Members of package.json that the hook acts on, with other values than before.
std::vector<std::string> changed_settings(const Comparison& sides, std::string_view hook,
                                          const HookText& text, const HookReach& reach) {
  std::vector<std::string> out;
  // Older inspectors did not look.
  if (sides.before_evidence->inspector < 4) return out;
  const HookReach* was = nullptr;
  for (const HookReach& candidate : sides.before_tree->hooks) {
    const auto same = without_version(trimmed(candidate.command), sides.before->manifest.version);
    if (candidate.hook == hook && (hook == "node-gyp" || same == text.same)) was = &candidate;
  }
  if (was == nullptr) return out;
  for (const auto& [key, value] : reach.settings) {
    const auto it = was->settings.find(key);
    const bool same = it != was->settings.end() &&
                      without_version(value, sides.release.manifest.version) ==
                          without_version(it->second, sides.before->manifest.version);
    if (!same) out.push_back("package.json " + key);
  }
  return out;
}

// The hook's text and entry files stayed, but something that these act on did not. By itself that
// is what releases are made of; it may hold if the closure can do, or reach, something new.
void compare_closure(const Comparison& sides, std::string_view hook, const HookText& text,
                     const HookReach& reach, std::vector<Finding>& findings) {
  std::vector<std::string> words;
  json::array files;
  for (const std::string& path : closure_files(*sides.tree, reach, sides.scripts())) {
    const FileFacts* now = find_file(*sides.tree, path);
    const FileFacts* was = find_file(*sides.before_tree, path);
    if (now == nullptr || (was != nullptr && was->sha256 == now->sha256)) continue;
    words.push_back(path);
    files.push_back(changed_file(sides, path));
  }
  const auto settings = changed_settings(sides, hook, text, reach);
  words.insert(words.end(), settings.begin(), settings.end());
  const auto news = closure_news(sides, hook, text);
  if (words.empty()) return;
  json::object proof{{"hook", hook}, {"command", proof_text(text.text)}};
  put_list(proof, "closure", std::move(files));
  if (!settings.empty()) {
    json::array list;
    for (const auto& setting : settings) list.emplace_back(setting);
    proof["settings"] = std::move(list);
  }
  json::array brings;
  for (const auto& [feature, where] : news) brings.emplace_back(feature);
  if (brings.empty()) proof["informs_only"] = true;
  const std::string remark = news.empty() ? "" : ", and brings " + news.begin()->first;
  proof["brings"] = std::move(brings);
  findings.push_back(make("install-script-target-changed",
                          news.empty() ? Severity::kLow : Severity::kHigh, "tarball",
                          std::string(hook) + " is unchanged (" + ascii_line(text.text, 60) +
                              ") but acts on " + join(words, ", ", 3) + ", which changed" + remark,
                          std::move(proof)));
}

// The program that an unchanged hook calls comes from a dependency: it is another program if that
// name stands for another package now.
void compare_programs(const Comparison& sides, std::string_view hook, const HookText& text,
                      std::vector<Finding>& findings) {
  for (const auto& program : command_files(text.text, sides.scripts()).programs) {
    const auto known = package_of_program(program);
    const std::string provider(known.empty() ? std::string_view(program) : known);
    const auto now = runtime_spec(sides.release, sides.packed, provider);
    if (!now) continue;
    const auto was = runtime_spec(*sides.before, sides.before_packed, provider);
    const auto package = resolve_spec(provider, *now).package;
    const auto package_before = was ? resolve_spec(provider, *was).package : provider;
    if (package == package_before) continue;
    findings.push_back(make("install-script-target-changed", Severity::kHigh, "packument-field",
                            std::string(hook) + " is unchanged (" + ascii_line(text.text, 60) +
                                ") but " + program + " is now " + package + "'s",
                            {{"hook", hook},
                             {"command", proof_text(text.text)},
                             {"program", program},
                             {"package", proof_text(package)},
                             {"package_before", proof_text(package_before)}}));
  }
}

// The hook's own text stayed, but a script that it runs by name has another text, or is new.
void compare_chain(const Comparison& sides, std::string_view hook, const HookText& text,
                   std::vector<Finding>& findings) {
  const auto was = script_chain(text.text, sides.scripts_before());
  const auto plain = [](std::string_view script, const Release& release) {
    return without_version(script, release.manifest.version);
  };
  for (const auto& [name, script] : script_chain(text.text, sides.scripts())) {
    const auto it = was.find(name);
    if (script.empty() ||
        (it != was.end() && plain(it->second, *sides.before) == plain(script, sides.release)))
      continue;
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
      if (!moved_from(sides, hook, text).empty()) continue;
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
      if (contains(was, text)) {
        compare_chain(sides, hook, text, findings);
        continue;
      }
      const std::string_view moved = moved_from(sides, hook, text);
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
      const bool kept = contains(was, text) || !moved_from(sides, hook, text).empty();
      const HookReach* reach = find_reach(*sides.tree, hook, text.text);
      if (!kept || reach == nullptr) continue;
      for (const std::string& path : entry_files(*reach, sides.scripts())) {
        compare_target(sides, hook, text.text, path, findings);
      }
      compare_closure(sides, hook, text, *reach, findings);
      compare_programs(sides, hook, text, findings);
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
    const HookText text{reach->command, false, true, reach->command};
    compare_closure(sides, "node-gyp", text, *reach, findings);
  }
  return findings;
}

// A hook that is new or has another text, or runs a script that has: whatever of it cannot be
// followed counts against it.
std::vector<Finding> install_script_unresolved(const Comparison& sides) {
  std::vector<Finding> findings;
  if (sides.tree == nullptr) return findings;  // evidence-unavailable says that
  const HasFile has_file = [&](std::string_view path) { return ships(*sides.tree, path); };
  for (const std::string_view hook : kInstallHooks) {
    const auto was = texts_before(sides, hook);
    for (const HookText& text : texts_now(sides, hook)) {
      const bool kept = contains(was, text) || !moved_from(sides, hook, text).empty();
      if (kept && !chain_changed(sides, text)) continue;
      const auto parts = unresolved_parts(text.text, sides.scripts(), has_file);
      if (parts.empty()) continue;
      json::object proof = hook_proof(sides, hook, text);
      json::array list;
      for (const auto& part : parts) list.emplace_back(proof_text(part));
      proof["unresolved"] = std::move(list);
      findings.push_back(make("install-script-unresolved", Severity::kHigh, source_of(text),
                              std::string(hook) + " cannot be followed to the end (" +
                                  join(parts, ", ", 2) + "): " + shown(text.text),
                              std::move(proof)));
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
