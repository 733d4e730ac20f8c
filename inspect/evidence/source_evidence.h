// A release's tarball beside the commit that it is said to be made from: which of its files are the
// source's, byte for byte. Gathered apart from the tarball: tags and repositories can change.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace npmgate {

enum class SourceStatus { kSame, kDiffers, kAbsent };

// What the tree of one commit says about one tarball. Paths are below the tarball's top directory;
// one that ends in '/' stands for every file of the tarball below it. Lists are sorted.
struct SourceComparison {
  std::string directory;  // of the repository that the package's root is, "packages/left"; "" = all
  std::uint64_t same = 0;  // files whose bytes the source has: at their path, under the package's
                           // folder with the same name, or in the repository's root (LICENSE)
  std::vector<std::string> differs;  // the source has other bytes at this path
  std::vector<std::string> absent;   // the source has no such file: build output, as a rule
  // If package.json differs: the id of the source's, and what clients act on that the tarball says
  // and the source does not, "scripts.postinstall" or "dependencies.left-pad". Both lists are empty
  // until the source's was read.
  std::string manifest_blob;
  bool manifest_read = false;
  std::vector<std::string> manifest_added;
  std::vector<std::string> manifest_changed;

  SourceStatus status_of(std::string_view path) const;
  friend bool operator==(const SourceComparison&, const SourceComparison&) = default;
};

struct SourceEvidence {
  enum class State { kCompared, kUnavailable } state = State::kUnavailable;
  std::string reason;      // kUnavailable: why
  std::string repository;  // URL asked
  std::string commit;      // hex; "" if nothing names one
  std::string named_by;    // what names the commit: "tag v1.0.0", "provenance", "gitHead"
  std::string sha512;      // hex, of the tarball that was compared
  SourceComparison found;  // kCompared
  Time asked{};
  Time again{};  // not to be asked for before; only if it is unavailable
  friend bool operator==(const SourceEvidence&, const SourceEvidence&) = default;
};
// By version: a release's own and its baseline's.
using SourceEvidences = std::map<std::string, SourceEvidence, std::less<>>;

// Whether the commit that a release is said to be made from is reachable from a branch of the
// repository, as a git host answers at some moment: of people's work it is, as a rule; what was
// pushed beside it, or in a fork of which the host shows the commits as well, is not.
struct BranchEvidence {
  enum class State { kUnknown, kOnBranch, kOnNone } state = State::kUnknown;
  std::string reason;      // kUnknown: why
  std::string repository;  // URL asked
  std::string commit;      // hex
  std::string named_by;    // as SourceEvidence's
  // kOnNone: releases before it whose commits were asked about as well, and whether all of those
  // are on branches: some packages tag commits that no branch ever has.
  std::vector<std::string> earlier;
  bool earlier_on_branches = false;
  Time asked{};
  Time again{};  // not to be asked for before; only if it is unknown
  friend bool operator==(const BranchEvidence&, const BranchEvidence&) = default;
};

// Most entries of a list of paths or fields, and most bytes of one.
inline constexpr std::size_t kMaxSourcePaths = 4096;
inline constexpr std::size_t kMaxSourcePath = 4096;

boost::json::object to_json(const SourceComparison& comparison);
SourceComparison source_comparison_from_json(const boost::json::value& value, bool& ok);
boost::json::object to_json(const SourceEvidence& evidence);
SourceEvidence source_evidence_from_json(const boost::json::value& value, bool& ok);
boost::json::object to_json(const BranchEvidence& evidence);
BranchEvidence branch_evidence_from_json(const boost::json::value& value, bool& ok);

}  // namespace npmgate
