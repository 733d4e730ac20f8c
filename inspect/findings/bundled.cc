// Packages that a release brings along in node_modules: which ones, and whether they are what they
// were.
#include <algorithm>

#include "base/text.h"
#include "inspect/findings/detector.h"

namespace npmgate::detect {

// The root of a package, not a package.json of some test folder inside it.
bool is_package_root(std::string_view path) {
  const auto at = lower_ascii(path).rfind("node_modules/");
  if (at == path.npos) return false;
  const std::string_view name = path.substr(at + 13);
  const auto slashes = std::count(name.begin(), name.end(), '/');
  return name.starts_with('@') ? slashes == 1 : slashes == 0;
}

const BundledPackage* counterpart(const Tree* tree, const BundledPackage& bundled) {
  if (tree == nullptr) return nullptr;
  const BundledPackage* by_name = nullptr;
  for (const BundledPackage& candidate : tree->bundled) {
    if (candidate.path == bundled.path) return &candidate;
    if (candidate.manifest.name == bundled.manifest.name && !candidate.manifest.name.empty()) {
      by_name = &candidate;
    }
  }
  return by_name;
}

namespace {

// Files of the package itself, none of packages within it. Its package.json is written by npm.
std::vector<const FileFacts*> own_files(const Tree& tree, const std::string& folder) {
  std::vector<const FileFacts*> files;
  for (const FileFacts& file : files_below(tree, folder + "/")) {
    const std::string_view path = std::string_view(file.path).substr(folder.size() + 1);
    if (path != "package.json" && !path.starts_with("node_modules/")) files.push_back(&file);
  }
  return files;
}

bool runs(const FileFacts& file) {
  return file.code || file.kind == FileKind::kNative || file.kind == FileKind::kScript ||
         file.kind == FileKind::kShell;
}

// Code of the bundled package with other bytes than before, or new, under the same version.
json::array changed_files(const Comparison& sides, const BundledPackage& now,
                          const BundledPackage& was) {
  json::array out;
  for (const FileFacts* file : own_files(*sides.tree, now.path)) {
    if (!runs(*file)) continue;
    const std::string before = was.path + file->path.substr(now.path.size());
    const FileFacts* old = find_file(*sides.before_tree, before);
    if (old != nullptr && old->sha256 == file->sha256) continue;
    out.push_back(
        {{"path", file->path},
         {"sha256", file->sha256},
         {"before_sha256", old == nullptr ? json::value(nullptr) : json::value(old->sha256)}});
  }
  return out;
}

}  // namespace

// A published version never changes, so a bundled one that did was changed by hand; those that are
// new are told.
std::vector<Finding> bundled_package_changed(const Comparison& sides) {
  std::vector<Finding> findings;
  if (sides.tree == nullptr || sides.before_tree == nullptr) return findings;
  json::array added;
  std::vector<std::string> words;
  for (const BundledPackage& bundled : sides.tree->bundled) {
    if (!is_package_root(bundled.path)) continue;
    const BundledPackage* was = counterpart(sides.before_tree, bundled);
    if (was == nullptr) {
      added.push_back({{"package", bundled.path}, {"version", bundled.manifest.version}});
      words.push_back(bundled.path + "@" + bundled.manifest.version);
      continue;
    }
    if (bundled.manifest.version != was->manifest.version) continue;
    json::array files = changed_files(sides, bundled, *was);
    if (files.empty()) continue;
    json::object proof{{"package", bundled.path}, {"version", bundled.manifest.version}};
    put_list(proof, "files", std::move(files));
    findings.push_back(make("bundled-package-changed", Severity::kHigh, "tarball",
                            "bundled " + bundled.path + "@" + bundled.manifest.version +
                                " has other files under the same version",
                            std::move(proof)));
  }
  if (added.empty()) return findings;
  json::object proof{{"informs_only", true}};
  put_list(proof, "added", std::move(added), 50);
  findings.push_back(make("bundled-package-changed", Severity::kLow, "tarball",
                          "brings along " + join(words, ", ", 3), std::move(proof)));
  return findings;
}

}  // namespace npmgate::detect
