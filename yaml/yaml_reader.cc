#include <algorithm>
#include <array>
#include <charconv>

#include "base/log.h"
#include "base/time.h"
#include "yaml/document.h"

namespace npmgate {
namespace {

// Longer words are no typing errors of any key.
constexpr std::size_t kMaxWord = 64;

std::string quoted(std::string_view text) {
  return "'" + log::printable(text, 60) + "'";
}

std::string shown(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return "nothing";
    case YamlNode::Kind::kSequence:
      return "a list";
    case YamlNode::Kind::kMap:
      return "a map";
    case YamlNode::Kind::kScalar:
      break;
  }
  return node.quoted ? "the text " + quoted(node.scalar) : quoted(node.scalar);
}

// YAML 1.2 core schema, decimal integers only: no leading zero, since YAML 1.1 reads 010 as 8.
bool is_decimal(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text.empty() || (text.size() > 1 && text.front() == '0')) return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  using Row = std::array<std::size_t, kMaxWord + 1>;
  std::array<Row, 3> rows{};
  for (std::size_t j = 0; j <= b.size(); ++j) rows[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    Row& row = rows[i % 3];
    const Row& above = rows[(i - 1) % 3];
    const Row& second = rows[(i + 1) % 3];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], second[j - 2] + 1);
      }
    }
  }
  return rows[a.size() % 3][b.size()];
}

}  // namespace

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
  if (word.empty() || word.size() > kMaxWord) return {};
  std::string best;
  std::size_t least = word.size() / 2 + 1;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > kMaxWord) continue;
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

YamlReader::YamlReader(const YamlNode& map, std::string where, std::vector<Problem>& problems)
    : map_(map), where_(std::move(where)), problems_(problems) {
  if (map.kind == YamlNode::Kind::kMap || map.kind == YamlNode::Kind::kNull) return;
  problems_.push_back({map.at, where_ + ": expected a map, found " + shown(map)});
}

const YamlNode* YamlReader::node(std::string_view key) {
  if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.emplace_back(key);
  return map_.find(key);
}

bool YamlReader::has(std::string_view key) const {
  return map_.find(key) != nullptr;
}

void YamlReader::require(std::string_view key) {
  // A reader over something that is no map has said so already.
  if (map_.kind != YamlNode::Kind::kMap && map_.kind != YamlNode::Kind::kNull) return;
  if (node(key) == nullptr) {
    problems_.push_back({map_.at, where_ + ": the key '" + std::string(key) + "' is required"});
  }
}

std::string YamlReader::text(std::string_view key, std::string fallback) {
  const YamlNode* found = node(key);
  if (found == nullptr) return fallback;
  if (found->kind == YamlNode::Kind::kScalar) return found->scalar;
  problems_.push_back({found->at, std::string(key) + ": expected text, found " + shown(*found)});
  return fallback;
}

bool YamlReader::flag(std::string_view key, bool fallback) {
  const YamlNode* found = node(key);
  if (found == nullptr) return fallback;
  if (found->kind == YamlNode::Kind::kScalar && !found->quoted) {
    if (found->scalar == "true") return true;
    if (found->scalar == "false") return false;
  }
  problems_.push_back(
      {found->at, std::string(key) + ": expected true or false, found " + shown(*found)});
  return fallback;
}

long long YamlReader::integer(std::string_view key, long long fallback, long long min,
                              long long max) {
  const YamlNode* found = node(key);
  if (found == nullptr) return fallback;
  long long value = 0;
  if (found->kind == YamlNode::Kind::kScalar && !found->quoted && is_decimal(found->scalar)) {
    const char* end = found->scalar.data() + found->scalar.size();
    const auto [stop, error] = std::from_chars(found->scalar.data(), end, value);
    if (error == std::errc{} && stop == end && value >= min && value <= max) return value;
  }
  problems_.push_back({found->at, std::string(key) + ": expected a whole number from " +
                                      std::to_string(min) + " to " + std::to_string(max) +
                                      ", found " + shown(*found)});
  return fallback;
}

long long YamlReader::duration_ms(std::string_view key, long long fallback) {
  const YamlNode* found = node(key);
  if (found == nullptr) return fallback;
  if (found->kind == YamlNode::Kind::kScalar) {
    if (const auto parsed = parse_duration(found->scalar)) return parsed->count();
  }
  problems_.push_back(
      {found->at, std::string(key) +
                      ": expected a duration such as 30s, 5m, 24h, 14d or 2w, found " +
                      shown(*found)});
  return fallback;
}

unsigned long long YamlReader::bytes(std::string_view key, unsigned long long fallback) {
  const YamlNode* found = node(key);
  if (found == nullptr) return fallback;
  if (found->kind == YamlNode::Kind::kScalar) {
    if (const auto parsed = parse_bytes(found->scalar)) return *parsed;
  }
  problems_.push_back(
      {found->at,
       std::string(key) + ": expected a size such as 512MiB or 50GiB, found " + shown(*found)});
  return fallback;
}

std::vector<std::string> YamlReader::texts(std::string_view key) {
  const YamlNode* found = node(key);
  std::vector<std::string> result;
  if (found == nullptr) return result;
  const std::string wanted = std::string(key) + ": expected text or a list of texts, found ";
  if (found->kind == YamlNode::Kind::kScalar) return {found->scalar};
  if (found->kind != YamlNode::Kind::kSequence) {
    problems_.push_back({found->at, wanted + shown(*found)});
    return result;
  }
  for (const YamlNode& item : found->items) {
    if (item.kind == YamlNode::Kind::kScalar) {
      result.push_back(item.scalar);
    } else {
      problems_.push_back({item.at, wanted + shown(item) + " in the list"});
    }
  }
  return result;
}

void YamlReader::finish() {
  for (const auto& [key, value] : map_.members) {
    if (std::find(known_.begin(), known_.end(), key.scalar) != known_.end()) continue;
    std::string message = where_ + ": unknown key " + quoted(key.scalar);
    if (const std::string near = nearest(key.scalar, known_); !near.empty()) {
      message += "; did you mean '" + near + "'?";
    }
    problems_.push_back({key.at, std::move(message)});
  }
}

}  // namespace npmgate
