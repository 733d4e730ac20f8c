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
    {"peerDependencies", &Manifest::peer_dependencies, true},
    {"devDependencies", &Manifest::dev_dependencies, false},
};

struct Dependency {
  std::string name, spec;
  std::string_view field;
};

bool holds(const Manifest& manifest, const Field& field, std::string_view name) {
  if (!field.runtime || !(manifest.*field.map).contains(name)) return false;
  // Clients install a peer unless it is marked as optional.
  const auto& optional = manifest.optional_peers;
  return field.map != &Manifest::peer_dependencies ||
         std::find(optional.begin(), optional.end(), name) == optional.end();
}

// The field that names the dependency for clients; null if none does.
const Field* runtime_field(const Release& release, const Manifest* packed, std::string_view name) {
  for (const Manifest* manifest : {&release.manifest, packed}) {
    if (manifest == nullptr) continue;
    for (const Field& field : kFields)
      if (holds(*manifest, field, name)) return &field;
  }
  return nullptr;
}

// Everything that clients install, the union of what packument and tarball say; optional ones,
// which old packuments list twice, count as optional.
std::map<std::string, Dependency, std::less<>> runtime_of(const Release& release,
                                                          const Manifest* packed) {
  std::map<std::string, Dependency, std::less<>> all;
  for (const Manifest* manifest : {packed, &release.manifest}) {
    if (manifest == nullptr) continue;
    for (const std::size_t index : {2, 0, 1}) {
      const Field& field = kFields[index];
      for (const auto& [name, spec] : manifest->*field.map) {
        if (holds(*manifest, field, name))
          all.insert_or_assign(name, Dependency{name, spec, field.name});
      }
    }
  }
  return all;
}

std::vector<Dependency> added_runtime(const Comparison& sides) {
  std::vector<Dependency> added;
  for (auto& [name, dependency] : runtime_of(sides.release, sides.packed)) {
    const bool known = sides.before != nullptr &&
                       runtime_field(*sides.before, sides.before_packed, name) != nullptr;
    if (!known) added.push_back(std::move(dependency));
  }
  return added;
}

// Added ones, and names that stand for another package than before.
std::vector<Dependency> new_packages(const Comparison& sides) {
  std::vector<Dependency> all = added_runtime(sides);
  if (sides.before == nullptr) return all;
  const auto before = runtime_of(*sides.before, sides.before_packed);
  for (auto& [name, now] : runtime_of(sides.release, sides.packed)) {
    const auto was = before.find(name);
    if (was == before.end()) continue;
    if (resolve_spec(name, now.spec).package != resolve_spec(name, was->second.spec).package)
      all.push_back(std::move(now));
  }
  return all;
}

// Ranges and tags that take whatever is newest.
bool floating(std::string_view spec) {
  const std::string_view text = trimmed(spec);
  if (text.empty() || text == "*" || text == "x") return true;
  // A tag: "latest", "next".
  return std::isalpha(static_cast<unsigned char>(text.front())) != 0 && !Range::parse(text) &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' ||
                  c == '.';
         });
}

// The range or tag of "npm:name@range", "npm:@scope/name@range"; "" if it has none.
std::string_view aliased_range(std::string_view alias) {
  alias.remove_prefix(4);
  const std::size_t from = alias.starts_with('@') ? alias.find('/') : 0;
  const std::size_t at = alias.find('@', from);
  // Without a range it is a name, and what is no name ("npm:http://…") is read as a spec.
  return at == alias.npos ? (from == 0 ? alias : std::string_view()) : alias.substr(at + 1);
}

// The lowest and highest version that a range names: "^1.2.3" is 1.2.3 and 2.0.0-0, and nothing
// above "*".
struct Bounds {
  Version low;
  std::optional<Version> high;  // nullopt: without end
};
std::optional<Bounds> bounds_of(std::string_view text) {
  const auto range = Range::parse(text);
  if (!range) return std::nullopt;
  const Version zero = *Version::parse("0.0.0");
  std::optional<Bounds> all;
  const std::string sets = range->str();
  for (std::size_t at = 0; at <= sets.size();) {
    const auto end = std::min(sets.find("||", at), sets.size());
    Bounds set{zero, std::nullopt};
    std::string_view rest = std::string_view(sets).substr(at, end - at);
    while (!(rest = trimmed(rest)).empty()) {
      const std::string_view word = rest.substr(0, rest.find(' '));
      rest.remove_prefix(word.size());
      const auto digits = word.find_first_of("0123456789");
      const auto version = digits == word.npos ? std::nullopt : Version::parse(word.substr(digits));
      if (!version) continue;
      if (word.front() != '<') set.low = *version;
      if (word.front() != '>') set.high = *version;
    }
    if (!all) {
      all = set;
    } else {
      all->low = std::min(all->low, set.low);
      all->high =
          all->high && set.high ? std::optional(std::max(*all->high, *set.high)) : std::nullopt;
    }
    at = end + 2;
  }
  return all;
}

