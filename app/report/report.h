// A release as an engineer reads it in a terminal: what it is, what changed, what that shows, what
// the policy makes of it.
#pragma once

#include <boost/json/object.hpp>
#include <cstddef>
#include <string>
#include <string_view>

#include "judge/judge.h"

namespace npmgate {

struct ReportInput {
  const Judged* judged = nullptr;
  const Release* baseline = nullptr;           // null: nothing to compare with
  const ExternalEvidence* observed = nullptr;  // null: outside sources were not asked
  Time now{};
  bool feed_asked = false;  // an advisory feed was; without one nothing is known-malware
  bool colour = false;
  std::size_t width = 0;  // columns to fit into; 0: no limit (a pipe, a file)
};

// What is said if no feed was asked.
inline constexpr std::string_view kNoFeed =
    "No advisory feed was asked: known malware is not told (feeds: in gate.yaml, or inspect "
    "--feed).";

// Text from outside is made harmless for terminals: controls, bidi and invisible characters show
// as \uXXXX.
std::string report_text(const ReportInput& input);
// The same as data, complete; members are only ever added.
boost::json::object report_json(const ReportInput& input);

}  // namespace npmgate
