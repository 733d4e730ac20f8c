// What changed between a release and its baseline, as lists for people and for JSON. Pure.
#pragma once

#include <boost/json/array.hpp>
#include <optional>
#include <string>
#include <vector>

#include "app/report/report.h"

namespace npmgate {

enum class ChangeKind { kAdded, kRemoved, kChanged };
std::string_view to_string(ChangeKind kind);

struct Change {
  ChangeKind kind = ChangeKind::kAdded;
  std::string field;  // "dependencies", "peerDependencies" …; "" if the list is of one kind
  std::string key, before, after;
  friend bool operator==(const Change&, const Change&) = default;
};

struct FileChange {
  ChangeKind kind = ChangeKind::kAdded;
  const FileFacts* before = nullptr;
  const FileFacts* after = nullptr;
  bool on_install = false;              // an install hook reaches it
  std::vector<std::string> new_traits;  // measured now and not before
  const std::string& path() const { return after != nullptr ? after->path : before->path; }
};

struct ReleaseDiff {
  std::vector<Change> hooks;  // install scripts: union of packument and tarball
  std::vector<Change> bin;
  std::vector<Change> people;        // publisher, maintainers, repository, license
  std::vector<Change> dependencies;  // by field
  std::vector<FileChange> files;     // most telling first
  bool files_known = false;          // both tarballs were read
};
ReleaseDiff diff_of(const ReportInput& input);

std::vector<Change> compare(const StringMap& before, const StringMap& after,
                            const std::string& field = {});

}  // namespace npmgate
