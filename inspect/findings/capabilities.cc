// What the code can do that it could not before, by entry and by file; entries that lead elsewhere;
// files that agents, editors and CI act on; files that are not what their name says.
#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>

#include "inspect/findings/detector.h"
#include "inspect/syntax/capability_kinds.h"
#include "inspect/syntax/capability_rules.h"

namespace npmgate::detect {
namespace {

// Inspectors before this one read no code deeply: nothing can be compared with what they left.
constexpr int kFirstReader = 4;

bool was_read(const Evidence* evidence) {
  return evidence != nullptr && evidence->inspector >= kFirstReader;
}

// Whether both sides, or the one there is, were read.
bool readable(const Comparison& sides) {
  return sides.comparable() && was_read(sides.evidence) &&
         (sides.before == nullptr || was_read(sides.before_evidence));
}

using FileSet = std::vector<std::uint32_t>;  // ascending
using Entries = std::map<std::string, FileSet, std::less<>>;

// Every entry with all files that it reaches. Entries that start alike share the walk.
Entries reached_by_entry(const Tree& tree) {
  std::map<std::string, FileSet, std::less<>> starts;
  for (const auto& entry : tree.entry_points) starts[entry.name].push_back(entry.file);
  std::map<FileSet, FileSet> walked;
  Entries out;
  for (auto& [name, files] : starts) {
    std::sort(files.begin(), files.end());
    auto [it, is_new] = walked.try_emplace(files);
    if (is_new) {
      std::vector<bool> seen(tree.files.size(), false);
      FileSet open = files;
      for (const auto file : open) seen[file] = true;
      while (!open.empty()) {
        const auto file = open.back();
        open.pop_back();
        it->second.push_back(file);
        for (const auto next : tree.files[file].loads) {
          if (seen[next]) continue;
          seen[next] = true;
          open.push_back(next);
        }
      }
      std::sort(it->second.begin(), it->second.end());
    }
    out[name] = it->second;
  }
  return out;
}

using Key = std::pair<std::string_view, std::string_view>;  // kind, name
struct Keys {
  std::set<Key> all, on_import;
};

void add_keys(const FileFacts& file, Keys& keys) {
  if (!file.reading) return;
  for (const auto& one : file.reading->capabilities) {
    keys.all.emplace(one.kind, one.name);
    if (one.on_import) keys.on_import.emplace(one.kind, one.name);
  }
}

bool has_kind(const std::set<Key>& keys, std::string_view kind) {
  const auto it = keys.lower_bound({kind, {}});
  return it != keys.end() && it->first == kind;
}

bool covered(const std::set<Key>& keys, const Capability& one) {
  if (keys.contains({one.kind, one.name})) return true;
  // The name of something put together at run time says nothing new beside one of its kind.
  const bool vague = one.name.empty() || one.name.find('*') != std::string::npos;
  return vague && has_kind(keys, one.kind);
}

struct Gain {
  const Capability* what = nullptr;
  const FileFacts* file = nullptr;
  std::set<std::string> entries;
  bool entry_had_none = true;  // of this kind
};

// What counts towards holding: alone they are ordinary, two at once are not.
constexpr std::array<std::string_view, 4> kStrong = {kNetwork, kProcess, kDynamicCode, kSecrets};
constexpr std::array<std::string_view, 11> kGrave = {
    kMachine, kUnread, kPersist, kAutorun,       kAgentCommand, kPublish,
    kDestroy, kMining, kSpying,  kProcessHidden, kConcealed};

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

// Text from elsewhere that is run: nothing in the package says what it does.
bool is_foreign_code(const Capability& one) {
  return one.kind == kDynamicCode &&
         (one.name == "fetched" || one.name == "decoded" || one.name == "read" ||
          one.name == "environment" || one.name == "data:" || one.name == "planted");
}

bool fetches_and_runs(const Capability& one) {
  if (one.kind == kDynamicCode) return one.name == "fetched" || one.name == "planted";
  return one.kind == kProcessHidden &&
         (one.name == "piped to a shell" || one.name == "downloaded and run");
}

std::string_view class_of(const Capability& one) {
  if (one.kind == kEnvironment) return kSecrets;
  if (one.kind == kDns) return kNetwork;
  if (one.kind == kDynamicCode && !is_foreign_code(one)) return {};
  return contains(kStrong, one.kind) || contains(kGrave, one.kind) ? std::string_view(one.kind)
                                                                   : std::string_view();
}

std::string words_of(const Capability& one) {
  if (one.name.empty()) return one.kind;
  return one.kind + " " + one.name;
}

class Comparer {
 public:
  explicit Comparer(const Comparison& sides)
      : sides_(sides), tree_(*sides.tree), now_(reached_by_entry(*sides.tree)) {
    if (sides.before_tree == nullptr) return;
    before_ = reached_by_entry(*sides.before_tree);
    for (const auto& file : sides.before_tree->files) {
      by_path_[file.path] = &file;
      by_digest_[file.sha256] = &file;
    }
    for (const auto& [name, files] : before_)
      for (const auto file : files) reached_before_.insert(sides.before_tree->files[file].path);
  }

