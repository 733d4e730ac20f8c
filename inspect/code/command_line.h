// A shell command line taken apart into simple commands, read as sh reads it and, if that costs
// nothing, as cmd.exe does.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace npmgate {

struct SimpleCommand {
  std::vector<std::string> words;  // quotes removed; a backslash before a letter is kept, cmd.exe
                                   // takes it for a path separator
  std::vector<std::string> reads;  // < file
  std::size_t depth = 0;           // of round brackets
};

struct CommandLine {
  std::vector<SimpleCommand> commands;
  std::vector<std::string> nested;  // insides of $(…) and `…`
  bool writes = false;  // redirects into something that is neither /dev/null nor another descriptor
  bool piped = false;
  bool unclosed =
      false;  // a quote or substitution without an end: the rest of the line is its inside
};

// Linear time, never fails.
CommandLine split_command(std::string_view line);

}  // namespace npmgate
