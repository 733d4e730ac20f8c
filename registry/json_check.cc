#include "registry/json_check.h"

#include <algorithm>
#include <array>

#include "registry/json_scan.h"

namespace npmgate::json {
namespace {

// simdjson does not count an innermost empty container; check_tree has the exact rule.
constexpr std::size_t kParserDepth = kMaxDepth + 2;

// Sorted. Fields of npm's package.json documentation that decide what is installed or run. Not
// `main` and `repository`, which real packages repeat (backbone 1.2.0, browserify-zlib 0.1.4,
// connect 1.4 to 1.8): every code file is inspected, whichever of them is loaded, and the
// repository that is asked for tags is the one that the registry states.
constexpr std::array<std::string_view, 30> kActedOn = {
    "_hasShrinkwrap",
    "acceptDependencies",
    "bin",
    "binary",
    "browser",
    "bundleDependencies",
    "bundledDependencies",
    "cpu",
    "dependencies",
    "dependenciesMeta",
    "devDependencies",
    "directories",
    "dist",
    "engines",
    "exports",
    "gypfile",
    "hasInstallScript",
    "imports",
    "libc",
    "module",
    "name",
    "optionalDependencies",
    "os",
    "overrides",
    "peerDependencies",
    "peerDependenciesMeta",
    "publishConfig",
    "scripts",
    "type",
    "version",
};
static_assert(std::is_sorted(kActedOn.begin(), kActedOn.end()));

JsonRefusal refusal_of(simdjson::error_code error, std::string_view text) {
  switch (error) {
    case simdjson::UTF8_ERROR:
      return {"invalid-utf8", "the text is not valid UTF-8"};
    case simdjson::DEPTH_ERROR:
      return {"depth", "nested deeper than " + std::to_string(kMaxDepth) + " levels"};
    case simdjson::NUMBER_ERROR:
      if (replace_large_numbers(text) != text) return {"number", "a number is out of range"};
      return {"not-json", "not a JSON number"};
    case simdjson::CAPACITY:
    case simdjson::MEMALLOC:
      return {"size", "too large to parse"};
    case simdjson::STRING_ERROR:
      if (has_lone_surrogate(text)) {
        return {"lone-surrogate", "a \\u escape holds half of a surrogate pair"};
      }
      return {"not-json", "a malformed string"};
    default:
      return {"not-json", simdjson::error_message(error)};
  }
}

}  // namespace

bool clients_act_on(std::string_view key) {
  return std::binary_search(kActedOn.begin(), kActedOn.end(), key);
}

// Recursion is bounded: the parser refuses what is deeper than kParserDepth.
struct StrictParser::Walk {
  std::vector<Key>& keys;
  Duplicates& duplicates;
  std::optional<JsonRefusal> refusal;

  bool visit(const Element& element, std::size_t depth, bool acted_on) {
    const auto type = element.type();
    if (type != simdjson::dom::element_type::OBJECT && type != simdjson::dom::element_type::ARRAY) {
      return true;
    }
    if (depth > kMaxDepth) {
      refusal = refusal_of(simdjson::DEPTH_ERROR, {});
      return false;
    }
    if (type == simdjson::dom::element_type::OBJECT) {
      return visit_object(element.get_object().value_unsafe(), depth, acted_on);
    }
    const Array array = element.get_array().value_unsafe();
    for (const Element item : array) {
      if (!visit(item, depth + 1, acted_on)) return false;
    }
    return true;
  }

  bool visit_object(const Object& object, std::size_t depth, bool acted_on) {
    const std::size_t first = keys.size();
    bool ascending = true;  // as most maps are: then nothing can be there twice
    for (const auto field : object) {
      if (field.key == "__proto__") {
        refusal = {"proto-key", "a key named __proto__"};
        return false;
      }
      const Key key = make_key(field.key);
      ascending = ascending && (keys.size() == first || keys.back() < key);
      keys.push_back(key);
      const bool field_acted_on = depth == 1 ? clients_act_on(field.key) : acted_on;
      if (!visit(field.value, depth + 1, field_acted_on)) return false;
    }
    if (!ascending) note_duplicates(first, depth, acted_on);
    keys.resize(first);
    return true;
  }

  void note_duplicates(std::size_t first, std::size_t depth, bool acted_on) {
    const auto begin = keys.begin() + static_cast<std::ptrdiff_t>(first);
    std::sort(begin, keys.end());
    for (auto at = std::adjacent_find(begin, keys.end()); at != keys.end();
         at = std::adjacent_find(at + 1, keys.end())) {
      const bool harmful = depth == 1 ? clients_act_on(at->text) : acted_on;
      if (duplicates.first.empty() || (harmful && !duplicates.harmful)) {
        duplicates.first = std::string(at->text);
      }
      (harmful ? duplicates.harmful : duplicates.harmless) = true;
    }
  }
};

StrictParser::Key StrictParser::make_key(std::string_view text) {
  std::uint64_t prefix = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    prefix = prefix << 8 | (i < text.size() ? static_cast<unsigned char>(text[i]) : 0U);
  }
  return {prefix, text};
}

StrictParser::StrictParser() {
  reserve(0);
}

void StrictParser::reserve(std::size_t bytes) {
  // A failure shows again, as CAPACITY, in parse().
  if (parser_.capacity() < bytes || parser_.max_depth() != kParserDepth) {
    static_cast<void>(!parser_.allocate(bytes, kParserDepth));
  }
}

std::optional<JsonRefusal> StrictParser::parse(std::string_view text, bool padded, Element& root) {
  const auto error = parser_.parse(text.data(), text.size(), !padded).get(root);
  if (error) return refusal_of(error, text);
  return std::nullopt;
}

std::optional<JsonRefusal> StrictParser::check_tree(const Element& root, Duplicates& duplicates) {
  keys_.clear();
  Walk walk{keys_, duplicates, std::nullopt};
  walk.visit(root, 1, false);
  return std::move(walk.refusal);
}

std::optional<JsonRefusal> StrictParser::parse_unambiguous(std::string_view text, bool padded,
                                                           Element& root) {
  if (auto refusal = parse(text, padded, root)) return refusal;
  return check_unambiguous(root);
}

std::optional<JsonRefusal> StrictParser::check_unambiguous(const Element& root) {
  Duplicates duplicates;
  if (auto refusal = check_tree(root, duplicates)) return refusal;
  if (duplicates.harmful || duplicates.harmless) {
    return JsonRefusal{"duplicate-key", "the key " + duplicates.first + " is there twice"};
  }
  return std::nullopt;
}

}  // namespace npmgate::json
