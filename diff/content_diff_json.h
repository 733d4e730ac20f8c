// ContentDiff as JSON: out of the sandbox worker, and to clients of the admin API.
#pragma once

#include <boost/json/value.hpp>

#include "diff/content_diff.h"

namespace npmgate {

boost::json::value to_json(const ContentDiff& diff);
// kMalformed for anything that content_diff() with these paths and limits could not have made: the
// text comes from a process that has read hostile bytes.
Result<ContentDiff> content_diff_from_json(const boost::json::value& value,
                                           const std::vector<std::string>& paths,
                                           const DiffLimits& limits);

}  // namespace npmgate
