#include "registry/manifest.h"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "base/digest.h"
#include "base/text.h"
#include "registry/extract.h"
#include "registry/json_check.h"
#include "registry/json_scan.h"

namespace npmgate {
namespace {

namespace bj = boost::json;
using json::Element;

ParsedManifest refused_manifest(std::string rule, std::string detail) {
  ParsedManifest parsed;
  parsed.refusal = JsonRefusal{std::move(rule), std::move(detail)};
  return parsed;
}

// Every client reads 1e99999 as infinity and longer integers as the nearest double, and none acts
// on either: such numbers are validated by grammar and replaced in a private copy, so that the rest
// of the file can be judged.
std::optional<JsonRefusal> parse_with_large_numbers(json::StrictParser& parser,
                                                    std::string_view text, Element& root,
                                                    std::string& copy) {
  auto refusal = parser.parse(text, false, root);
  if (!refusal || refusal->rule != "number") return refusal;
  copy = json::replace_large_numbers(text);
  return parser.parse(copy, false, root);
}

// SPEC, section 1: what clients act on in a version manifest. Sorted.
constexpr std::array<std::string_view, 17> kCanonicalFields = {
    "_hasShrinkwrap",
    "acceptDependencies",
    "bin",
    "bundleDependencies",
    "bundledDependencies",
    "cpu",
    "dependencies",
    "directories",
    "engines",
    "gypfile",
    "hasInstallScript",
    "libc",
    "optionalDependencies",
    "os",
    "peerDependencies",
    "peerDependenciesMeta",
    "scripts",
};
static_assert(std::is_sorted(kCanonicalFields.begin(), kCanonicalFields.end()));

bj::value canonical_value(const Element& element);

bj::value canonical_object(const json::Object& object) {
  std::vector<std::pair<std::string_view, Element>> members;
  for (const auto field : object) members.emplace_back(field.key, field.value);
  std::sort(members.begin(), members.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  bj::object sorted;
  sorted.reserve(members.size());
  for (const auto& [key, value] : members) sorted.emplace(key, canonical_value(value));
  return sorted;
}

// Recursion is bounded by json::kMaxDepth.
bj::value canonical_value(const Element& element) {
  using Type = simdjson::dom::element_type;
  switch (element.type()) {
    case Type::OBJECT:
      return canonical_object(element.get_object().value_unsafe());
    case Type::ARRAY: {
      const json::Array items = element.get_array().value_unsafe();
      bj::array array;
      for (const Element item : items) array.push_back(canonical_value(item));
      return array;
    }
    case Type::STRING:
      return bj::value(element.get_string().value_unsafe());
    case Type::INT64:
      return bj::value(element.get_int64().value_unsafe());
    case Type::UINT64:
      return bj::value(element.get_uint64().value_unsafe());
    case Type::DOUBLE:
      return bj::value(element.get_double().value_unsafe());
    case Type::BOOL:
      return bj::value(element.get_bool().value_unsafe());
    case Type::NULL_VALUE:
      break;
  }
  return nullptr;
}

// The digests alone: URL, sizes and signatures may differ between mirrors and key rotations.
bj::value canonical_dist(const Element& element) {
  bj::object dist;
  for (std::string_view key : {"integrity", "shasum"}) {
    Element value;
    if (!element.at_key(key).get(value)) dist.emplace(key, canonical_value(value));
  }
  return dist;
}

}  // namespace

ParsedManifest parse_package_json(std::string_view text) {
  if (text.size() > json::kMaxManifestBytes) return refused_manifest("size", "larger than 4 MiB");
  if (text.starts_with(kUtf8Bom)) text.remove_prefix(kUtf8Bom.size());
  if (text.empty()) return refused_manifest("not-json", "the file is empty");
  if (text.find('\0') != std::string_view::npos) return refused_manifest("nul", "holds a NUL byte");

  json::StrictParser parser;
  Element root;
  std::string copy;
  ParsedManifest parsed;
  if ((parsed.refusal = parse_with_large_numbers(parser, text, root, copy))) return parsed;
  if (!root.is_object()) return refused_manifest("not-an-object", "the document is not an object");
  json::Duplicates duplicates;
  if ((parsed.refusal = parser.check_tree(root, duplicates))) return parsed;
  if (duplicates.harmful) {
    return refused_manifest("duplicate-key", "the key " + duplicates.first + " is there twice");
  }
  Manifest manifest;
  parsed.refusal = json::extract_manifest(root.get_object().value_unsafe(),
                                          json::Source::kPackageJson, manifest);
  if (parsed.refusal) return parsed;
  parsed.manifest = std::move(manifest);
  parsed.harmless_duplicates = duplicates.harmless;
  return parsed;
}

Result<std::string> canonical_manifest(std::string_view raw_manifest) {
  if (raw_manifest.empty()) return fail(Code::kMalformed, Origin::kUpstream, "not-json: empty");
  if (raw_manifest.size() > json::kMaxManifestBytes) {
    return fail(Code::kTooLarge, Origin::kUpstream, "version manifest larger than 4 MiB");
  }
  json::StrictParser parser;
  Element root;
  if (const auto refusal = parser.parse_unambiguous(raw_manifest, false, root)) {
    return fail(Code::kMalformed, Origin::kUpstream, refusal->rule + ": " + refusal->detail);
  }
  json::Object object;
  if (root.get_object().get(object)) {
    return fail(Code::kMalformed, Origin::kUpstream, "not-an-object: version manifest");
  }
  std::vector<std::pair<std::string_view, Element>> members;
  for (const auto field : object) {
    const bool canonical =
        field.key == "dist" ||
        std::binary_search(kCanonicalFields.begin(), kCanonicalFields.end(), field.key);
    if (canonical) members.emplace_back(field.key, field.value);
  }
  std::sort(members.begin(), members.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  bj::object canonical;
  for (const auto& [key, value] : members) {
    canonical.emplace(key, key == "dist" ? canonical_dist(value) : canonical_value(value));
  }
  return bj::serialize(canonical);
}

std::string manifest_identity(std::string_view raw_manifest) {
  const auto canonical = canonical_manifest(raw_manifest);
  if (canonical) return sha256_hex(*canonical);
  return raw_manifest.empty() ? std::string() : sha256_hex(raw_manifest);
}

}  // namespace npmgate
