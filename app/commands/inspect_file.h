// A bare .tgz file judged: no packument, so nothing about people, times or integrity is known.
#pragma once

#include <boost/json/object.hpp>
#include <memory>
#include <string>

#include "app/report/report.h"

namespace npmgate {

bool is_tarball_file(const std::string& spec);

// Compared with another file, or with nothing ("" = first release). `feed` (null: none) is asked
// about the name and version that its package.json says. kNotFound if a file cannot be read.
// CPU-bound.
Result<std::shared_ptr<const Judged>> judge_file(const std::string& path,
                                                 const std::string& baseline, const Policy& policy,
                                                 const Feed* feed, Time now);

// The lines that differ between the file and `baseline` ("" = all of it is new), compared in a
// worker, as GET …/diff has them. `report`: report_json() of `judged`.
Result<boost::json::object> file_diff(const Judged& judged, const std::string& path,
                                      const std::string& baseline,
                                      const boost::json::object& report);

}  // namespace npmgate