  std::vector<Gain> gains() const {
    std::map<std::tuple<std::string_view, std::string_view, std::string_view>, Gain> found;
    for (const auto& [name, files] : now_) {
      const Keys had = keys_before(name, files);
      for (const auto file : files) collect(name, tree_.files[file], had, found);
    }
    std::vector<Gain> out;
    for (auto& [key, gain] : found) out.push_back(std::move(gain));
    return out;
  }

  const Entries& now() const { return now_; }
  const Entries& before() const { return before_; }
  bool reached_before(const std::string& path) const { return reached_before_.contains(path); }
  const FileFacts* file_before(const FileFacts& file) const {
    const auto it = by_path_.find(file.path);
    return it == by_path_.end() ? nullptr : it->second;
  }

 private:
  // What the same entry had. One that is new had what its files had.
  Keys keys_before(std::string_view name, const FileSet& files) const {
    Keys keys;
    if (sides_.before_tree == nullptr) return keys;
    const auto it = before_.find(name);
    if (it != before_.end()) {
      for (const auto file : it->second) add_keys(sides_.before_tree->files[file], keys);
      return keys;
    }
    for (const auto file : files) {
      const auto& facts = tree_.files[file];
      if (const auto* same = file_before(facts); same != nullptr && reached_before(same->path))
        add_keys(*same, keys);
      const auto digest = by_digest_.find(facts.sha256);
      if (digest != by_digest_.end() && reached_before(digest->second->path))
        add_keys(*digest->second, keys);
    }
    return keys;
  }

  void collect(const std::string& entry, const FileFacts& file, const Keys& had,
               std::map<std::tuple<std::string_view, std::string_view, std::string_view>, Gain>&
                   found) const {
    if (!file.reading) return;
    for (const auto& one : file.reading->capabilities) {
      if (one.kind == kDisguise) continue;
      // What waited for somebody to call it, and happens when the file is loaded now, is new.
      const bool waits = !one.on_import || class_of(one).empty();
      if (covered(waits ? had.all : had.on_import, one)) continue;
      auto& gain = found[{one.kind, one.name, file.path}];
      gain.what = &one;
      gain.file = &file;
      gain.entries.insert(entry);
      gain.entry_had_none = gain.entry_had_none && !has_kind(had.all, one.kind);
    }
  }

