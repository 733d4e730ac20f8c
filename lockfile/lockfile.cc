#include "lockfile/lockfile.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "lockfile/builder.h"
#include "lockfile/document.h"

namespace npmgate {
namespace {

std::string base_name(const std::string& file) {
  return file.substr(file.find_last_of("/\\") + 1);
}

LockfileResult refused(const std::string& file, int line, std::string message) {
  return {std::nullopt, {{{file, line, 1}, std::move(message)}}};
}

// lockfileVersion as written: 3, '6.0', "9.0"; 0 if there is none. Only the major counts.
int version_number(const DocNode& root) {
  const DocNode* found = root.find("lockfileVersion");
  if (found == nullptr) return 0;
  int number = 0;
  std::from_chars(found->text.data(), found->text.data() + found->text.size(), number);
  return number;
}

LockfileResult read_json(std::string_view text, const std::string& file) {
  const bool bun = base_name(file) == "bun.lock";
  DocResult document = parse_json_document(text, file, bun);
  // A bun.lock under another name ends its lists with commas.
  if (!document.problems.empty() && !bun && text.find("\"workspaces\"") != std::string_view::npos) {
    DocResult again = parse_json_document(text, file, true);
    if (again.problems.empty() && again.root.find("workspaces") != nullptr)
      document = std::move(again);
  }
  if (!document.problems.empty()) return {std::nullopt, std::move(document.problems)};
  const DocNode& root = document.root;
  if (!root.is_map()) return refused(file, 1, "expected a map { … }");
  const int version = version_number(root);
  if (root.find("lockfileVersion") == nullptr) {
    if (base_name(file) != "package.json" && root.find("name") == nullptr &&
        root.find("dependencies") == nullptr)
      return refused(file, 1, "no lockfileVersion: neither a lockfile nor a package.json");
    LockBuilder builder(LockFormat::kPackageJson, file, text);
    read_package_json(root, builder);
    return builder.finish();
  }
  const DocNode* packages = root.find("packages");
  const bool lists = packages != nullptr && !packages->children.empty() &&
                     packages->children.front().kind == DocNode::Kind::kList;
  if (bun || lists || root.find("workspaces") != nullptr) {
    LockBuilder builder(LockFormat::kBun, file, text);
    read_bun_lock(root, builder);
    return builder.finish();
  }
  if (version < 1 || version > 3)
    return refused(file, root.find("lockfileVersion")->line,
                   "lockfileVersion " + root.find("lockfileVersion")->text +
                       " is not known; npm writes 1, 2 and 3");
  const LockFormat formats[] = {LockFormat::kNpm1, LockFormat::kNpm2, LockFormat::kNpm3};
  LockBuilder builder(formats[version - 1], file, text);
  read_npm_lock(root, builder);
  return builder.finish();
}

LockfileResult read_pnpm(std::string_view text, const std::string& file) {
  std::vector<DocResult> documents = parse_yaml_documents(text, file);
  for (DocResult& document : documents) {
    if (!document.problems.empty()) return {std::nullopt, std::move(document.problems)};
  }
  const DocNode& main = documents.back().root;
  const int version = version_number(main);
  if (version != 6 && version != 9)
    return refused(file, 1,
                   version == 0 ? "no lockfileVersion: not a pnpm-lock.yaml"
                                : "lockfileVersion " + main.text_of("lockfileVersion") +
                                      " is not read (6 and 9 are); run `pnpm install` with pnpm 8 "
                                      "or newer");
  LockBuilder builder(version == 6 ? LockFormat::kPnpm6 : LockFormat::kPnpm9, file, text);
  // The project's own document is the last one; before it pnpm 11+ keeps its own tools.
  for (auto it = documents.rbegin(); it != documents.rend(); ++it)
    read_pnpm_lock(it->root, builder);
  return builder.finish();
}

LockfileResult read_yarn(std::string_view text, const std::string& file) {
  if (text.find("__metadata:") == std::string_view::npos) {
    LockBuilder builder(LockFormat::kYarnClassic, file, text);
    read_yarn_classic(text, builder);
    return builder.finish();
  }
  DocResult document = std::move(parse_yaml_documents(text, file).front());
  if (!document.problems.empty()) return {std::nullopt, std::move(document.problems)};
  LockBuilder builder(LockFormat::kYarnBerry, file, text);
  read_yarn_berry(document.root, builder);
  return builder.finish();
}

}  // namespace

std::string_view to_string(LockFormat format) {
  switch (format) {
    case LockFormat::kNpm1:
      return "package-lock v1";
    case LockFormat::kNpm2:
      return "package-lock v2";
    case LockFormat::kNpm3:
      return "package-lock v3";
    case LockFormat::kPnpm6:
      return "pnpm-lock v6";
    case LockFormat::kPnpm9:
      return "pnpm-lock v9";
    case LockFormat::kYarnClassic:
      return "yarn.lock v1";
    case LockFormat::kYarnBerry:
      return "yarn.lock (berry)";
    case LockFormat::kBun:
      return "bun.lock";
    case LockFormat::kPackageJson:
      return "package.json";
  }
  return "";
}

std::string_view to_string(LockSource source) {
  switch (source) {
    case LockSource::kRegistry:
      return "registry";
    case LockSource::kGit:
      return "git";
    case LockSource::kRemote:
      return "remote tarball";
    case LockSource::kFile:
      return "file";
    case LockSource::kLink:
      return "link";
    case LockSource::kWorkspace:
      return "workspace";
    case LockSource::kPatch:
      return "patch";
    case LockSource::kBundled:
      return "bundled";
    case LockSource::kOther:
      return "other";
  }
  return "";
}

std::string LockEntry::str() const {
  if (!range.empty()) return name + "@" + range;
  if (source == LockSource::kRegistry) return name + "@" + version;
  return name + " (" + std::string(to_string(source)) + ")";
}

LockfileResult parse_lockfile(std::string_view text, const std::string& file) {
  if (text.size() > kMaxLockfileBytes) return refused(file, 1, "larger than 32 MiB");
  if (!is_utf8(text)) return refused(file, 1, "not UTF-8 text");
  if (base_name(file) == "bun.lockb" || text.starts_with("#!/usr/bin/env bun"))
    return refused(file, 1,
                   "the binary form of bun's lockfile; run `bun install --save-text-lockfile`");
  const std::size_t first = text.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  if (first == std::string_view::npos) return refused(file, 1, "an empty file");
  if (text[first] == '{') return read_json(text, file);
  const std::string name = base_name(file);
  if (name.ends_with(".json")) return read_json(text, file);
  if (name != "yarn.lock" &&
      (name == "pnpm-lock.yaml" || text.find("lockfileVersion:") != std::string_view::npos))
    return read_pnpm(text, file);
  return read_yarn(text, file);
}

}  // namespace npmgate
