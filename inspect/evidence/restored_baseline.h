// A release that is an earlier one once more under another version number: what maintainers publish
// over a hijacked one.
#pragma once

#include <string>
#include <string_view>

#include "inspect/evidence/evidence.h"

namespace npmgate {

// SHA-256 hex of everything that a package.json says but its version, whatever its white space; ""
// if it is no JSON object.
std::string package_json_rest(std::string_view package_json);

// True only if nothing differs: both tarballs were read in whole; every file is in both with the
// same bytes and mode, except for the version in package.json; the packument says the same of both;
// and it was published by one of the earlier release's maintainers, or by its trusted publisher. If
// any of it is unknown: false. Documents are no exception: node loads a file of any name as code.
bool restored_baseline(const Release& release, const Evidence& evidence, const Release& baseline,
                       const Evidence& baseline_evidence);

}  // namespace npmgate
