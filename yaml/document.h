// YAML as the gate's files use it: a strict subset with positions. Anchors, aliases, merge keys,
// tags, duplicate keys, a second document, non-string keys and nesting over 32 are problems, each
// with file:line:column. Over yaml-cpp's event parser, so nothing is resolved before it is checked.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace npmgate {

struct Position {
  std::string file;
  int line = 0, column = 0;  // 1-based
  std::string str() const;   // "policy.yaml:4:7"
  friend bool operator==(const Position&, const Position&) = default;
};

struct Problem {
  Position at;
  std::string message;  // what is wrong, what was expected, nearest known key
  std::string str() const { return at.str() + ": " + message; }
  friend bool operator==(const Problem&, const Problem&) = default;
};

struct YamlMember;

struct YamlNode {
  enum class Kind { kNull, kScalar, kSequence, kMap } kind = Kind::kNull;
  Position at;
  std::string scalar;
  bool quoted = false;              // a quoted scalar is text, whatever it looks like
  std::vector<YamlNode> items;      // sequence
  std::vector<YamlMember> members;  // map, in file order, keys unique
  const YamlNode* find(std::string_view key) const;  // nullptr if absent or no map
};

// A key and its value; a pair of a type that is not complete yet is nothing a vector may hold.
struct YamlMember {
  YamlNode first, second;
};

// A policy of a large company is some tens of KiB; yaml-cpp needs 59 ms for a scalar of this size.
inline constexpr std::size_t kMaxYamlBytes = std::size_t{1} << 20;

// Empty text is a null node. Files over `max_bytes` are refused.
struct YamlDocument {
  YamlNode root;
  std::vector<Problem> problems;  // empty = good
};
YamlDocument parse_yaml(std::string_view text, const std::string& file,
                        std::size_t max_bytes = kMaxYamlBytes);

// Typed reading with problems collected: every getter reports once and returns the fallback.
class YamlReader {
 public:
  YamlReader(const YamlNode& map, std::string where,
             std::vector<Problem>& problems);  // reports if `map` is no map (null = empty map)
  // Each key read this way is known; finish() reports the others with the nearest known key.
  const YamlNode* node(std::string_view key);
  std::string text(std::string_view key, std::string fallback = {});
  bool flag(std::string_view key, bool fallback);  // only true and false
  long long integer(std::string_view key, long long fallback, long long min, long long max);
  long long duration_ms(std::string_view key, long long fallback);
  unsigned long long bytes(std::string_view key, unsigned long long fallback);
  std::vector<std::string> texts(std::string_view key);  // a scalar or a sequence of scalars
  bool has(std::string_view key) const;
  void require(std::string_view key);
  void finish();

 private:
  const YamlNode& map_;
  std::string where_;
  std::vector<Problem>& problems_;
  std::vector<std::string> known_;
};

// The candidate nearest to `word` by edit distance (<= 1/2 of its length), or "".
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace npmgate
