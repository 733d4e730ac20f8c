// The JSON texts inside rows: lists of strings, findings, git tags. from_… is kCorrupt on anything
// to_… did not write; round trips are exact.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "inspect/findings/findings.h"
#include "policy/decide.h"

namespace npmgate {

std::string strings_to_text(const std::vector<std::string>& strings);
Result<std::vector<std::string>> strings_from_text(std::string_view text);

// One array per finding, [id, severity, message, source, proof]: a listing of 100,000 releases
// parses all of them.
std::string findings_to_text(const std::vector<Finding>& findings);
Result<std::vector<Finding>> findings_from_text(std::string_view text);

// What rules ask of a release's origin, Subject::provenance and Subject::lowest_risk; "" if there
// is neither. origin_from_text leaves the rest of `subject` as it is.
std::string origin_to_text(const Subject& subject);
Result<void> origin_from_text(std::string_view text, Subject& subject);

std::string tag_to_text(const TagEvidence& tag);
Result<TagEvidence> tag_from_text(std::string_view text);

// How every JSON text of this store is read: file names and messages may hold bytes that are no
// UTF-8.
Result<boost::json::value> parse_row_json(std::string_view text,
                                          boost::json::storage_ptr storage = {});

}  // namespace npmgate
