// Follows an install hook into the package's files.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "inspect/code/source_tree.h"

namespace npmgate {

// Not thread-safe: remembers what every file reaches.
class HookFollower {
 public:
  // `scripts` are those of the package.json in the tarball: what `npm run` inside a hook reads,
  // wherever the hook was stated; `package_json` is the text that they are in.
  HookFollower(const SourceTree& tree, const StringMap& scripts,
               std::string_view package_json = {});

  HookReach follow(std::string hook, std::string command);
  // The implicit build of a root binding.gyp. Its command is "node-gyp rebuild" and a line for each
  // command that gyp runs.
  HookReach follow_build();

 private:
  struct Visit;
  void add_command(std::string_view command, Visit& visit, HookReach& reach);
  void add_program(std::string_view name, Visit& visit) const;
  void add_build(Visit& visit, HookReach& reach, std::string& commands);
  void add_gyp_file(std::size_t file, Visit& visit, HookReach& reach, std::string& commands);
  void close(Visit& visit, HookReach& reach);
  void add_patches(Visit& visit) const;
  void read_inputs(const Visit& visit, HookReach& reach) const;
  // What one file leads to: files that run, data that it acts on, addresses.
  struct Links {
    std::vector<std::size_t> code, data;
    std::vector<std::string> urls;
    bool settings = false;  // names package.json
  };
  const Links& links(std::size_t file);
  void add_data(std::string_view folder, const std::vector<std::string>& names, Links& out) const;
  void add_edges(std::string_view folder, const std::vector<std::string>& names, bool root_first,
                 std::vector<std::size_t>& out) const;

  const SourceTree& tree_;
  const StringMap& scripts_;
  std::multimap<std::string, std::size_t, std::less<>> programs_;  // files that serve them
  std::string_view package_json_;
  std::vector<std::optional<Links>> links_;
};

}  // namespace npmgate