// The range takes older releases than before, and no newer ones.
bool moves_down(std::string_view was, std::string_view now) {
  const auto before = bounds_of(was), after = bounds_of(now);
  if (!before || !after) return false;
  if (!before->high) return after->high.has_value() ? *after->high < before->low : false;
  if (!after->high) return false;
  return *after->high < *before->high ||
         (*after->high == *before->high && after->low < before->low);
}

// How a dependency that was there before differs, in words; "" if it is an ordinary update.
std::string difference(const Dependency& was, const Dependency& now) {
  const ResolvedSpec before = resolve_spec(was.name, was.spec);
  const ResolvedSpec after = resolve_spec(now.name, now.spec);
  if (after.package != before.package) return "package";
  if (floating(after.range) && !floating(before.range) && bounds_of(before.range))
    return "floating";
  if (moves_down(before.range, after.range)) return "older range";
  return was.field != now.field ? "field" : "";
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

// One git repository in one spelling, with the commit or branch that is asked for, which counts
// with its case; and whether the way to it can be tampered with. "" for what is no git repository.
std::string git_place(std::string_view spec) {
  if (exotic_kind(spec) != "git" || spec.find("/tree/") != spec.npos ||
      spec.find("/blob/") != spec.npos)
    return {};
  const std::string_view whole = trimmed(spec);
  const auto hash = std::min(whole.find('#'), whole.size());
  const std::string lower = lower_ascii(whole);
  const bool open =
      lower.starts_with("git:") || lower.starts_with("http:") || lower.starts_with("git+http:");
  return normal_repository(whole.substr(0, hash)) + std::string(whole.substr(hash)) +
         (open ? " in the clear" : "");
}

// An address with the release's own version taken out of its path, or out of what follows the '#'
// of a git address: packages name their parts' archives by their own version. Who serves it
// (scheme, host, owner, repository) stays as it is written. A fourth number ("24.4.1.0") is a
// build.
std::string without_own_version(std::string_view spec, std::string_view version) {
  const std::string_view kind = exotic_kind(spec);
  std::size_t path = kind == "git" ? spec.find('#') : spec.npos;
  if (kind == "url") {
    path = spec.find("://");
    path = path == spec.npos ? path : spec.find('/', path + 3);
  }
  if (path == spec.npos || version.empty()) return std::string(spec);
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  std::string out(spec.substr(0, path));
  for (std::size_t at = path; at < spec.size();) {
    const auto found = std::min(spec.find(version, at), spec.size());
    out += spec.substr(at, found - at);
    if (found == spec.size()) break;
    at = found + version.size();
    const char left = found > 0 ? spec[found - 1] : '/';
    const bool longer = is_digit(left) || left == '.' || (at < spec.size() && is_digit(spec[at]));
    out += longer ? version : std::string_view("{version}");
  }
  return out;
}

struct Exotic {
  Dependency dependency;
  std::string_view kind;
  bool is_new = true;
};

std::vector<Exotic> exotic_ones(const Comparison& sides) {
  std::map<std::pair<std::string, std::string>, Exotic> found;  // by name and spec
  const auto had = [&](const std::string& name, const std::string& spec) {
    if (sides.before == nullptr) return false;
    const std::string same = without_own_version(spec, sides.release.manifest.version);
    const std::string place = git_place(same);
    const auto alike = [&](const std::string& was) {
      if (was == spec) return true;
      const std::string before = without_own_version(was, sides.before->manifest.version);
      return before == same || (!place.empty() && git_place(before) == place);
    };
    const auto in = [&](const Manifest* manifest) {
      return manifest != nullptr &&
             std::any_of(std::begin(kFields), std::end(kFields), [&](const Field& field) {
               const auto it = (manifest->*field.map).find(name);
               return it != (manifest->*field.map).end() && alike(it->second);
             });
    };
    return in(&sides.before->manifest) || in(sides.before_packed);
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
  json::object out{{"name", dependency.name},
                   {"spec", proof_text(dependency.spec)},
                   {"field", dependency.field}};
  const ResolvedSpec resolved = resolve_spec(dependency.name, dependency.spec);
  if (resolved.alias) out["package"] = proof_text(resolved.package);
  return out;
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
  if (dev) proof["installed"] = "by no client, for a dependency from a registry";
  // What the baseline had too was judged with it.
  if (dev || !is_new) proof["informs_only"] = true;
  put_list(proof, "dependencies", std::move(list), 50);
  const Severity severity = dev ? Severity::kInfo : is_new ? Severity::kHigh : Severity::kLow;
  const std::string_view what = dev      ? "exotic devDependency: "
                                : is_new ? "new exotic dependency: "
                                         : "exotic dependency, as before: ";
  findings.push_back(make("exotic-dependency", severity, "packument-field",
                          std::string(what) + join(words, ", ", 3), std::move(proof)));
}

void report_changed(json::array list, const std::vector<std::string>& words, bool holds,
                    std::vector<Finding>& findings) {
  if (list.empty()) return;
  json::object proof;
  if (!holds) proof["informs_only"] = true;
  put_list(proof, "changed", std::move(list), 50);
  findings.push_back(make("dependency-changed", holds ? Severity::kHigh : Severity::kLow,
                          "packument-field", join(words, ", ", 3), std::move(proof)));
}

}  // namespace

ResolvedSpec resolve_spec(std::string_view name, std::string_view spec) {
  const std::string_view text = trimmed(spec);
  if (!lower_ascii(text.substr(0, 4)).starts_with("npm:"))
    return {std::string(name), std::string(text), false};
  std::string_view target = text.substr(4);
  const std::size_t from = target.starts_with('@') ? target.find('/') : 0;
  const std::size_t at = from == target.npos ? target.npos : target.find('@', from);
  const std::string_view range = at == target.npos ? std::string_view() : target.substr(at + 1);
  target = trimmed(target.substr(0, at));
  return {std::string(target), std::string(range), target != name};
}

std::optional<std::string> runtime_spec(const Release& release, const Manifest* packed,
                                        std::string_view name) {
  const auto all = runtime_of(release, packed);
  const auto it = all.find(name);
  return it == all.end() ? std::nullopt : std::optional(it->second.spec);
}

// An alias that is new, or a dependency that is another package or an older range than it was. Only
// a name that now stands for another package may hold: the code behind it was exchanged, and
// nothing else of this package shows it.
std::vector<Finding> dependency_changed(const Comparison& sides) {
  const auto before = sides.before != nullptr ? runtime_of(*sides.before, sides.before_packed)
                                              : decltype(runtime_of(sides.release, nullptr)){};
  std::vector<std::string> swaps, others;
  json::array swapped, other;
  for (const auto& [name, now] : runtime_of(sides.release, sides.packed)) {
    const ResolvedSpec resolved = resolve_spec(name, now.spec);
    const auto was = before.find(name);
    json::object entry = to_object(now);
    if (was == before.end()) {
      if (!resolved.alias) continue;
      entry["kind"] = "new alias";
      others.push_back(name + " stands for " + resolved.package);
      other.push_back(std::move(entry));
      continue;
    }
    const std::string kind = difference(was->second, now);
    if (kind.empty()) continue;
    entry["kind"] = kind;
    entry["before"] = proof_text(was->second.spec);
    const bool swap = kind == "package" && resolved.alias;
    if (kind == "field") entry["field_before"] = was->second.field;
    const std::string word =
        kind == "package" ? name + " is now " + resolved.package + "@" + resolved.range
        : kind == "field" ? name + " moved from " + std::string(was->second.field) + " to " +
                                std::string(now.field)
                          : name + " is now " + now.spec + " (it was " + was->second.spec + ")";
    (swap ? swaps : others).push_back(word);
    (swap ? swapped : other).push_back(std::move(entry));
  }
  std::vector<Finding> findings;
  report_changed(std::move(swapped), swaps, true, findings);
  report_changed(std::move(other), others, false, findings);
  return findings;
}

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
  for (const Dependency& dependency : new_packages(sides)) {
    const auto it = sides.history->dependency_ages.find(dependency.name);
    if (it == sides.history->dependency_ages.end()) continue;
    const auto& age = it->second;
    if (!age.unknown.empty()) {
      json::object proof = to_object(dependency);
      proof["unknown"] = proof_text(age.unknown);
      findings.push_back(make("fresh-dependency", Severity::kHigh, "packument-field",
                              "the age of the new dependency " + dependency.name +
                                  " could not be found out (" + age.unknown +
                                  ") and counts as fresh",
                              std::move(proof)));
      continue;
    }
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

namespace npmgate {

std::vector<NewDependency> new_dependencies(const Release& release, const Release& before) {
  FindingInput input;
  input.release = &release;
  input.baseline = &before;
  std::vector<NewDependency> out;
  for (const auto& dependency : detect::new_packages(detect::Comparison(input))) {
    auto resolved = detect::resolve_spec(dependency.name, dependency.spec);
    out.push_back({dependency.name, std::move(resolved.package), std::move(resolved.range)});
  }
  return out;
}

}  // namespace npmgate
