// The ways into a package that its package.json names.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace npmgate::code {

struct NamedEntry {
  std::string name;    // "main", "exports ./cli import", "bin widget"
  std::string target;  // as written, in the package.json's folder; may hold one "*"
};

// main (or the index file), module, browser, react-native and the other fields that bundlers and
// browsers take, every condition of exports and imports but types, and bin. At most 512.
std::vector<NamedEntry> named_entries(const boost::json::object& package_json);
// Those that a package in a sub-folder has: main, module, browser.
std::vector<NamedEntry> folder_entries(const boost::json::object& package_json);

}  // namespace npmgate::code
