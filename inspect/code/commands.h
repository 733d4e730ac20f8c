// What a command line runs, one level deeper than features.h's command_files: for trait scanning
// and for following hooks.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "inspect/code/features.h"

namespace npmgate {

struct ParsedCommand {
  CommandFiles files;
  std::vector<std::string> scripts;  // texts given to `node -e` and the like
  bool starts_shell = false;         // sh, bash, cmd, powershell as a program
  bool builds_addon = false;         // node-gyp, prebuild-install … read binding.gyp
};

// `scripts` are those of the package.json in whose folder the command runs.
ParsedCommand parse_command(std::string_view command, const StringMap& scripts = {});

}  // namespace npmgate
