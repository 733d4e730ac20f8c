// manifest-mismatch: packument manifest against the tarball's package.json, minus what npm and
// registries rewrite by design.
#include <algorithm>

#include "base/text.h"
#include "inspect/findings/detector.h"

namespace npmgate::detect {
namespace {

struct Mismatch {
  std::string field;  // "version", "scripts.postinstall", "dependencies.left-pad"
  std::string packument, tarball;
};

class MismatchSearch {
 public:
  explicit MismatchSearch(const Comparison& sides)
      : packument_(sides.release.manifest), tarball_(*sides.packed), tree_(*sides.tree) {}

  std::vector<Mismatch> run() {
    if (packument_.name != tarball_.name) add("name", packument_.name, tarball_.name);
    compare_version();
    for (const std::string_view hook : kInstallHooks) compare_hook(hook);
    compare_dependencies();
    compare_maps("optionalDependencies", packument_.optional_dependencies,
                 tarball_.optional_dependencies);
    compare_maps("peerDependencies", packument_.peer_dependencies, tarball_.peer_dependencies);
    compare_bundled();
    compare_bins();
    return mismatches_;
  }

 private:
  void add(std::string field, std::string_view packument, std::string_view tarball) {
    mismatches_.push_back({std::move(field), std::string(packument), std::string(tarball)});
  }

  // npm writes the normalised form: "v1.0.0" and "=1.0.0" are 1.0.0.
  void compare_version() {
    const auto stated = Version::parse_loose(packument_.version);
    const auto shipped = Version::parse_loose(tarball_.version);
    const bool same = stated && shipped ? *stated == *shipped
                                        : trimmed(packument_.version) == trimmed(tarball_.version);
    if (!same) add("version", packument_.version, tarball_.version);
  }

  // npm publish writes `install: node-gyp rebuild` for a binding.gyp; clients run the same without
  // it.
  void compare_hook(std::string_view hook) {
    const auto text = [&](const Manifest& manifest) -> std::string_view {
      const auto it = manifest.scripts.find(hook);
      return it == manifest.scripts.end() ? std::string_view() : trimmed(it->second);
    };
    const std::string_view stated = text(packument_);
    const std::string_view shipped = text(tarball_);
    if (stated == shipped) return;
    if (hook == "install" && stated == "node-gyp rebuild" && shipped.empty() &&
        tree_.has_binding_gyp) {
      return;
    }
    add("scripts." + std::string(hook), stated, shipped);
  }

  // Packuments of older npm list optional dependencies among the dependencies too.
  void compare_dependencies() {
    const auto without_optional = [&](const StringMap& map) {
      StringMap out;
      for (const auto& [name, spec] : map) {
        if (!packument_.optional_dependencies.contains(name) &&
            !tarball_.optional_dependencies.contains(name)) {
          out.emplace(name, spec);
        }
      }
      return out;
    };
    compare_maps("dependencies", without_optional(packument_.dependencies),
                 without_optional(tarball_.dependencies));
  }

  // Blank and "*" mean the same; hosted git specs are rewritten ("o/r", "github:o/r",
  // "git+ssh://git@github.com/o/r.git").
  static bool same_spec(std::string_view a, std::string_view b) {
    const auto plain = [](std::string_view text) {
      text = trimmed(text);
      return text == "*" ? std::string_view() : text;
    };
    a = plain(a);
    b = plain(b);
    if (a == b) return true;
    const auto hosted = [](std::string_view text) { return text.find('/') != text.npos; };
    return hosted(a) && hosted(b) && normal_repository(a) == normal_repository(b);
  }

  void compare_maps(const std::string& field, const StringMap& stated, const StringMap& shipped) {
    for (const auto& [name, spec] : stated) {
      const auto it = shipped.find(name);
      if (it == shipped.end()) {
        add(field + "." + name, spec, "");
      } else if (!same_spec(spec, it->second)) {
        add(field + "." + name, spec, it->second);
      }
    }
    for (const auto& [name, spec] : shipped) {
      if (!stated.contains(name)) add(field + "." + name, "", spec);
    }
  }

  // npm takes from the packument which packages in node_modules count, the others from the tarball.
  void compare_bundled() {
    const auto names = [](const Manifest& manifest) {
      StringMap out;
      for (const std::string& name : manifest.bundled) out.emplace(name, "bundled");
      return out;
    };
    compare_maps("bundleDependencies", names(packument_), names(tarball_));
  }

  // npm-normalize-package-bin: keys keep their last segment, values lose "./", "/" and climb no
  // higher than the root.
  static std::string normal_path(std::string_view path) {
    std::vector<std::string_view> parts;
    while (!path.empty()) {
      const auto slash = std::min(path.find_first_of("/\\"), path.size());
      const std::string_view part = path.substr(0, slash);
      path.remove_prefix(std::min(slash + 1, path.size()));
      if (part == ".." && !parts.empty()) parts.pop_back();
      if (!part.empty() && part != "." && part != "..") parts.push_back(part);
    }
    std::string out;
    for (const std::string_view part : parts) (out += out.empty() ? "" : "/") += part;
    return out;
  }

  static StringMap normal_bins(const StringMap& bins) {
    StringMap out;
    for (const auto& [name, path] : bins) {
      const auto slash = name.find_last_of("/\\:");
      std::string key = slash == name.npos ? name : name.substr(slash + 1);
      std::string target = normal_path(path);
      if (!key.empty() && !target.empty()) out.emplace(std::move(key), std::move(target));
    }
    return out;
  }

  // `directories.bin` becomes a map of every file in that folder when npm publishes.
  bool from_directory(const StringMap& stated) const {
    return std::all_of(stated.begin(), stated.end(), [&](const auto& bin) {
      const std::string_view path = bin.second;
      const auto slash = path.rfind('/');
      return slash != path.npos && path.substr(slash + 1) == bin.first &&
             find_file(tree_, path) != nullptr;
    });
  }

  void compare_bins() {
    const StringMap stated = normal_bins(packument_.bin);
    const StringMap shipped = normal_bins(tarball_.bin);
    if (shipped.empty() && from_directory(stated)) return;
    compare_maps("bin", stated, shipped);
  }

  const Manifest& packument_;
  const Manifest& tarball_;
  const Tree& tree_;
  std::vector<Mismatch> mismatches_;
};

}  // namespace

std::vector<Finding> manifest_mismatch(const Comparison& sides) {
  // A bare .tgz file has no packument to differ from.
  if (sides.packed == nullptr || sides.release.manifest.name.empty()) return {};
  const std::vector<Mismatch> mismatches = MismatchSearch(sides).run();
  if (mismatches.empty()) return {};
  const auto value = [](const std::string& text) {
    return text.empty() ? json::value(nullptr) : proof_text(text);
  };
  const auto quoted = [](const std::string& text) {
    return text.empty() ? std::string("nothing") : "\"" + ascii_line(text, 40) + "\"";
  };
  json::array fields;
  for (const Mismatch& mismatch : mismatches) {
    fields.push_back({{"field", mismatch.field},
                      {"packument", value(mismatch.packument)},
                      {"tarball", value(mismatch.tarball)}});
  }
  const Mismatch& first = mismatches.front();
  std::string message = first.field + " is " + quoted(first.packument) + " in the packument, " +
                        quoted(first.tarball) + " in the tarball";
  if (mismatches.size() > 1) {
    message += " (and " + std::to_string(mismatches.size() - 1) + " more)";
  }
  json::object proof;
  put_list(proof, "fields", std::move(fields), 50);
  return {make("manifest-mismatch", Severity::kHigh, "tarball", message, std::move(proof))};
}

}  // namespace npmgate::detect
