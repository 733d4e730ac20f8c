// What hooks do, and hooks of bundled packages.
#include <algorithm>
#include <map>

#include "base/text.h"
#include "inspect/code/features.h"
#include "inspect/findings/detector.h"

namespace npmgate::detect {
namespace {

// Traits that make a hook suspicious, with the words for people.
struct TraitWords {
  std::string_view trait, words;
};
constexpr TraitWords kSuspiciousTraits[] = {
    {"network-fetch", "fetches from the network"},
    {"shell", "spawns a shell"},
    {"decoded-eval", "evaluates decoded text"},
    {"credential-paths", "reads credential files"},
    {"env-bulk", "reads the environment in bulk"},
    {"ci-secrets", "reads CI secrets"},
    {"string-array", "is obfuscated"},
    {"char-codes", "builds text from character codes"},
    {"wallet", "touches wallets"},
    {"persistence", "makes itself persistent"},
    {"destructive", "deletes recursively"},
    {"workflow-write", "writes CI workflows"},
    {"npm-publish", "publishes packages"},
    {"hidden-text", "hides text"},
    {"native-executable", "runs native code"},
    {"new-host", "reaches a new host"},
    {"new-url", "reaches a new address"},
};

using Features = std::map<std::string, std::set<std::string>>;  // feature -> where it was seen

void add_traits(Features& features, const std::vector<std::string>& traits,
                const std::string& where) {
  for (const std::string& trait : traits) {
    const bool counts = std::any_of(std::begin(kSuspiciousTraits), std::end(kSuspiciousTraits),
                                    [&](const TraitWords& row) { return row.trait == trait; });
    if (counts) features[trait].insert(where);
  }
}

Features features_of(const Tree* tree, const StringMap& scripts, std::string_view hook,
                     std::string_view command) {
  Features features;
  if (is_banner(command)) return features;
  for (const auto& [name, text] : script_chain(command, scripts)) {
    add_traits(features, command_traits(text), "script " + name);
  }
  const HookReach* reach = tree != nullptr ? find_reach(*tree, hook, command) : nullptr;
  if (reach == nullptr) {
    add_traits(features, command_traits(command), "hook text");
    return features;
  }
  add_traits(features, reach->traits, "hook text");
  for (const std::string& path : reach->files) {
    const FileFacts* file = find_file(*tree, path);
    if (file == nullptr) continue;
    if (file->kind == FileKind::kNative && path == reach->files.front()) {
      features["native-executable"].insert(path);
    }
    if (!file->code) continue;
    add_traits(features, file->code->traits, path);
    if (!obfuscation(*file, {}).empty()) features["string-array"].insert(path);
  }
  return features;
}

struct Hook {
  std::string hook, command;
  std::string same;  // HookText::same
  friend auto operator<=>(const Hook&, const Hook&) = default;
};

std::set<Hook> hooks_of(const Manifest& manifest, const Manifest* packed, const Tree* tree) {
  std::set<Hook> hooks;
  for (const std::string_view hook : kInstallHooks) {
    for (const HookText& text : hook_texts(hook, manifest, packed)) {
      hooks.insert({std::string(hook), text.text, text.same});
    }
  }
  if (tree != nullptr && builds_implicitly(*tree)) {
    const HookReach* reach = find_reach(*tree, "node-gyp", {});
    if (reach != nullptr) {
      const std::string command(trimmed(reach->command));
      hooks.insert({"node-gyp", command, command});
    }
  }
  return hooks;
}

// Hosts named by the hook's text, the files that it reaches, and its inputs, with where.
std::map<std::string, std::string> hosts_of(const Tree& tree, const HookReach& reach) {
  std::map<std::string, std::string> hosts;
  for (const std::string& host : reach.endpoints) hosts.emplace(lower_ascii(host), "hook");
  for (const std::string& path : reach.files) {
    const FileFacts* file = find_file(tree, path);
    if (file == nullptr || !file->code) continue;
    for (const std::string& host : file->code->endpoints) hosts.emplace(lower_ascii(host), path);
  }
  return hosts;
}

// Hosts and URLs that the same hook did not lead to before; a host that other code of the baseline
// named is none. Inspectors before 4 kept no URLs.
void add_places(const Comparison& sides, const Hook& hook, const Hook& before, Features& features) {
  const HookReach* now = find_reach(*sides.tree, hook.hook, hook.command);
  const HookReach* was = find_reach(*sides.before_tree, before.hook, before.command);
  if (now == nullptr || was == nullptr) return;
  const CodeLimits limits = measure_limits(*sides.before_tree);
  for (const auto& [host, where] : hosts_of(*sides.tree, *now)) {
    if (!limits.endpoints.contains(host) && !names_nothing(host)) {
      features["new-host"].insert(host + " in " + where);
    }
  }
  if (sides.before_evidence->inspector < 4) return;
  for (const std::string& url : now->urls) {
    if (std::find(was->urls.begin(), was->urls.end(), url) == was->urls.end()) {
      features["new-url"].insert(url);
    }
  }
}

// What is to be told about one hook: all of it if the hook is new, else what it did not do
// before.
Features news(const Comparison& sides, const Hook& hook) {
  Features features = features_of(sides.tree, sides.scripts(), hook.hook, hook.command);
  if (sides.before == nullptr) return features;
  const std::set<Hook> was =
      hooks_of(sides.before->manifest, sides.before_packed, sides.before_tree);
  const auto same = std::find_if(
      was.begin(), was.end(), [&](const Hook& candidate) { return candidate.same == hook.same; });
  if (same == was.end()) return features;
  // The same hook, and nobody read what it ran before: that its files do what they do is no news.
  if (sides.before_tree == nullptr) return {};
  for (const auto& [feature, where] :
       features_of(sides.before_tree, sides.scripts_before(), same->hook, same->command)) {
    features.erase(feature);
  }
  if (sides.tree != nullptr) add_places(sides, hook, *same, features);
  return features;
}

Finding suspicious(const Hook& hook, const Features& features) {
  std::vector<std::string> words;
  json::array seen;
  for (const TraitWords& row : kSuspiciousTraits) {
    const auto it = features.find(std::string(row.trait));
    if (it == features.end()) continue;
    words.push_back(std::string(row.words) + " (" + *it->second.begin() + ")");
    json::object entry{{"feature", row.trait}};
    put_list(entry, "where", to_array(it->second), 5);
    seen.push_back(std::move(entry));
  }
  return make(
      "install-script-suspicious", Severity::kHigh, "tarball",
      hook.hook + " " + join(words, ", ", 3),
      {{"hook", hook.hook}, {"command", proof_text(hook.command)}, {"features", std::move(seen)}});
}

std::string_view text_of(const Manifest& manifest, std::string_view hook) {
  const auto it = manifest.scripts.find(hook);
  return it == manifest.scripts.end() ? std::string_view() : trimmed(it->second);
}

struct BundledHook {
  std::string hook, command;
};
std::vector<BundledHook> bundled_hooks(const BundledPackage& bundled) {
  std::vector<BundledHook> hooks;
  if (bundled.refusal) return {{"package.json", "refused: " + bundled.refusal->rule}};
  for (const std::string_view hook : kInstallHooks) {
    const std::string_view text = text_of(bundled.manifest, hook);
    if (!text.empty()) hooks.push_back({std::string(hook), std::string(text)});
  }
  if (bundled.has_binding_gyp && text_of(bundled.manifest, "install").empty()) {
    hooks.push_back({"node-gyp", "node-gyp rebuild"});
  }
  return hooks;
}

// What the finding of one bundled hook says, new or running something new.
json::object bundled_proof(const BundledPackage& bundled, const BundledHook& hook, bool declared) {
  json::object proof{{"package", bundled.path},
                     {"hook", hook.hook},
                     {"command", proof_text(hook.command)},
                     {"declared", declared}};
  // Measured: an install runs hooks of packages that the manifest bundles; `npm rebuild`, which
  // runs what `npm ci --ignore-scripts` left out, those of all that lie there.
  if (!declared) proof["runs"] = "by npm rebuild";
  return proof;
}

// The hook is the same: the files that it names are compared.
void compare_bundled_target(const Comparison& sides, const BundledPackage& bundled,
                            const BundledPackage& was, const BundledHook& hook, bool declared,
                            std::vector<Finding>& findings) {
  const std::string folder = bundled.path + "/";
  const auto names = bundled.refusal
                         ? std::vector<std::string>{"package.json"}
                         : named_files(*sides.tree, folder, hook.command, bundled.manifest.scripts);
  for (const std::string& name : names) {
    const FileFacts* now = find_file(*sides.tree, folder + name);
    const FileFacts* before = find_file(*sides.before_tree, was.path + "/" + name);
    if (now == nullptr || (before != nullptr && before->sha256 == now->sha256)) continue;
    json::object proof = bundled_proof(bundled, hook, declared);
    proof["file"] = now->path;
    proof["sha256"] = now->sha256;
    proof["before_sha256"] = before != nullptr ? json::value(before->sha256) : nullptr;
    findings.push_back(make("bundled-install-script-added",
                            declared ? Severity::kHigh : Severity::kMedium, "tarball",
                            "bundled " + bundled.path + " keeps its " + hook.hook + " but runs " +
                                now->path + ", which is " + (before ? "changed" : "new"),
                            std::move(proof)));
  }
}

}  // namespace

Features closure_news(const Comparison& sides, std::string_view hook, const HookText& text) {
  if (sides.tree == nullptr || sides.before_tree == nullptr) return {};
  return news(sides, {std::string(hook), text.text, text.same});
}

std::vector<Finding> install_script_suspicious(const Comparison& sides) {
  std::vector<Finding> findings;
  for (const Hook& hook : hooks_of(sides.release.manifest, sides.packed, sides.tree)) {
    const Features features = news(sides, hook);
    if (!features.empty()) findings.push_back(suspicious(hook, features));
  }
  return findings;
}

std::vector<Finding> bundled_install_script_added(const Comparison& sides) {
  std::vector<Finding> findings;
  if (!sides.comparable()) return findings;
  const bool declared = !sides.release.manifest.bundled.empty() ||
                        (sides.packed != nullptr && !sides.packed->bundled.empty());
  for (const BundledPackage& bundled : sides.tree->bundled) {
    if (!is_package_root(bundled.path)) continue;
    const BundledPackage* was = counterpart(sides.before_tree, bundled);
    const std::vector<BundledHook> before =
        was != nullptr ? bundled_hooks(*was) : std::vector<BundledHook>{};
    for (const BundledHook& hook : bundled_hooks(bundled)) {
      const auto same = [&](const BundledHook& old) {
        return old.hook == hook.hook && old.command == hook.command;
      };
      if (std::any_of(before.begin(), before.end(), same)) {
        compare_bundled_target(sides, bundled, *was, hook, declared, findings);
        continue;
      }
      findings.push_back(
          make("bundled-install-script-added", declared ? Severity::kHigh : Severity::kMedium,
               "tarball", "bundled " + bundled.path + " brings " + hook.hook + ": " + hook.command,
               bundled_proof(bundled, hook, declared)));
    }
  }
  return findings;
}

}  // namespace npmgate::detect
