// Which files of a package run: from every entry along what each file loads, reads and starts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "inspect/code/tree.h"
#include "inspect/hooks/hook_reach.h"
#include "inspect/syntax/capabilities.h"

namespace npmgate::code {

struct ReachLimits {
  std::uint64_t max_bytes = 24u << 20;  // parsed in one package; 3 CPU-seconds
  ParseLimits parse;
};

// Fills entry_points of the tree, and for each file that an entry reaches `reading`, `loads` and,
// whatever its name, `code`. `tree.files` and `sources.files()` are the same files in the same
// order; hooks must have been followed. `package_json`: the accepted text, or "".
void read_reached(const SourceTree& sources, std::string_view package_json, Tree& tree,
                  const ReachLimits& limits = {});

// What the lexer found, in the words of capabilities: for other languages, and what no parser read.
std::vector<Capability> lexed_capabilities(const CodeFeatures& code);

// A file whose name says picture, font, sound or archive, and that is text.
bool is_disguised(std::string_view path, std::string_view body);

}  // namespace npmgate::code