  const Comparison& sides_;
  const Tree& tree_;
  Entries now_, before_;
  std::unordered_map<std::string_view, const FileFacts*> by_path_, by_digest_;
  std::set<std::string> reached_before_;
};

json::object gain_json(const Gain& gain) {
  json::object out{{"kind", gain.what->kind},           {"name", gain.what->name},
                   {"file", gain.file->path},           {"line", gain.what->line},
                   {"on_import", gain.what->on_import}, {"text", gain.what->text}};
  json::array entries;
  for (const auto& entry : gain.entries)
    if (entries.size() < 3) entries.emplace_back(entry);
  out["entries"] = std::move(entries);
  return out;
}

bool is_command(std::string_view entry) {
  return entry == "bin" || entry.starts_with("bin ");
}

// Entries that something else than a person's own command starts.
bool is_imported(const Gain& gain) {
  return std::any_of(gain.entries.begin(), gain.entries.end(),
                     [](const std::string& entry) { return !is_command(entry); });
}

Severity severity_of(const std::vector<Gain>& gains) {
  Severity out = Severity::kLow;
  for (const auto& gain : gains) {
    const auto kind = class_of(*gain.what);
    if (kind.empty()) continue;
    out = std::max(out, contains(kGrave, kind) || is_foreign_code(*gain.what) ? Severity::kHigh
                                                                              : Severity::kMedium);
  }
  return out;
}

// The file that runs a program also names one that the package brings: a binary or a shell script,
// no addon or WebAssembly, which node loads itself.
bool starts_own_program(const Gain& gain, const Tree& tree) {
  return std::any_of(gain.file->loads.begin(), gain.file->loads.end(), [&](std::uint32_t load) {
    const FileFacts& file = tree.files[load];
    const bool addon = file.path.ends_with(".node") || file.path.ends_with(".wasm");
    return file.kind == FileKind::kShell || (file.kind == FileKind::kNative && !addon);
  });
}

}  // namespace

std::vector<Finding> capability_added(const Comparison& sides) {
  if (!readable(sides) || sides.before == nullptr) return {};
  const auto gains = Comparer(sides).gains();
  if (gains.empty()) return {};
  json::array list;
  std::vector<std::string> words;
  for (const auto& gain : gains) {
    list.push_back(gain_json(gain));
    auto word = words_of(*gain.what) + " (" + gain.file->path +
                (gain.what->line > 0 ? ":" + std::to_string(gain.what->line) : std::string()) + ")";
    if (!class_of(*gain.what).empty())
      words.insert(words.begin(), std::move(word));
    else
      words.push_back(std::move(word));
  }
  json::object proof;
  put_list(proof, "capabilities", std::move(list), 40);
  return {make("capability-added", severity_of(gains), "tarball",
               "newly capable of " + join(words, ", ", 3), std::move(proof))};
}

std::vector<Finding> import_time_capabilities(const Comparison& sides) {
  if (!readable(sides)) return {};
  const bool first = sides.before == nullptr;
  std::map<std::string_view, std::map<std::string_view, const Gain*>>
      by_entry;                         // entry -> class -> gain
  std::set<std::string_view> droppers;  // entries that run what they fetch
  const auto gains = Comparer(sides).gains();
  for (const auto& gain : gains) {
    const auto kind = class_of(*gain.what);
    if (kind.empty() || !gain.what->on_import || !is_imported(gain)) continue;
    const bool drops = fetches_and_runs(*gain.what);
    for (const auto& entry : gain.entries) {
      if (is_command(entry)) continue;
      by_entry[entry].try_emplace(kind, &gain);
      if (drops) droppers.insert(entry);
    }
  }
  for (const auto& [entry, classes] : by_entry) {
    const auto strong = std::count_if(classes.begin(), classes.end(),
                                      [](const auto& one) { return contains(kStrong, one.first); });
    const auto code = classes.find(kDynamicCode);
    bool telling = code != classes.end() || (strong >= 1 && classes.size() >= 2);
    // Nothing to compare with: what tools do anyway does not count.
    if (first) {
      const auto starts = [&of = classes, &sides](std::string_view kind) {
        const auto process = of.find(kind);
        return process != of.end() && starts_own_program(*process->second, *sides.tree);
      };
      telling = (classes.contains(kSecrets) && classes.contains(kNetwork)) || starts(kProcess) ||
                starts(kProcessHidden) || droppers.contains(entry) ||
                (classes.contains(kNetwork) && classes.contains(kProcessHidden));
    }
    if (!telling) continue;
    json::array list;
    std::vector<std::string> words;
    for (const auto& [kind, gain] : classes) {
      list.push_back(gain_json(*gain));
      words.push_back(words_of(*gain->what));
    }
    json::object proof{{"entry", entry}};
    put_list(proof, "capabilities", std::move(list), 20);
    return {make("import-time-capabilities", Severity::kHigh, "tarball",
                 std::string(entry) + " newly does when it is loaded: " + join(words, ", ", 4),
                 std::move(proof))};
  }
  return {};
}

std::vector<Finding> entry_changed(const Comparison& sides) {
  if (!readable(sides) || sides.before == nullptr || sides.before_tree == nullptr) return {};
  const auto starts = [](const Tree& tree) {
    std::map<std::string, std::set<std::string>> out;
    for (const auto& entry : tree.entry_points) out[entry.name].insert(tree.files[entry.file].path);
    return out;
  };
  const auto now = starts(*sides.tree), before = starts(*sides.before_tree);
  json::array changed;
  std::vector<std::string> words;
  for (const auto& [name, files] : now) {
    const auto it = before.find(name);
    if (it == before.end() || it->second == files || files.size() > 1 || name.starts_with("hook "))
      continue;
    json::object one{{"entry", name}};
    put_list(one, "before", to_array(it->second), 5);
    put_list(one, "after", to_array(files), 5);
    changed.push_back(std::move(one));
    words.push_back(name + " leads to " + *files.begin());
  }
  // Files that were there, and that nothing reached.
  const Comparer comparer(sides);
  std::set<std::string> reachable;
  for (const auto& [name, files] : comparer.now())
    for (const auto file : files) {
      const auto& facts = sides.tree->files[file];
      if (comparer.file_before(facts) == nullptr || comparer.reached_before(facts.path)) continue;
      if (facts.reading && reachable.size() < 100) reachable.insert(facts.path);
    }
  if (changed.empty() && reachable.empty()) return {};
  for (const auto& path : reachable) words.push_back(path + " became reachable");
  json::object proof;
  put_list(proof, "changed", std::move(changed), 20);
  put_list(proof, "reachable", to_array(reachable), 20);
  return {make("entry-changed", Severity::kLow, "tarball", join(words, ", ", 3), std::move(proof))};
}

std::vector<Finding> agent_autorun(const Comparison& sides) {
  if (!sides.comparable()) return {};
  std::set<std::string_view> kinds_before;
  if (sides.before_tree != nullptr)
    for (const auto& file : sides.before_tree->files)
      if (const auto kind = code::autorun_file(file.path); !kind.empty()) kinds_before.insert(kind);
  std::set<std::string> shipped;
  for (const auto& file : sides.tree->files) {
    const auto kind = code::autorun_file(file.path);
    if (!kind.empty() && !kinds_before.contains(kind)) shipped.insert(file.path);
  }
  json::array written;
  std::vector<std::string> words(shipped.begin(), shipped.end());
  if (readable(sides)) {
    for (const auto& gain : Comparer(sides).gains()) {
      if (gain.what->kind != kAutorun && gain.what->kind != kAgentCommand) continue;
      written.push_back(gain_json(gain));
      words.insert(words.begin(), gain.file->path + " writes or starts " + gain.what->name);
    }
  }
  if (words.empty()) return {};
  const auto severity = written.empty() ? Severity::kMedium : Severity::kHigh;
  json::object proof;
  // Projects publish their own settings by mistake: told, and nothing more by itself.
  if (written.empty()) proof["informs_only"] = true;
  put_list(proof, "shipped", to_array(shipped), 20);
  put_list(proof, "written", std::move(written), 20);
  return {make("agent-autorun", severity, "tarball",
               "an agent, editor or CI may act on " + join(words, ", ", 3), std::move(proof))};
}

std::vector<Finding> disguised_file(const Comparison& sides) {
  if (!readable(sides)) return {};
  std::set<std::string_view> known;
  if (sides.before_tree != nullptr)
    for (const auto& file : sides.before_tree->files) known.insert(file.sha256);
  json::array files;
  std::vector<std::string> words;
  for (const auto& file : sides.tree->files) {
    if (!file.reading || known.contains(file.sha256)) continue;
    for (const auto& one : file.reading->capabilities) {
      if (one.kind != kDisguise) continue;
      files.push_back({{"path", file.path}, {"sha256", file.sha256}, {"starts_with", one.text}});
      words.push_back(file.path);
    }
  }
  if (files.empty()) return {};
  json::object proof;
  put_list(proof, "files", std::move(files));
  return {make("disguised-file", Severity::kMedium, "tarball",
               "text under the name of a picture, font or archive: " + join(words, ", ", 3),
               std::move(proof))};
}

}  // namespace npmgate::detect
