// What changed in the files of a release, for reviewers: the difference of the tarballs joined with
// what is known of each file. Pure.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "diff/content_diff.h"
#include "inspect/findings/findings.h"

namespace npmgate {

// Paths of the changed files, riskiest first: `report` is ReleaseReport::json()'s object, whose
// diff.files are in that order; files that a finding names come before all others. Empty if the
// files are not known.
std::vector<std::string> paths_to_show(const boost::json::object& report,
                                       const std::vector<Finding>& findings);

// {"files": [{path, change, on_install, new_traits, noise, before_size, after_size, shown, added,
// removed, cut, hunks, kind, before_kind, strings, marks}], "not_shown": N}, in the order of
// `diff`. A line of a hunk is [" " | "+" | "-", before, after, text]; `noise` says why a file can
// hardly matter, "" if it may; `marks` are the findings that name the file: {finding, severity,
// message, line}, line 0 if they name none. Lines are as visible_code() writes them.
boost::json::object diff_view(const ContentDiff& diff, const boost::json::object& report,
                              const std::vector<Finding>& findings);

}  // namespace npmgate
