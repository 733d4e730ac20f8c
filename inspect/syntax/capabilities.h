// What one file can do, found on its syntax tree: by what is called, whatever it is called by.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "inspect/code/tree.h"
#include "inspect/syntax/syntax_tree.h"

namespace npmgate::code {

// A file that another one names: as a module (found as node finds modules), or by its path.
struct Load {
  std::string name;  // "./lib/a", "dep/x", or a path below the package root
  bool module = false;
  bool evaluated = false;  // its text is run
  friend auto operator<=>(const Load&, const Load&) = default;
};

// Something that another file of the package hands out and that this one calls while it is loaded.
struct ExportCall {
  std::string module;  // as the load names it
  std::string name;    // "" for the module itself or its default
  friend auto operator<=>(const ExportCall&, const ExportCall&) = default;
};

struct FileReading {
  CodeReading reading;
  std::vector<Load> loads;         // sorted, unique
  std::vector<ExportCall> calls;   // sorted, unique
  std::vector<std::string> hosts;  // that calls name, beside those the lexer finds
};

// Pure. `path`: the file's, below the package root. `called`: what of its exports others call while
// they are loaded. Linear but for folding, which has a budget.
FileReading read_code(std::string_view path, std::string_view text, const ParseLimits& limits = {},
                      const std::set<std::string>& called = {});

// The words as evidence keeps them: printable ASCII, at most `limit` bytes; what is not known is
// "*", the package's own folder ".", the folder it runs in "<project>".
std::string shown(std::string_view text, std::size_t limit = 160);

}  // namespace npmgate::code
