// package-lock.json and npm-shrinkwrap.json. Version 1 nests "dependencies" as folders nest;
// versions 2 and 3 list folders under "packages"; 2 has both for npm 6's sake.
#include <set>

#include "lockfile/builder.h"

namespace npmgate {
namespace {

constexpr std::string_view kFolder = "/node_modules/";

std::string name_of_folder(const std::string& id) {
  const std::size_t at = id.rfind("node_modules/");
  return at == std::string::npos ? "" : id.substr(at + std::string_view("node_modules/").size());
}

void note_flags(LockEntry& entry, const DocNode& node) {
  entry.dev = node.flag("dev") || node.flag("devOptional");
  entry.optional = node.flag("optional") || node.flag("devOptional");
  entry.peer = node.flag("peer");
  entry.integrity = node.text_of("integrity");
}

// What `resolved` says beyond the name: another source, or a URL of this very release.
void note_source(LockEntry& entry, const DocNode& node, const LockBuilder& builder) {
  const DocNode* resolved = node.find("resolved");
  if (node.flag("inBundle") || node.flag("bundled")) {
    entry.source = LockSource::kBundled;
  } else if (node.flag("link")) {
    entry.source = LockSource::kLink;
    entry.spec = node.text_of("resolved");
  } else if (resolved != nullptr && resolved->is_text() && !resolved->text.empty()) {
    const LockSource source = source_of(resolved->text);
    if (source != LockSource::kRemote && source != LockSource::kRegistry) {
      entry.source = source;
      entry.spec = resolved->text;
      return;
    }
    builder.resolved_from(entry, *resolved);
    if (!names_release(entry.resolved, entry.name, entry.version)) {
      entry.source = LockSource::kRemote;
      entry.spec = entry.resolved;
    }
  }
}

void add_npm_package(const DocNode& node, LockBuilder& builder) {
  LockEntry entry;
  entry.id = node.key;
  entry.line = node.line;
  if (!node.is_map()) return builder.problem(node.line, "expected a map for '" + node.key + "'");
  const std::string folder = name_of_folder(entry.id);
  entry.name = node.text_of("name").empty() ? folder : node.text_of("name");
  if (entry.name != folder) entry.alias = folder;
  entry.version = node.text_of("version");
  note_flags(entry, node);
  if (folder.empty()) {
    entry.source = LockSource::kWorkspace;
    entry.spec = entry.id;
    if (entry.name.empty()) entry.name = entry.id;
  } else {
    note_source(entry, node, builder);
  }
  builder.add(std::move(entry));
}

void connect_package(const DocNode& node, LockBuilder& builder, std::uint32_t from) {
  const auto link = [&](std::string_view list, bool optional) {
    for_each_text(node, list, [&](const DocNode& wanted) {
      if (const auto to = find_upwards(builder, node.key, wanted.key, kFolder))
        builder.connect(from, *to, optional);
    });
  };
  link("dependencies", false);
  link("optionalDependencies", true);
  link("peerDependencies", false);
  if (builder.entry(from).source == LockSource::kWorkspace) link("devDependencies", false);
  if (builder.entry(from).source == LockSource::kLink) {
    if (const auto to = builder.find(node.text_of("resolved"))) builder.connect(from, *to, false);
  }
}

void connect_root(const DocNode& node, LockBuilder& builder) {
  const auto add = [&](std::string_view list, bool dev, bool optional) {
    for_each_text(node, list, [&](const DocNode& wanted) {
      if (const auto to = builder.find("node_modules/" + wanted.key))
        builder.root(*to, dev, optional);
    });
  };
  add("dependencies", false, false);
  add("devDependencies", true, false);
  add("optionalDependencies", false, true);
  add("peerDependencies", false, false);
}

void read_packages(const DocNode& packages, LockBuilder& builder) {
  for (const DocNode& node : packages.children) {
    if (!node.key.empty()) add_npm_package(node, builder);
  }
  for (const DocNode& node : packages.children) {
    if (node.key.empty()) {
      connect_root(node, builder);
    } else if (const auto from = builder.find(node.key)) {
      connect_package(node, builder, *from);
    }
  }
}

// Version 1: if `version` is no version, it is the source.
void add_nested(const DocNode& node, const std::string& parent, LockBuilder& builder,
                const std::function<bool(const LockEntry&)>& wanted) {
  if (!node.is_map()) return builder.problem(node.line, "expected a map for '" + node.key + "'");
  LockEntry entry;
  entry.id = parent + "node_modules/" + node.key;
  entry.line = node.line;
  entry.name = node.key;
  entry.version = node.text_of("version");
  note_flags(entry, node);
  if (entry.version.starts_with("npm:")) {
    std::tie(entry.name, entry.version) = split_at(entry.version.substr(4));
    entry.alias = node.key;
  }
  const LockSource source = source_of(entry.version);
  if (source != LockSource::kRegistry) {
    entry.source = source;
    entry.spec = entry.version;
    entry.version.clear();
    if (source == LockSource::kFile && !entry.spec.ends_with(".tgz"))
      entry.source = LockSource::kLink;
  } else {
    note_source(entry, node, builder);
  }
  const std::string folder = entry.id + "/";
  if (wanted(entry)) builder.add(std::move(entry));
  if (const DocNode* inner = node.find("dependencies"); inner != nullptr) {
    for (const DocNode& child : inner->children) add_nested(child, folder, builder, wanted);
  }
}

void connect_nested(const DocNode& node, const std::string& parent, LockBuilder& builder) {
  const std::string id = parent + "node_modules/" + node.key;
  if (const auto from = builder.find(id)) {
    for_each_text(node, "requires", [&](const DocNode& wanted) {
      if (const auto to = find_upwards(builder, id, wanted.key, kFolder))
        builder.connect(*from, *to, false);
    });
  }
  if (const DocNode* inner = node.find("dependencies"); inner != nullptr) {
    for (const DocNode& child : inner->children) connect_nested(child, id + "/", builder);
  }
}

// What npm 6 would install from the old form and npm 7+ would not: shown too, under an id of its
// own.
void read_old_form_beside(const DocNode& nested, LockBuilder& builder) {
  std::set<std::string> known;
  const auto key = [](const LockEntry& e) {
    return e.name + "\n" + e.version + "\n" + e.resolved + "\n" + e.integrity;
  };
  for (const LockEntry& entry : builder.entries()) known.insert(key(entry));
  for (const DocNode& node : nested.children) {
    add_nested(node, "dependencies/", builder, [&](const LockEntry& entry) {
      return entry.source != LockSource::kLink && known.insert(key(entry)).second;
    });
  }
}

}  // namespace

void read_npm_lock(const DocNode& root, LockBuilder& builder) {
  const DocNode* packages = root.find("packages");
  const DocNode* nested = root.find("dependencies");
  if (packages != nullptr && !packages->is_map())
    return builder.problem(packages->line, "packages: expected a map");
  if (nested != nullptr && !nested->is_map())
    return builder.problem(nested->line, "dependencies: expected a map");
  if (packages != nullptr) {
    read_packages(*packages, builder);
    if (nested != nullptr) read_old_form_beside(*nested, builder);
  } else if (nested != nullptr) {
    const auto all = [](const LockEntry&) { return true; };
    for (const DocNode& node : nested->children) add_nested(node, "", builder, all);
    for (const DocNode& node : nested->children) connect_nested(node, "", builder);
  }
}

}  // namespace npmgate
