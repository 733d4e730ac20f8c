// Full validation of JSON text before anything believes or copies it. Internal to registry/;
// includes simdjson.
#pragma once

#include <simdjson.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "registry/manifest.h"

namespace npmgate::json {

// Deeper documents stop or crash clients (pnpm, yarn: thousands); no real manifest comes near.
inline constexpr std::size_t kMaxDepth = 200;
// The largest package.json or version manifest that is read; real ones stay below 1 MiB.
inline constexpr std::size_t kMaxManifestBytes = std::size_t{4} << 20;

using Element = simdjson::dom::element;
using Object = simdjson::dom::object;
using Array = simdjson::dom::array;

// What check_tree found in a whole document.
struct Duplicates {
  bool harmful = false;   // a key that clients act on, or any key inside such a value
  bool harmless = false;  // any other
  std::string first;      // the first key found twice, harmful ones preferred
};

// A parser to be reused for many texts. Elements live until the next parse.
class StrictParser {
 public:
  StrictParser();
  // Room for texts of up to `bytes`: saves growing step by step.
  void reserve(std::size_t bytes);

  // Parses and validates all of `text`. `padded`: SIMDJSON_PADDING bytes behind the text may be
  // read.
  std::optional<JsonRefusal> parse(std::string_view text, bool padded, Element& root);
  // Depth, `__proto__` keys and duplicates of everything below `root`, in O(n log n).
  std::optional<JsonRefusal> check_tree(const Element& root, Duplicates& duplicates);
  // What check_tree refuses, or a duplicate anywhere.
  std::optional<JsonRefusal> check_unambiguous(const Element& root);
  // parse and check_unambiguous.
  std::optional<JsonRefusal> parse_unambiguous(std::string_view text, bool padded, Element& root);

 private:
  // Keys of the objects that are open in the walk, one behind the other.
  struct Key {
    std::uint64_t prefix;  // the first eight bytes, so that most comparisons end there
    std::string_view text;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  struct Walk;
  static Key make_key(std::string_view text);

  simdjson::dom::parser parser_;
  std::vector<Key> keys_;
};

// True for the top-level keys of a package.json that some client or the gate acts on.
bool clients_act_on(std::string_view key);

}  // namespace npmgate::json
