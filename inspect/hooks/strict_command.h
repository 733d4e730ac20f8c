// Reads an install hook's command strictly: what it cannot say for certain, it names.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "registry/manifest.h"

namespace npmgate {

// Whether the package holds what `node path` or `sh path` would load.
using HasFile = std::function<bool(std::string_view path)>;

// Why the command cannot be followed to the end, in order, each reason once and at most eight:
// expansions, globs, text given to an interpreter, programs that are not known, files that are not
// in the package … Empty: it runs only files of the package, programs that installs are known to
// use, and scripts of the same package.json of which the same is true. Words are read as sh and
// cmd.exe both read them; if these would differ, that is a reason. Linear in the texts; never
// fails.
std::vector<std::string> unresolved_parts(std::string_view command, const StringMap& scripts,
                                          const HasFile& has_file);

// The package that a program called by name comes from, if that is not the name itself:
// "node-pre-gyp" is @mapbox/node-pre-gyp's. "" for programs that are none of the known ones.
std::string_view package_of_program(std::string_view program);

}  // namespace npmgate
