// A lockfile's text as a tree of values with their lines: JSON as npm and bun write it, YAML as
// pnpm and yarn 2+ write it. Internal to lockfile/. Text from strangers: sizes, depth and duplicate
// keys are checked here.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "yaml/document.h"

namespace npmgate {

// The lockfile of a monorepo of 3,000 packages has 3 MB; yaml-cpp needs about 60 times the text.
inline constexpr std::size_t kMaxLockfileBytes = std::size_t{32} << 20;

struct DocNode {
  enum class Kind { kNull, kBool, kNumber, kText, kList, kMap } kind = Kind::kNull;
  std::string key;   // if the parent is a map
  std::string text;  // text decoded; numbers and booleans as written
  int line = 1;      // of the key, or of the value if there is none; 1-based
  // JSON: the bytes of the value in the file, quotes included. Zero in YAML.
  std::size_t begin = 0, end = 0;
  std::vector<DocNode> children;  // of a list or map, in file order; keys of a map are unique

  bool is_map() const { return kind == Kind::kMap; }
  bool is_text() const { return kind == Kind::kText; }
  const DocNode* find(std::string_view wanted) const;  // null if absent or no map
  std::string text_of(std::string_view wanted) const;  // "" if absent or no text
  bool flag(std::string_view wanted) const;            // true only for `true`
};

struct DocResult {
  DocNode root;
  std::vector<Problem> problems;  // empty = good
};

// JSON (RFC 8259) in UTF-8; `relaxed`: trailing commas and comments, as bun writes and reads.
DocResult parse_json_document(std::string_view text, const std::string& file, bool relaxed);
// All documents of a YAML stream, in order (pnpm 11+ writes two); scalars that are not quoted and
// look like true/false are kBool, everything else is text.
std::vector<DocResult> parse_yaml_documents(std::string_view text, const std::string& file);

}  // namespace npmgate
