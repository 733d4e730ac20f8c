// package.json: what is asked for, not what is installed.
#include "lockfile/builder.h"

namespace npmgate {

void read_package_json(const DocNode& root, LockBuilder& builder) {
  const auto read = [&](std::string_view list, bool dev, bool optional) {
    for_each_text(root, list, [&](const DocNode& wanted) {
      // npm: what stands in optionalDependencies replaces the same name elsewhere; asking twice is
      // no mistake.
      if (builder.find(wanted.key)) return;
      LockEntry entry;
      entry.id = wanted.key;
      entry.name = wanted.key;
      entry.line = wanted.line;
      entry.range = wanted.text.empty() ? "*" : wanted.text;
      entry.dev = dev;
      entry.optional = optional;
      entry.source = source_of(entry.range);
      if (entry.range.starts_with("npm:")) {
        std::tie(entry.name, entry.range) = split_at(entry.range.substr(4));
        entry.alias = wanted.key;
        if (entry.range.empty()) entry.range = "*";
      }
      if (entry.source != LockSource::kRegistry) entry.spec = wanted.text;
      builder.add(std::move(entry));
    });
  };
  read("optionalDependencies", false, true);
  read("dependencies", false, false);
  read("peerDependencies", false, false);
  read("devDependencies", true, false);
}

}  // namespace npmgate
