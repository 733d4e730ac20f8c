// pnpm-lock.yaml. Version 6 keeps everything under "packages" with keys "/name@version(peers)";
// version 9 keeps facts under "packages" ("name@version") and the tree under "snapshots".
#include "lockfile/builder.h"

namespace npmgate {
namespace {

std::string without_peers(const std::string& id) {
  const std::size_t at = id.find('@', id.starts_with('/') ? 2 : 1);
  const std::size_t cut = id.find('(', at == std::string::npos ? 0 : at);
  return id.substr(0, cut);
}

// "name@rest", "/name@rest" -> name and rest.
std::pair<std::string, std::string> name_and_version(const std::string& id) {
  std::string key = without_peers(id);
  if (key.starts_with('/')) key.erase(0, 1);
  return split_at(key);
}

// `facts`: the map with `resolution`.
void note_resolution(LockEntry& entry, const DocNode& facts, const LockBuilder& builder) {
  const DocNode* resolution = facts.find("resolution");
  if (resolution == nullptr || !resolution->is_map()) return;
  entry.integrity = resolution->text_of("integrity");
  const std::string tarball = resolution->text_of("tarball");
  const std::string type = resolution->text_of("type");
  if (type == "git") {
    entry.source = LockSource::kGit;
    entry.spec = resolution->text_of("repo") + "#" + resolution->text_of("commit");
  } else if (type == "directory") {
    entry.source = LockSource::kLink;
    entry.spec = resolution->text_of("directory");
  } else if (tarball.starts_with("file:")) {
    entry.source = LockSource::kFile;
    entry.spec = tarball;
  } else if (!tarball.empty()) {
    // Flow or block style: the URL stands on this line or the next few.
    builder.resolved_from_line(entry, tarball, resolution->line, 6);
    if (!names_release(entry.resolved, entry.name, entry.version)) {
      entry.source = LockSource::kRemote;
      entry.spec = tarball;
    }
  }
}

void add_package(const DocNode& node, const DocNode& facts, const std::string& prefix,
                 LockBuilder& builder) {
  LockEntry entry;
  entry.id = prefix + node.key;
  entry.line = facts.line;
  std::tie(entry.name, entry.version) = name_and_version(node.key);
  if (!is_exact_version(entry.version)) {
    entry.spec = entry.version.empty() ? node.key : entry.version;
    entry.source = source_of(entry.spec);
    if (entry.source == LockSource::kRegistry) entry.source = LockSource::kOther;
    entry.version = facts.text_of("version");
    if (const std::string name = facts.text_of("name"); !name.empty()) entry.name = name;
  }
  entry.dev = facts.flag("dev");
  entry.optional = facts.flag("optional") || node.flag("optional");
  note_resolution(entry, facts, builder);
  builder.add(std::move(entry));
}

class PnpmReader {
 public:
  PnpmReader(const DocNode& root, std::string prefix, LockBuilder& builder)
      : root_(root), prefix_(std::move(prefix)), builder_(builder) {}

  void read() {
    const DocNode* packages = map("packages");
    const DocNode* snapshots = map("snapshots");
    if (snapshots != nullptr) {
      read_snapshots(*snapshots, packages);
    } else if (packages != nullptr) {
      for (const DocNode& node : packages->children) add_package(node, node, prefix_, builder_);
    }
    const DocNode* tree = snapshots != nullptr ? snapshots : packages;
    if (tree != nullptr) {
      for (const DocNode& node : tree->children) connect(node);
    }
    if (const DocNode* importers = map("importers"); importers != nullptr) {
      for (const DocNode& importer : importers->children) read_importer(importer);
    } else {
      read_importer(root_);
    }
  }

 private:
  const DocNode* map(std::string_view key) {
    const DocNode* found = root_.find(key);
    if (found == nullptr || found->kind == DocNode::Kind::kNull) return nullptr;
    if (!found->is_map()) {
      builder_.problem(found->line, std::string(key) + ": expected a map");
      return nullptr;
    }
    return found;
  }

  void read_snapshots(const DocNode& snapshots, const DocNode* packages) {
    std::unordered_map<std::string_view, const DocNode*> facts;
    if (packages != nullptr) {
      for (const DocNode& node : packages->children) facts.emplace(node.key, &node);
    }
    for (const DocNode& node : snapshots.children) {
      const auto it = facts.find(without_peers(node.key));
      add_package(node, it != facts.end() ? *it->second : node, prefix_, builder_);
    }
  }

  // What the name and the written version of a dependency lead to.
  std::optional<std::uint32_t> target(const std::string& name, const std::string& version) const {
    for (const std::string& id : {name + "@" + version, "/" + name + "@" + version, version}) {
      if (const auto found = builder_.find(prefix_ + id)) return found;
    }
    return std::nullopt;
  }

  void connect(const DocNode& node) {
    const auto from = builder_.find(prefix_ + node.key);
    if (!from) return;
    const auto link = [&](std::string_view list, bool optional) {
      for_each_text(node, list, [&](const DocNode& wanted) {
        const auto to = target(wanted.key, wanted.text);
        if (!to) return;
        builder_.connect(*from, *to, optional);
        note_alias(*to, wanted.key);
      });
    };
    link("dependencies", false);
    link("optionalDependencies", true);
  }

  void note_alias(std::uint32_t index, const std::string& installed_as) {
    LockEntry& entry = builder_.entry(index);
    if (entry.name != installed_as) entry.alias = installed_as;
  }

  void read_importer(const DocNode& importer) {
    const auto read = [&](std::string_view list, bool dev, bool optional) {
      const DocNode* wanted = importer.find(list);
      if (wanted == nullptr || !wanted->is_map()) return;
      for (const DocNode& one : wanted->children) {
        const std::string version = one.is_map() ? one.text_of("version") : one.text;
        const auto to = target(one.key, version);
        if (!to) continue;
        builder_.root(*to, dev, optional);
        note_alias(*to, one.key);
      }
    };
    read("dependencies", false, false);
    read("devDependencies", true, false);
    read("optionalDependencies", false, true);
    read("configDependencies", true, false);
    read("packageManagerDependencies", true, false);
  }

  const DocNode& root_;
  std::string prefix_;
  LockBuilder& builder_;
};

}  // namespace

void read_pnpm_lock(const DocNode& root, LockBuilder& builder) {
  // Keys of a further document of the file are their own.
  const std::string prefix = builder.entries().empty() ? "" : "document 2: ";
  PnpmReader(root, prefix, builder).read();
}

}  // namespace npmgate
