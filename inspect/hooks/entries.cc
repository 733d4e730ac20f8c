#include "inspect/hooks/entries.h"

#include <boost/json/value.hpp>

namespace npmgate::code {
namespace {

namespace json = boost::json;

constexpr std::size_t kMost = 512;
constexpr int kDeepest = 12;

// Fields that hold one file: node, webpack's and Rollup's mainFields, Metro, jspm, CDNs, Electron.
constexpr std::string_view kFields[] = {
    "main",     "module",   "browser",  "react-native", "jsnext:main",   "es2015",      "esnext",
    "unpkg",    "jsdelivr", "worker",   "module-sync",  "source",        "webworker",   "deno",
    "bun",      "server",   "electron", "svelte",       "es2017",        "es2020",      "es2022",
    "esm5",     "esm2015",  "esm2020",  "esm2022",      "fesm5",         "fesm2015",    "fesm2020",
    "fesm2022", "cdn",      "umd",      "umd:main",     "module:es2015", "main:es2015", "alias",
    "jspm",     "systemjs"};

bool runs(std::string_view condition) {
  return condition != "types" && !condition.starts_with("types@");
}

void walk(const json::value& value, const std::string& name, int depth,
          std::vector<NamedEntry>& out) {
  if (depth > kDeepest || out.size() >= kMost) return;
  if (const auto* text = value.if_string()) {
    out.push_back({name, std::string(*text)});
  } else if (const auto* list = value.if_array()) {
    for (const auto& item : *list) walk(item, name, depth + 1, out);
  } else if (const auto* map = value.if_object()) {
    for (const auto& [key, item] : *map)
      if (runs(key)) walk(item, name + " " + std::string(key), depth + 1, out);
  }
}

void add_fields(const json::object& package_json, std::vector<NamedEntry>& out) {
  for (const auto field : kFields) {
    const auto* value = package_json.if_contains(field);
    if (value != nullptr) walk(*value, std::string(field), 0, out);
  }
}

}  // namespace

std::vector<NamedEntry> named_entries(const json::object& package_json) {
  std::vector<NamedEntry> out;
  add_fields(package_json, out);
  for (const std::string_view field : {"exports", "imports"}) {
    const auto* value = package_json.if_contains(field);
    if (value != nullptr) walk(*value, std::string(field), 0, out);
  }
  const auto* bin = package_json.if_contains("bin");
  if (bin != nullptr && bin->is_string()) {
    out.push_back({"bin", std::string(bin->get_string())});
  } else if (bin != nullptr && bin->is_object()) {
    for (const auto& [key, item] : bin->get_object())
      if (item.is_string() && out.size() < kMost)
        out.push_back({"bin " + std::string(key), std::string(item.get_string())});
  }
  return out;
}

std::vector<NamedEntry> folder_entries(const json::object& package_json) {
  std::vector<NamedEntry> out;
  for (const std::string_view field : {"main", "module", "browser", "react-native"}) {
    const auto* value = package_json.if_contains(field);
    if (value != nullptr && value->is_string())
      out.push_back({std::string(field), std::string(value->get_string())});
  }
  return out;
}

}  // namespace npmgate::code
