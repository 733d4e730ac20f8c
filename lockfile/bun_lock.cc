// bun.lock: "packages" maps the folder ("a", "a/b" = b inside a) to a tuple that begins with
// "name@where from".
#include "lockfile/builder.h"

namespace npmgate {
namespace {

const DocNode* info_of(const DocNode& node) {
  for (const DocNode& child : node.children) {
    if (child.is_map()) return &child;
  }
  return nullptr;
}

std::string folder_name(const std::string& key) {
  const std::size_t slash = key.rfind('/');
  if (slash == std::string::npos) return key;
  const std::size_t before = slash == 0 ? std::string::npos : key.rfind('/', slash - 1);
  const std::size_t part = before == std::string::npos ? 0 : before + 1;
  return key[part] == '@' ? key.substr(part) : key.substr(slash + 1);
}

void add_bun_package(const DocNode& node, LockBuilder& builder) {
  if (node.kind != DocNode::Kind::kList || node.children.empty() ||
      !node.children.front().is_text())
    return builder.problem(
        node.line, "expected a list that begins with \"name@version\" for '" + node.key + "'");
  LockEntry entry;
  entry.id = node.key;
  entry.line = node.line;
  std::string from;
  std::tie(entry.name, from) = split_at(node.children.front().text);
  if (const std::string folder = folder_name(node.key); folder != entry.name) entry.alias = folder;
  const DocNode& last = node.children.back();
  if (is_exact_version(from)) {
    entry.version = from;
    const bool has_url = node.children.size() > 1 && node.children[1].is_text();
    if (has_url && !node.children[1].text.empty()) builder.resolved_from(entry, node.children[1]);
    const DocNode* info = info_of(node);
    if (info != nullptr && info->flag("bundled")) entry.source = LockSource::kBundled;
    if (node.children.size() > 2 && last.is_text()) entry.integrity = last.text;
    if (!entry.resolved.empty() && entry.resolved.ends_with(".tgz") &&
        !names_release(entry.resolved, entry.name, entry.version)) {
      entry.source = LockSource::kRemote;
      entry.spec = entry.resolved;
    }
  } else {
    entry.spec = from;
    entry.source = source_of(from);
    if (entry.source == LockSource::kRegistry) entry.source = LockSource::kOther;
    if (last.is_text() && last.text.find('-') != std::string::npos &&
        entry.source != LockSource::kGit && node.children.size() > 1)
      entry.integrity = last.text;
  }
  builder.add(std::move(entry));
}

void connect(const DocNode& node, const std::string& folder, std::uint32_t from,
             LockBuilder& builder) {
  const auto link = [&](std::string_view list, bool optional) {
    for_each_text(node, list, [&](const DocNode& wanted) {
      if (const auto to = find_upwards(builder, folder, wanted.key, "/"))
        builder.connect(from, *to, optional);
    });
  };
  link("dependencies", false);
  link("optionalDependencies", true);
  link("peerDependencies", true);
  if (builder.entry(from).source == LockSource::kWorkspace) link("devDependencies", false);
}

void connect_workspace(const DocNode& workspace, LockBuilder& builder) {
  if (workspace.key.empty()) {
    const auto add = [&](std::string_view list, bool dev, bool optional) {
      for_each_text(workspace, list, [&](const DocNode& wanted) {
        if (const auto to = builder.find(wanted.key)) builder.root(*to, dev, optional);
      });
    };
    add("dependencies", false, false);
    add("devDependencies", true, false);
    add("optionalDependencies", false, true);
    add("peerDependencies", false, false);
  } else if (const auto from = builder.find(workspace.text_of("name"))) {
    connect(workspace, workspace.text_of("name"), *from, builder);
  }
}

}  // namespace

void read_bun_lock(const DocNode& root, LockBuilder& builder) {
  const DocNode* packages = root.find("packages");
  if (packages == nullptr) return;
  if (!packages->is_map()) return builder.problem(packages->line, "packages: expected a map");
  for (const DocNode& node : packages->children) add_bun_package(node, builder);
  for (const DocNode& node : packages->children) {
    const DocNode* info = info_of(node);
    const auto from = builder.find(node.key);
    if (info != nullptr && from) connect(*info, node.key, *from, builder);
  }
  if (const DocNode* workspaces = root.find("workspaces"); workspaces != nullptr) {
    for (const DocNode& workspace : workspaces->children) connect_workspace(workspace, builder);
  }
}

}  // namespace npmgate
