// What node's and the browser's own functions make of known values, for those that texts, paths and
// other functions are put together with.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "inspect/syntax/value.h"

namespace npmgate::code {

using GlobalLookup = std::function<Value(std::string_view)>;
using MemberLookup = std::function<Value(const Value&, std::string_view)>;

// `path.name`, for a global, a module or what is reached from one.
Value member_of_path(const Value& path, std::string_view name, const GlobalLookup& global);
// `folder`: of the file that calls, below the package root.
Value result_of_call(const std::string& path, const std::vector<Value>& arguments,
                     std::uint8_t origins, std::string_view folder, const MemberLookup& member);
Value result_of_new(const std::string& path, const std::vector<Value>& arguments,
                    std::uint8_t origins);

// A function of which only what it gives is known.
Value returning(const Value& value);

// True for functions that load a module by name: require, import, createRequire(…) …
bool loads_module(std::string_view path);
// A name that nobody means anything else by than node's module: "child_process", "node:net".
bool names_node_module(std::string_view name);
// Helpers that compilers put around an import and that hand on what they are given.
bool is_interop(std::string_view function);

}  // namespace npmgate::code
