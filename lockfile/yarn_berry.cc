// yarn.lock of yarn 2 and later: YAML; keys list descriptors ("a@npm:^1, a@npm:^2"), `resolution`
// names the locator ("a@npm:1.2.3"). `checksum` is of yarn's own archive, not of the tarball.
#include "base/text.h"
#include "lockfile/builder.h"

namespace npmgate {
namespace {

constexpr std::string_view kArchiveUrl = "__archiveUrl=";

// "1.2.3::__archiveUrl=https%3A…": bindings behind "::".
void note_npm_locator(LockEntry& entry, std::string_view where, const DocNode& resolution,
                      const LockBuilder& builder) {
  const std::size_t bindings = where.find("::");
  entry.version = where.substr(0, bindings);
  if (bindings == std::string_view::npos) return;
  const std::size_t url = where.find(kArchiveUrl, bindings);
  if (url == std::string_view::npos) return;
  const std::string_view rest = where.substr(url + kArchiveUrl.size());
  builder.resolved_from_line(entry, std::string(rest.substr(0, rest.find('&'))), resolution.line, 1,
                             true);
  if (names_release(entry.resolved, entry.name, entry.version)) return;
  entry.source = LockSource::kRemote;
  entry.spec = entry.resolved;
}

std::vector<std::string> descriptors(const std::string& key) {
  std::vector<std::string> all;
  for (std::size_t at = 0; at <= key.size();) {
    const std::size_t end = std::min(key.find(", ", at), key.size());
    all.push_back(key.substr(at, end - at));
    at = end + 2;
  }
  return all;
}

void add_berry_package(const DocNode& node, LockBuilder& builder) {
  const DocNode* resolution = node.find("resolution");
  if (resolution == nullptr || !resolution->is_text())
    return builder.problem(node.line, "an entry without resolution");
  LockEntry entry;
  entry.id = resolution->text;
  entry.line = node.line;
  std::string where;
  std::tie(entry.name, where) = split_at(resolution->text);
  if (where.starts_with("npm:")) {
    note_npm_locator(entry, std::string_view(where).substr(4), *resolution, builder);
  } else {
    entry.spec = where;
    entry.source = source_of(where);
    if (entry.source == LockSource::kRegistry) entry.source = LockSource::kOther;
    if (entry.source != LockSource::kWorkspace) entry.version = node.text_of("version");
  }
  const auto names = descriptors(node.key);
  if (const std::string asked = split_at(names.front()).first; asked != entry.name)
    entry.alias = asked;
  const auto index = builder.add(std::move(entry));
  if (!index) return;
  for (const std::string& name : names) builder.also_known_as(name, *index, node.line);
}

// The entry that a patch lies on: "a@patch:a@npm%3A1.0.0#…".
std::optional<std::uint32_t> patched(const LockEntry& entry, const LockBuilder& builder) {
  const std::string_view spec = entry.spec;
  if (!spec.starts_with("patch:")) return std::nullopt;
  return builder.find(percent_decode(spec.substr(6, spec.find('#') - 6)));
}

void connect(const DocNode& node, LockBuilder& builder) {
  const auto from = builder.find(node.text_of("resolution"));
  if (!from) return;
  const DocNode* meta = node.find("dependenciesMeta");
  for_each_text(node, "dependencies", [&](const DocNode& wanted) {
    auto to = builder.find(wanted.key + "@" + wanted.text);
    if (!to) to = builder.find(wanted.key + "@npm:" + wanted.text);
    if (!to) return;
    const DocNode* about = meta == nullptr ? nullptr : meta->find(wanted.key);
    builder.connect(*from, *to, about != nullptr && about->flag("optional"));
  });
  if (const auto base = patched(builder.entry(*from), builder))
    builder.connect(*from, *base, false);
}

}  // namespace

void read_yarn_berry(const DocNode& root, LockBuilder& builder) {
  for (const DocNode& node : root.children) {
    if (node.key != "__metadata") add_berry_package(node, builder);
  }
  for (const DocNode& node : root.children) {
    if (node.key != "__metadata") connect(node, builder);
  }
}

}  // namespace npmgate
