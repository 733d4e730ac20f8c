// Helpers of the lockfile tests: one line per entry, so that a table can say what a file holds.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "lockfile/lockfile.h"

namespace npmgate::testing {

inline Lockfile read(const std::string& text, const std::string& file) {
  LockfileResult result = parse_lockfile(text, file);
  for (const Problem& problem : result.problems) ADD_FAILURE() << problem.str();
  return result.lockfile.value_or(Lockfile{});
}

// "12: name@1.0.0 [alias] source spec dev optional -> a b"
inline std::string line_of(const Lockfile& lockfile, const LockEntry& entry) {
  std::string out = std::to_string(entry.line) + ": " + entry.name + "@" +
                    (entry.range.empty() ? entry.version : entry.range);
  if (!entry.alias.empty()) out += " [" + entry.alias + "]";
  if (entry.source != LockSource::kRegistry)
    out += " " + std::string(to_string(entry.source)) + " " + entry.spec;
  if (entry.dev) out += " dev";
  if (entry.optional) out += " optional";
  if (!entry.edges.empty()) out += " ->";
  for (const LockEdge& edge : entry.edges) {
    const LockEntry& to = lockfile.entries[edge.to];
    out += " " + to.name + "@" + to.version + (edge.optional ? "?" : "");
  }
  return out;
}

inline std::vector<std::string> lines_of(const Lockfile& lockfile) {
  std::vector<std::string> lines;
  for (const LockEntry& entry : lockfile.entries) lines.push_back(line_of(lockfile, entry));
  return lines;
}

inline std::vector<std::string> roots_of(const Lockfile& lockfile) {
  std::vector<std::string> names;
  for (const LockRoot& root : lockfile.roots)
    names.push_back(lockfile.entries[root.to].str() + (root.dev ? " dev" : "") +
                    (root.optional ? " optional" : ""));
  return names;
}

inline std::string joined(const std::vector<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : " > ") + part;
  return out;
}

using Lines = std::vector<std::string>;

}  // namespace npmgate::testing
