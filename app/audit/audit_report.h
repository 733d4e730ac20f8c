// An audit as people and other programs read it.
#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "app/audit/audit.h"

namespace npmgate {

// Problems first: refused releases, mismatches, unknown ones, ways past the gate; a count of the
// rest.
std::string audit_text(const Audit& audit, bool colour);
// The same as a Markdown table, for a job summary.
std::string audit_markdown(const Audit& audit);
boost::json::object audit_json(const Audit& audit);
// SARIF 2.1.0: one result per release that is not simply allowed, at its line in the lockfile.
boost::json::object audit_sarif(const Audit& audit);
// CycloneDX 1.6: every release, verdicts as properties "npm-gate:…". `serial`: a UUID.
boost::json::object audit_sbom(const Audit& audit, Time now, const std::string& serial);

// What a row has to say besides "allow", in one line; "" if nothing.
std::string row_problem(const AuditRow& row);

}  // namespace npmgate
