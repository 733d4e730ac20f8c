// A release as an engineer reads it in a terminal: what it is, what changed, what that shows, what
// the policy makes of it.
#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "judge/judge.h"

namespace npmgate {

struct ReportInput {
  const Judged* judged = nullptr;
  const Release* baseline = nullptr;  // null: nothing to compare with
  Time now{};
  bool colour = false;
};
std::string report_text(const ReportInput& input);
boost::json::object report_json(const ReportInput& input);

}  // namespace npmgate
