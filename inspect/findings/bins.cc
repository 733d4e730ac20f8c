// Commands that a release puts in front of the ones that installs call by the same name.
#include <algorithm>
#include <array>
#include <span>

#include "base/text.h"
#include "inspect/findings/detector.h"

namespace npmgate::detect {
namespace {

// Commands that lifecycle scripts, node-gyp and package managers call by name; node_modules/.bin
// stands first in their PATH.
constexpr auto kCommands = std::to_array<std::string_view>({"ash",          "awk",
                                                            "bash",         "bun",
                                                            "bunx",         "cat",
                                                            "cc",           "chmod",
                                                            "clang",        "cmake",
                                                            "cmd",          "corepack",
                                                            "cp",           "csh",
                                                            "curl",         "dash",
                                                            "deno",         "docker",
                                                            "env",          "fish",
                                                            "g++",          "gcc",
                                                            "git",          "grep",
                                                            "gyp",          "install",
                                                            "ksh",          "ln",
                                                            "make",         "mkdir",
                                                            "mv",           "node",
                                                            "node-gyp",     "node-gyp-build",
                                                            "node-pre-gyp", "nodejs",
                                                            "npm",          "npx",
                                                            "perl",         "pip",
                                                            "pnpm",         "pnpx",
                                                            "powershell",   "prebuild-install",
                                                            "pwsh",         "python",
                                                            "python2",      "python3",
                                                            "rm",           "scp",
                                                            "sed",          "sh",
                                                            "ssh",          "start",
                                                            "sudo",         "tar",
                                                            "unzip",        "wget",
                                                            "xargs",        "yarn",
                                                            "yarnpkg",      "zsh"});
static_assert(std::is_sorted(kCommands.begin(), kCommands.end()));

bool is_used_by_installs(std::string_view name) {
  std::string command = lower_ascii(name);
  for (const std::string_view suffix : {".exe", ".cmd", ".bat", ".ps1"}) {
    if (command.ends_with(suffix)) command.resize(command.size() - suffix.size());
  }
  return std::binary_search(kCommands.begin(), kCommands.end(), command);
}

// Command -> path in the package.
class Bins {
 public:
  // `popular`: sorted names of packages whose own commands are called by their names.
  explicit Bins(std::span<const std::string> popular = {}) : popular_(popular) {}

  void add(const Manifest& manifest, const Tree* tree, const std::string& folder = {}) {
    for (const auto& [name, path] : manifest.bin) keep(name, folder + path);
    if (tree == nullptr || manifest.bin_directory.empty()) return;
    const std::string below = manifest.bin_directory == "." ? "" : manifest.bin_directory + "/";
    for (const FileFacts& file : files_below(*tree, folder + below)) {
      keep(base_name(file.path), file.path);
    }
  }

  // The package's own node_modules/.bin, first in the PATH of its hooks (measured: npm, pnpm and
  // bun): files that lie there, and what clients link there for packages that it brings along.
  void add_inner(const Tree& tree) {
    constexpr std::string_view kFolder = "node_modules/.bin/";
    for (const FileFacts& file : tree.files) {
      if (lower_ascii(file.path.substr(0, kFolder.size())) == kFolder) {
        keep(base_name(file.path), file.path);
      }
    }
    for (const BundledPackage& bundled : tree.bundled) {
      add(bundled.manifest, &tree, bundled.path + "/");
    }
  }

  const StringMap& shadowing() const { return shadowing_; }

 private:
  void keep(std::string_view name, std::string path) {
    if (is_used_by_installs(name) || std::binary_search(popular_.begin(), popular_.end(), name))
      shadowing_.emplace(std::string(name), std::move(path));
  }

  std::span<const std::string> popular_;
  StringMap shadowing_;
};

// Commands of packages that the release brings along are theirs by right; only those that installs
// use count there.
StringMap shadowing_bins(const Release& release, const Manifest* packed, const Tree* tree,
                         std::span<const std::string> popular) {
  Bins bins(popular);
  bins.add(release.manifest, tree);
  if (packed != nullptr) bins.add(*packed, tree);
  StringMap all = bins.shadowing();
  if (tree == nullptr) return all;
  Bins inner;
  inner.add_inner(*tree);
  all.insert(inner.shadowing().begin(), inner.shadowing().end());
  return all;
}

}  // namespace

bool has_inner_bins(const Tree& tree) {
  Bins bins;
  bins.add(tree.package_json, &tree);
  bins.add_inner(tree);
  return !bins.shadowing().empty();
}

std::vector<Finding> bin_shadows_command(const Comparison& sides) {
  StringMap before;
  if (sides.before != nullptr) {
    before = shadowing_bins(*sides.before, sides.before_packed, sides.before_tree, sides.popular);
  }
  // Without a hook nobody looks into the package's own node_modules/.bin during an install.
  const bool runs = runs_on_install(sides.release, sides.evidence) ||
                    (sides.tree != nullptr && !sides.tree->bundled.empty());
  std::vector<Finding> findings;
  const std::string_view own = base_name(sides.release.manifest.name);
  for (const auto& [name, path] :
       shadowing_bins(sides.release, sides.packed, sides.tree, sides.popular)) {
    const bool inner = lower_ascii(path).starts_with("node_modules/");
    const bool used = is_used_by_installs(name);
    if (before.contains(name) || (inner && !runs) || (!used && name == own)) continue;
    json::object proof{{"bin", name}, {"path", proof_text(path)}, {"own_name", name == own}};
    if (!used) proof["package"] = name;
    // Forks and collections ship such commands from their first release on.
    if (!used && sides.before == nullptr) proof["informs_only"] = true;
    findings.push_back(make("bin-shadows-command",
                            name == own || !used ? Severity::kMedium : Severity::kHigh,
                            inner ? "tarball" : "packument-field",
                            used ? "bin " + name + " shadows a command that installs use: " + path
                                 : "bin " + name + " is the popular package's name: " + path,
                            std::move(proof)));
  }
  return findings;
}

}  // namespace npmgate::detect
