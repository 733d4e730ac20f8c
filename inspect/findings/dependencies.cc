// Dependencies that are new, young, or do not come from a registry.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "inspect/findings/detector.h"

namespace npmgate::detect {
namespace {

constexpr Millis kFresh = std::chrono::hours{24 * 30};

struct Field {
  std::string_view name;
  StringMap Manifest::*map;
  bool runtime;
};
constexpr Field kFields[] = {
    {"dependencies", &Manifest::dependencies, true},
    {"optionalDependencies", &Manifest::optional_dependencies, true},
    {"peerDependencies", &Manifest::peer_dependencies, false},
    {"devDependencies", &Manifest::dev_dependencies, false},
};

struct Dependency {
  std::string name, spec;
  std::string_view field;
};

// The union of what packument and tarball say; optional ones, which old packuments list twice,
// count as optional.
std::vector<Dependency> added_runtime(const Comparison& sides) {
  const auto known = [&](std::string_view name) {
    const auto in = [&](const Manifest* manifest) {
      return manifest != nullptr && (manifest->dependencies.contains(name) ||
                                     manifest->optional_dependencies.contains(name));
    };
    return sides.before != nullptr && (in(&sides.before->manifest) || in(sides.before_packed));
  };
  std::map<std::string, Dependency, std::less<>> added;
  const auto collect = [&](const Manifest& manifest) {
    for (const Field& field : kFields) {
      if (!field.runtime) continue;
      for (const auto& [name, spec] : manifest.*field.map) {
        if (!known(name)) added.insert_or_assign(name, Dependency{name, spec, field.name});
      }
    }
  };
  if (sides.packed != nullptr) collect(*sides.packed);
  collect(sides.release.manifest);
  std::vector<Dependency> out;
  out.reserve(added.size());
  for (auto& [name, dependency] : added) out.push_back(std::move(dependency));
  return out;
}

// Ranges and tags that take whatever is newest.
bool floating(std::string_view spec) {
  const std::string_view text = trimmed(spec);
  return text.empty() || text == "*" || text == "x" || text == "latest";
}

// The range or tag of "npm:name@range", "npm:@scope/name@range"; "" where it has none.
std::string_view aliased_range(std::string_view alias) {
  alias.remove_prefix(4);
  const std::size_t from = alias.starts_with('@') ? alias.find('/') : 0;
  const std::size_t at = alias.find('@', from);
  // Without a range it is a name, and what is no name ("npm:http://…") is read as a spec.
  return at == alias.npos ? (from == 0 ? alias : std::string_view()) : alias.substr(at + 1);
}

// What kind of place a spec that is no registry range points to; "" for registry ranges, tags and
// npm: aliases of these: yarn 4 follows an alias of a URL, bun one of a git repository.
std::string_view exotic_kind(std::string_view raw) {
  std::string spec = lower_ascii(trimmed(raw));
  if (spec.starts_with("npm:")) spec = std::string(aliased_range(spec));
  const auto starts = [&](auto... prefix) { return (spec.starts_with(prefix) || ...); };
  if (starts("workspace:", "catalog:")) return {};
  if (starts("git+", "git:", "git@", "ssh:", "github:", "gitlab:", "bitbucket:", "gist:"))
    return "git";
  if (starts("http:", "https:"))
    return spec.find(".git") != spec.npos && !spec.ends_with("gz") ? "git" : "url";
  if (starts("file:", "link:", "portal:", "patch:", "./", "../", "/", "~/", ".\\", "..\\"))
    return "file";
  if (spec == "." || spec == "..") return "file";
  const auto ends = [&](auto... suffix) { return (spec.ends_with(suffix) || ...); };
  if (ends(".tgz", ".tar.gz", ".tar")) return "file";
  // "host:owner/repo", "jsr:@scope/name" and whatever protocol comes next; no range or tag has a
  // colon.
  if (spec.find(':') != spec.npos) return "other protocol";
  // "owner/repo" is GitHub's; no range or tag has a slash.
  return spec.find('/') != spec.npos ? "git" : std::string_view();
}

struct Exotic {
  Dependency dependency;
  std::string_view kind;
  bool is_new = true;
};

std::vector<Exotic> exotic_ones(const Comparison& sides) {
  std::map<std::pair<std::string, std::string>, Exotic> found;  // by name and spec
  const auto had = [&](const std::string& name, const std::string& spec) {
    const auto in = [&](const Manifest* manifest) {
      return manifest != nullptr &&
             std::any_of(std::begin(kFields), std::end(kFields), [&](const Field& field) {
               const auto it = (manifest->*field.map).find(name);
               return it != (manifest->*field.map).end() && it->second == spec;
             });
    };
    return sides.before != nullptr && (in(&sides.before->manifest) || in(sides.before_packed));
  };
  const auto collect = [&](const Manifest& manifest) {
    for (const Field& field : kFields) {
      for (const auto& [name, spec] : manifest.*field.map) {
        const std::string_view kind = exotic_kind(spec);
        if (kind.empty()) continue;
        // The first field wins: one that clients install before the one that they do not.
        found.try_emplace({name, spec}, Exotic{{name, spec, field.name}, kind, !had(name, spec)});
      }
    }
  };
  collect(sides.release.manifest);
  if (sides.packed != nullptr) collect(*sides.packed);
  std::vector<Exotic> out;
  out.reserve(found.size());
  for (auto& [key, exotic] : found) out.push_back(std::move(exotic));
  return out;
}

json::object to_object(const Dependency& dependency) {
  return {{"name", dependency.name},
          {"spec", proof_text(dependency.spec)},
          {"field", dependency.field}};
}

// One finding for all exotic dependencies that are alike in what they mean.
void report_exotic(const std::vector<Exotic>& all, bool dev, bool is_new,
                   std::vector<Finding>& findings) {
  json::array list;
  std::vector<std::string> words;
  for (const Exotic& exotic : all) {
    const bool is_dev = exotic.dependency.field == "devDependencies";
    if (is_dev != dev || exotic.is_new != is_new) continue;
    json::object entry = to_object(exotic.dependency);
    entry["kind"] = exotic.kind;
    list.push_back(std::move(entry));
    words.push_back(exotic.dependency.name + " from " + exotic.dependency.spec);
  }
  if (list.empty()) return;
  json::object proof{{"new", is_new}};
  if (dev) {
    proof["installed"] = "by no client, for a dependency from a registry";
    proof["informs_only"] = true;
  }
  put_list(proof, "dependencies", std::move(list), 50);
  const Severity severity = dev ? Severity::kInfo : is_new ? Severity::kHigh : Severity::kLow;
  const std::string_view what = dev      ? "exotic devDependency: "
                                : is_new ? "new exotic dependency: "
                                         : "exotic dependency, as before: ";
  findings.push_back(make("exotic-dependency", severity, "packument-field",
                          std::string(what) + join(words, ", ", 3), std::move(proof)));
}

}  // namespace

std::vector<Finding> dependency_added(const Comparison& sides) {
  const std::vector<Dependency> added = added_runtime(sides);
  if (added.empty()) return {};
  json::array list;
  std::vector<std::string> words;
  bool odd = false;
  for (const Dependency& dependency : added) {
    json::object entry = to_object(dependency);
    const bool self = dependency.name == sides.release.manifest.name;
    if (self) entry["self"] = true;
    if (floating(dependency.spec)) entry["floating"] = true;
    odd = odd || self || floating(dependency.spec);
    list.push_back(std::move(entry));
    words.push_back(dependency.name + "@" + dependency.spec + (self ? " (itself)" : ""));
  }
  json::object proof;
  put_list(proof, "added", std::move(list), 50);
  const bool surprising = odd && sides.before != nullptr;
  return {make("dependency-added", surprising ? Severity::kMedium : Severity::kLow,
               "packument-field", "new runtime dependency: " + join(words, ", ", 5),
               std::move(proof))};
}

std::vector<Finding> fresh_dependency(const Comparison& sides) {
  std::vector<Finding> findings;
  if (sides.history == nullptr || !sides.history->times_real) return findings;
  const auto reference =
      sides.release.published ? sides.release.published : sides.history->first_seen;
  if (!reference) return findings;
  for (const Dependency& dependency : added_runtime(sides)) {
    const auto it = sides.history->dependency_ages.find(dependency.name);
    if (it == sides.history->dependency_ages.end()) continue;
    const auto& age = it->second;
    const auto born = age.first_published ? age.first_published : age.resolved_published;
    if (!born || *reference - *born >= kFresh) continue;
    // A version that came later says nothing about what there was; a package that came later says
    // much.
    if (!age.first_published && *born > *reference) continue;
    const auto hours = std::chrono::floor<std::chrono::hours>(*reference - *born).count();
    json::object proof = to_object(dependency);
    proof[age.first_published ? "first_published" : "resolved_published"] = format_time(*born);
    if (!age.resolved.empty()) proof["resolved"] = age.resolved;
    proof["hours_before"] = hours;
    proof["same_owner"] = age.same_owner;
    const std::string when =
        hours < 0
            ? "was first published after this release"
            : "was first published " + human_duration(*reference - *born) + " before this release";
    findings.push_back(make("fresh-dependency", age.same_owner ? Severity::kLow : Severity::kHigh,
                            "packument-field",
                            "new dependency " + dependency.name + " " + when +
                                (age.same_owner ? ", by the same owner" : ""),
                            std::move(proof)));
  }
  return findings;
}

std::vector<Finding> exotic_dependency(const Comparison& sides) {
  const std::vector<Exotic> all = exotic_ones(sides);
  std::vector<Finding> findings;
  for (const bool dev : {false, true}) {
    for (const bool is_new : {true, false}) report_exotic(all, dev, is_new, findings);
  }
  return findings;
}

}  // namespace npmgate::detect
